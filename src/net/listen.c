/* SPDX-License-Identifier: ISC */
#include "net/listen.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/log.h"

static enum err failed(int *fd, struct diag *d, const char *what, const struct net_addr *at)
{
    char text[NET_ADDR_TEXT_BYTES];
    struct buf b = BUF_OVER(text);
    int sys = errno;

    net_addr_put(&b, at);
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
    return diag_set(d, err_of_errno(sys), sys, "cannot %s %.*s", what, SPAN_ARG(buf_span(&b)));
}

/* A Unix socket that nobody listens on any more stands in the way of the next. */
static void remove_stale(const struct net_addr *at)
{
    struct stat st = {0};
    const char *path = at->u.path.sun_path;

    if (lstat(path, &st) != 0 || !S_ISSOCK(st.st_mode))
        return;
    int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (probe < 0)
        return;
    if (connect(probe, &at->u.any, at->len) != 0 && errno == ECONNREFUSED)
        unlink(path);
    close(probe);
}

/*
 * A Unix socket has its permissions from its first moment on. Whoever may write to its directory
 * could put another name in its place, so they are not changed by path.
 */
static bool bind_as(int fd, const struct net_addr *at, mode_t mode)
{
    mode_t former = umask(~mode & 0777);
    int result = bind(fd, &at->u.any, at->len);

    umask(former);
    return result == 0;
}

enum err listen_open(const struct net_addr *at, mode_t mode, int *out_fd, struct diag *d)
{
    int family = net_addr_family(at);
    const int on = 1;
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        return failed(&fd, d, "make a socket for", at);
    if (family == AF_UNIX)
        remove_stale(at);
    else
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    if (!bind_as(fd, at, mode))
        return failed(&fd, d, "bind", at);
    if (listen(fd, LISTEN_BACKLOG) != 0)
        return failed(&fd, d, "listen on", at);
    *out_fd = fd;
    return ERR_OK;
}

enum err listen_where(int fd, struct net_addr *out_addr)
{
    struct net_addr a = {.len = sizeof a.u};

    if (getsockname(fd, &a.u.any, &a.len) != 0)
        return err_of_errno(errno);
    *out_addr = a;
    return ERR_OK;
}

static void on_pause_over(void *arg)
{
    struct listener *l = arg;
    loop_io_want(&l->io, LOOP_READ);
}

/* No descriptor or no memory: let the sessions at hand end first. */
static void pause_accept(struct listener *l, int sys)
{
    loop_io_want(&l->io, 0);
    loop_timer_set(&l->pause, LISTEN_PAUSE_MS);
    if (l->failing)
        return;
    l->failing = true;
    struct diag d = {0};
    diag_set(&d, err_of_errno(sys), sys, "cannot accept connections; trying again");
    struct log_line line = log_begin(LOG_ACCEPT_FAILED, LOG_ERROR);
    log_diag(&line, &d);
    log_end(&line);
}

/* Errors of the one connection that was about to come, not of the listener (accept(2)). */
static bool is_passing(int sys)
{
    static const int passing[] = {EINTR,       ECONNABORTED, EPERM,        EPROTO,      ENETDOWN,
                                  ENOPROTOOPT, EHOSTDOWN,    EHOSTUNREACH, ENETUNREACH, EOPNOTSUPP};
    for (size_t i = 0; i < COUNT(passing); i++) {
        if (passing[i] == sys)
            return true;
    }
    return false;
}

/* False when there is nothing more to accept now. */
static bool accept_one(struct listener *l)
{
    struct net_addr client = {.len = sizeof client.u};
    int fd = accept4(l->fd, &client.u.any, &client.len, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (fd < 0 && is_passing(errno))
        return true;
    if (fd < 0) {
        if (errno != EAGAIN)
            pause_accept(l, errno);
        return false;
    }
    l->failing = false;
    l->fn(l->arg, fd, &client);
    return l->io.want != 0;
}

static void on_ready(void *arg, unsigned ready)
{
    struct listener *l = arg;

    (void)ready;
    for (unsigned i = 0; i < LISTEN_BURST && accept_one(l); i++)
        continue;
}

bool listener_start(struct listener *l, struct loop *loop, int fd, listen_fn *fn, void *arg)
{
    const int on = 1;

    /* Connections inherit it, which saves a call each; a Unix socket refuses it, and may. */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    *l = (struct listener){.fn = fn, .arg = arg, .fd = fd};
    loop_io_init(&l->io, on_ready, l);
    loop_timer_init(&l->pause, loop, on_pause_over, l);
    return loop_io_start(loop, &l->io, fd, LOOP_READ);
}

void listener_hold(struct listener *l, bool hold)
{
    loop_timer_stop(&l->pause);
    loop_io_want(&l->io, hold ? 0 : LOOP_READ);
}

void listener_stop(struct listener *l)
{
    if (l->io.loop == NULL)
        return;
    loop_timer_stop(&l->pause);
    loop_io_stop(&l->io);
}
