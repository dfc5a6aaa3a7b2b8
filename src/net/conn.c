/* SPDX-License-Identifier: ISC */
#include "net/conn.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <unistd.h>

static void on_timer(void *arg)
{
    struct conn *c = arg;

    if (!c->connecting) {
        c->fn(c->arg, c, CONN_TIMEOUT, 0);
        return;
    }
    c->connecting = false;
    c->error = ETIMEDOUT;
    loop_io_want(&c->io, 0);
    c->fn(c->arg, c, CONN_REFUSED, 0);
}

static void connected(struct conn *c)
{
    socklen_t n = sizeof c->error;

    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &c->error, &n) != 0)
        c->error = errno;
    c->connecting = false;
    loop_timer_stop(&c->timer);
    loop_io_want(&c->io, 0);
    c->fn(c->arg, c, c->error == 0 ? CONN_CONNECTED : CONN_REFUSED, 0);
}

static void on_ready(void *arg, unsigned ready)
{
    struct conn *c = arg;

    if (c->connecting) {
        connected(c);
        return;
    }
    if (c->layer != NULL)
        ready = c->layer->ready(c, ready);
    if (ready != 0)
        c->fn(c->arg, c, CONN_READY, ready);
}

static bool start(struct conn *c, struct loop *loop, int fd, unsigned want)
{
    c->fd = fd;
    loop_io_init(&c->io, on_ready, c);
    loop_timer_init(&c->timer, loop, on_timer, c);
    if (loop_io_start(loop, &c->io, fd, want))
        return true;
    c->error = errno != 0 ? errno : ENOMEM;
    close(fd);
    c->fd = -1;
    return false;
}

bool conn_accept(struct conn *c, struct loop *loop, int fd, conn_fn *fn, void *arg)
{
    *c = (struct conn){.fn = fn, .arg = arg, .fd = -1};
    return start(c, loop, fd, 0);
}

/* A socket that is connecting to t, or -1 with errno. */
static int socket_towards(const struct conn_target *t)
{
    int family = net_addr_family(t->to);
    const int on = 1;
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        return -1;
    if (family != AF_UNIX)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    bool ok = t->from == NULL || t->from->len == 0 ||
              (setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on),
               bind(fd, &t->from->u.any, t->from->len) == 0);
    if (ok && (connect(fd, &t->to->u.any, t->to->len) == 0 || errno == EINPROGRESS))
        return fd;
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

bool conn_connect(struct conn *c, struct loop *loop, const struct conn_target *t, conn_fn *fn,
                  void *arg)
{
    *c = (struct conn){.fn = fn, .arg = arg, .fd = -1, .connecting = true};
    int fd = socket_towards(t);
    if (fd < 0) {
        c->error = errno;
        return false;
    }
    if (!start(c, loop, fd, LOOP_WRITE))
        return false;
    conn_timeout(c, t->timeout_ms);
    return true;
}

/* What a failed read or write means; "nothing now" is no failure. */
static enum err failure(struct conn *c)
{
    if (errno == EAGAIN || errno == EINTR)
        return ERR_OK;
    c->error = errno;
    return err_of_errno(errno);
}

enum err conn_read(struct conn *c, char *p, size_t cap, size_t *out_n)
{
    *out_n = 0;
    if (c->layer != NULL)
        return c->layer->read(c, p, cap, out_n);
    ssize_t n = read(c->fd, p, cap);
    if (n < 0)
        return failure(c);
    *out_n = (size_t)n;
    return n == 0 && cap != 0 ? ERR_CLOSED : ERR_OK;
}

enum err conn_write(struct conn *c, span s, size_t *out_n)
{
    *out_n = 0;
    if (s.n == 0)
        return ERR_OK;
    if (c->layer != NULL)
        return c->layer->write(c, s, out_n);
    ssize_t n = send(c->fd, s.p, s.n, MSG_NOSIGNAL);
    if (n < 0)
        return failure(c);
    *out_n = (size_t)n;
    return ERR_OK;
}

bool conn_has_input(const struct conn *c)
{
    char octet;

    return recv(c->fd, &octet, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

void conn_want(struct conn *c, unsigned want)
{
    BUG_IF(c->connecting, "a connection that is not made yet can wait for nothing else");
    loop_io_want(&c->io, c->layer != NULL ? c->layer->want(c, want) : want);
}

void conn_timeout(struct conn *c, int64_t ms)
{
    if (ms > 0)
        loop_timer_set_common(&c->timer, ms);
    else
        loop_timer_stop(&c->timer);
}

void conn_close(struct conn *c)
{
    if (c->fd < 0)
        return;
    if (c->layer != NULL)
        c->layer->close(c);
    c->layer = NULL;
    loop_timer_stop(&c->timer);
    loop_io_stop(&c->io);
    close(c->fd);
    c->fd = -1;
    c->connecting = false;
}
