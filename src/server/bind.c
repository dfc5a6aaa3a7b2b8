/* SPDX-License-Identifier: ISC */
#include "server/bind.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "net/listen.h"
#include "os/log.h"
#include "os/notify.h"

#define SOCKET_MODE      0660
#define OPEN_SOCKET_MODE 0666
#define ACTIVATED_PREFIX "fd:"

static size_t activated_count;
static struct notify_fd activated[NOTIFY_FDS_MAX];

void bind_init(void)
{
    activated_count = notify_listen_fds(activated);
}

void bind_close(struct bound *b)
{
    for (size_t i = 0; i < b->count; i++)
        close(b->listeners[i].fd);
    b->count = 0;
}

static int dup_of(int fd)
{
    return fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
}

/* A socket that systemd handed over under this name; a copy, so that each generation closes its
 * own. */
static enum err take_activated(span name, int *out_fd, struct diag *d)
{
    for (size_t i = 0; i < activated_count; i++) {
        if (!span_eq(span_cstr(activated[i].name), name))
            continue;
        *out_fd = dup_of(activated[i].fd);
        return *out_fd >= 0 ? ERR_OK : diag_set(d, ERR_LIMIT, errno, "no descriptor left");
    }
    return diag_set(d, ERR_CONF, 0, "no socket named \"%.*s\" was handed over at the start",
                    SPAN_ARG(name));
}

/* The same address is bound already: keep that socket, so that no connection is refused. */
static int take_bound(const struct bound *former, const struct net_addr *at)
{
    for (size_t i = 0; former != NULL && i < former->count; i++) {
        if (net_addr_eq(&former->wanted[i], at))
            return dup_of(former->listeners[i].fd);
    }
    return -1;
}

static enum err open_one(const struct supervisor_listen *want, const struct bound *former,
                         struct net_addr *wanted, int *out_fd, struct diag *d)
{
    span text = span_cstr(want->address);
    mode_t mode = want->open ? OPEN_SOCKET_MODE : SOCKET_MODE;

    *wanted = (struct net_addr){0};
    if (span_starts(text, SPAN(ACTIVATED_PREFIX)))
        return take_activated(span_skip(text, sizeof ACTIVATED_PREFIX - 1), out_fd, d);
    enum err e = net_addr_parse(text, wanted, d);
    if (e != ERR_OK)
        return e;
    *out_fd = take_bound(former, wanted);
    return *out_fd >= 0 ? ERR_OK : listen_open(wanted, mode, out_fd, d);
}

static void say_listening(const struct proc_listener *at)
{
    char text[NET_ADDR_TEXT_BYTES];
    struct buf b = BUF_OVER(text);
    struct log_line l = log_begin(LOG_SERVER_LISTEN, LOG_INFO);

    net_addr_put(&b, &at->at);
    log_cstr(&l, KEY_LISTENER, at->name);
    log_str(&l, KEY_ADDRESS, buf_span(&b));
    log_end(&l);
}

enum err bind_all(struct bound *b, const struct supervisor_plan *plan, const struct bound *former,
                  struct diag *d)
{
    for (size_t i = 0; i < plan->listen_count; i++) {
        const struct supervisor_listen *want = &plan->listens[i];
        struct proc_listener *at = &b->listeners[i];
        *at =
            (struct proc_listener){.name = want->name, .kind = want->kind, .config = want->config};
        enum err e = open_one(want, former, &b->wanted[i], &at->fd, d);
        if (e != ERR_OK)
            return e;
        b->count++;
        if (listen_where(at->fd, &at->at) != ERR_OK)
            return diag_set(d, ERR_CONF, errno, "%s is no socket to listen on", want->address);
        say_listening(at);
    }
    return ERR_OK;
}
