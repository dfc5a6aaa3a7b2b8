/* SPDX-License-Identifier: ISC */
#include "os/notify.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/num.h"

#define FIRST_FD 3 /* SD_LISTEN_FDS_START */

static struct {
    int fd;
    struct sockaddr_un to;
    socklen_t to_len;
    char names[1024];
} notify = {.fd = -1};

void notify_init(void)
{
    span path = span_cstr(getenv("NOTIFY_SOCKET"));
    struct sockaddr_un *to = &notify.to;
    bool fits = path.n > 1 && path.n < sizeof to->sun_path;

    if (fits && (path.p[0] == '/' || path.p[0] == '@')) {
        to->sun_family = AF_UNIX;
        memcpy(to->sun_path, path.p, path.n);
        notify.to_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + path.n);
        if (path.p[0] == '@')
            to->sun_path[0] = '\0'; /* an abstract socket */
        notify.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    }
    unsetenv("NOTIFY_SOCKET");
}

void notify_say(const char *state)
{
    char text[256];
    struct buf b = BUF_OVER(text);

    if (notify.fd < 0)
        return;
    buf_put(&b, span_cstr(state));
    if (span_eq(span_cstr(state), SPAN("RELOADING=1"))) {
        struct timespec t = {0};
        clock_gettime(CLOCK_MONOTONIC, &t);
        buf_printf(&b, "\nMONOTONIC_USEC=%lld",
                   (long long)t.tv_sec * 1000000 + (long long)t.tv_nsec / 1000);
    }
    /* Nobody to hear it is no reason to do anything else. */
    (void)!sendto(notify.fd, b.p, b.n, MSG_NOSIGNAL, (const struct sockaddr *)&notify.to,
                  notify.to_len);
}

size_t notify_listen_fds(struct notify_fd out[NOTIFY_FDS_MAX])
{
    uint64_t pid = 0;
    uint64_t count = 0;
    struct buf names = BUF_OVER(notify.names);
    bool ours = num_parse_u64(span_cstr(getenv("LISTEN_PID")), INT32_MAX, &pid) &&
                pid == (uint64_t)getpid() &&
                num_parse_u64(span_cstr(getenv("LISTEN_FDS")), NOTIFY_FDS_MAX, &count);

    buf_put(&names, span_cstr(getenv("LISTEN_FDNAMES")));
    char *name = buf_cstr(&names) != NULL ? notify.names : NULL;
    for (size_t i = 0; ours && i < count; i++) {
        int fd = FIRST_FD + (int)i;
        fcntl(fd, F_SETFD, FD_CLOEXEC);
        fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
        out[i] = (struct notify_fd){fd, name != NULL ? name : ""};
        char *end = name != NULL ? strchr(name, ':') : NULL;
        if (end != NULL)
            *end = '\0';
        name = end != NULL ? end + 1 : NULL;
    }
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    return ours ? (size_t)count : 0;
}
