/* SPDX-License-Identifier: ISC */
/*
 * Reading: one buffer of the process takes as much as the socket has. Complete
 * frames are handed over where they lie; what is left at the end, the beginning
 * of a frame, is kept in `in` and finished first by the next read:
 *
 *     [ in: beginning of a frame | room for its rest ][ scratch ..................... ]
 *
 * Descriptors: the sender attaches one to the first octet of its frame and sets
 * a flag in the frame's head. The kernel ends a read after data that carried
 * one, so at any time at most one is waiting for its frame to be complete.
 *
 * Writing: octets of all frames lie in `out`; `fds` says at which places of the
 * stream a descriptor goes along, and one sendmsg never passes such a place.
 */
#include "net/chan.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/pack.h"
#include "os/log.h"

#define SCRATCH_BYTES (256u << 10)
#define FLUSH_BYTES   (192u << 10) /* queued this much: write now, not at the turn's end */
#define SOCKET_BYTES  (4 << 20)    /* asked for; the kernel gives what its limits allow */
#define FLAG_FD       1u
#define IN_FDS        4
#define IDLE_KEEP_BYTES                                                                            \
    (512u << 10) /* a queue's memory above this is given back when it is empty */

static char scratch[SCRATCH_BYTES];

struct head {
    uint32_t length;
    uint16_t type;
    uint16_t flags;
    uint32_t tag;
};

static struct head head_read(span s)
{
    struct unpack u = unpack_over(span_head(s, CHAN_HEAD_BYTES));
    struct head h = {.length = unpack_u32(&u)};

    h.type = unpack_u16(&u);
    h.flags = unpack_u16(&u);
    h.tag = unpack_u32(&u);
    return h;
}

static void drop_fds(struct chan *c)
{
    for (unsigned i = 0; i < c->fd_count; i++)
        close(c->fds[i].fd);
    c->fd_count = 0;
}

void chan_close(struct chan *c)
{
    if (!c->open)
        return;
    c->open = false;
    loop_task_cancel(c->loop, &c->flush);
    loop_io_stop(&c->io);
    close(c->fd);
    c->fd = -1;
    if (c->in_fd >= 0)
        close(c->in_fd);
    c->in_fd = -1;
    drop_fds(c);
    heap_finish(&c->out);
    heap_finish(&c->in);
}

static void end(struct chan *c, enum chan_end why)
{
    chan_close(c);
    if (c->conf.on_closed != NULL)
        c->conf.on_closed(c->conf.arg, c, why);
}

static void end_malformed(struct chan *c)
{
    struct log_line l = log_begin(LOG_CHANNEL_BROKEN, LOG_ERROR);
    log_cstr(&l, KEY_PEER, c->conf.name);
    log_cstr(&l, KEY_REASON, c->wrong);
    log_end(&l);
    end(c, CHAN_MALFORMED);
}

/* What is wrong with the head of a frame, or NULL. */
static const char *head_wrong(const struct chan *c, const struct head *h)
{
    if (h->type >= c->conf.type_count || c->conf.types[h->type].name == NULL)
        return "unknown type of frame";
    const struct chan_type *t = &c->conf.types[h->type];
    if (h->length > t->max)
        return "frame too long for its type";
    if ((h->flags & ~FLAG_FD) != 0)
        return "unknown flag";
    if ((h->flags & FLAG_FD) != 0 && !t->carries_fd)
        return "descriptor with a frame that has none";
    return NULL;
}

static void deliver(struct chan *c, const struct head *h, span body)
{
    struct chan_frame f = {h->type, h->tag, body, -1};

    if ((h->flags & FLAG_FD) != 0) {
        f.fd = c->in_fd;
        c->in_fd = -1;
    }
    c->conf.on_frame(c->conf.arg, c, &f);
    if (f.fd >= 0)
        close(f.fd);
}

/* False once a rule was broken or a callback closed the channel: then touch nothing more. */
static bool goes_on(const struct chan *c)
{
    return c->open && c->wrong == NULL;
}

/*
 * Hand over the complete frames at the front of s, as long as the channel goes on.
 *
 * returns octets used; the rest is the beginning of a frame
 */
static size_t deliver_all(struct chan *c, span s)
{
    size_t used = 0;

    while (goes_on(c) && s.n - used >= CHAN_HEAD_BYTES) {
        span rest = span_skip(s, used);
        struct head h = head_read(rest);
        c->wrong = head_wrong(c, &h);
        if (c->wrong != NULL || rest.n - CHAN_HEAD_BYTES < h.length)
            break;
        if ((h.flags & FLAG_FD) != 0 && c->in_fd < 0) {
            c->wrong = "descriptor announced and not sent";
            break;
        }
        used += CHAN_HEAD_BYTES + h.length;
        deliver(c, &h, span_of(rest.p + CHAN_HEAD_BYTES, h.length));
    }
    return used;
}

/* Octets that the frame in `in` still needs, as far as is known. */
static size_t in_missing(const struct chan *c)
{
    span s = heap_span(&c->in);

    if (s.n == 0)
        return 0;
    if (s.n < CHAN_HEAD_BYTES)
        return CHAN_HEAD_BYTES - s.n;
    return CHAN_HEAD_BYTES + head_read(s).length - s.n;
}

/* Keep the descriptors of one message; false when there is one too many. */
static bool take_fds(struct chan *c, struct msghdr *m)
{
    bool good = (m->msg_flags & MSG_CTRUNC) == 0;

    for (struct cmsghdr *h = CMSG_FIRSTHDR(m); h != NULL; h = CMSG_NXTHDR(m, h)) {
        if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS)
            continue;
        size_t count = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; i++) {
            int fd = -1;
            memcpy(&fd, CMSG_DATA(h) + i * sizeof fd, sizeof fd);
            if (c->in_fd < 0) {
                c->in_fd = fd;
                continue;
            }
            close(fd);
            good = false;
        }
    }
    return good;
}

/* Finish the frame in `in` with the first octets of the read; then it is handed over. */
static void in_add(struct chan *c, size_t n)
{
    heap_added(&c->in, n);
    span s = heap_span(&c->in);
    if (deliver_all(c, s) == s.n && goes_on(c))
        heap_reset(&c->in);
}

/* n octets came: the first `missing` of them lie in `in`, the others in scratch. False: no memory.
 */
static bool received(struct chan *c, size_t n, size_t missing)
{
    size_t first = min_size(n, missing);
    size_t used = 0;
    span rest = span_of(scratch, n - first);

    if (first != 0)
        in_add(c, first);
    /* A head that was just completed: now it is known how much its frame needs. */
    while (goes_on(c) && c->in.n != 0 && rest.n != 0) {
        size_t more = min_size(in_missing(c), rest.n);
        char *room = heap_room(&c->in, more);
        if (room == NULL)
            return false;
        memcpy(room, rest.p, more);
        rest = span_skip(rest, more);
        in_add(c, more);
    }
    if (goes_on(c))
        used = deliver_all(c, rest);
    if (!goes_on(c))
        return true;
    if (c->in_fd >= 0 && used == rest.n && c->in.n == 0)
        c->wrong = "descriptor without a frame";
    return heap_put(&c->in, span_skip(rest, used));
}

static void receive(struct chan *c)
{
    union {
        struct cmsghdr align;
        char room[CMSG_SPACE(sizeof(int) * IN_FDS)];
    } control;
    size_t missing = in_missing(c);
    char *room = missing != 0 ? heap_room(&c->in, missing) : NULL;
    struct iovec parts[2] = {{room, missing}, {scratch, sizeof scratch}};
    struct msghdr m = {.msg_iov = room != NULL ? parts : parts + 1,
                       .msg_iovlen = room != NULL ? 2 : 1,
                       .msg_control = control.room,
                       .msg_controllen = sizeof control.room};

    if (missing != 0 && room == NULL) {
        end(c, CHAN_FAILED);
        return;
    }
    ssize_t n = recvmsg(c->fd, &m, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        end(c, n == 0 || errno == ECONNRESET ? CHAN_PEER_GONE : CHAN_FAILED);
        return;
    }
    if (!take_fds(c, &m))
        c->wrong = "more descriptors than frames";
    bool secret = c->conf.secret;
    bool kept = !goes_on(c) || received(c, (size_t)n, missing);
    if (secret)
        explicit_bzero(scratch, min_size((size_t)n, sizeof scratch));
    if (c->open && c->wrong != NULL)
        end_malformed(c);
    else if (c->open && !kept)
        end(c, CHAN_FAILED);
}

/* Writing */

static void watch(struct chan *c)
{
    loop_io_want(&c->io, (c->held ? 0u : LOOP_READ) | (c->out.n != 0 ? LOOP_WRITE : 0u));
}

/* One sendmsg: up to the next place where a descriptor goes along. Octets written, or -1. */
static ssize_t write_part(struct chan *c)
{
    union {
        struct cmsghdr align;
        char room[CMSG_SPACE(sizeof(int))];
    } control = {0};
    span s = heap_span(&c->out);
    struct msghdr m = {.msg_iovlen = 1};
    bool with_fd = c->fd_count != 0 && c->fds[0].at == c->written;
    unsigned next = with_fd ? 1 : 0;

    if (next < c->fd_count)
        s = span_head(s, (size_t)(c->fds[next].at - c->written));
    struct iovec part = {(void *)(uintptr_t)s.p, s.n};
    m.msg_iov = &part;
    if (with_fd) {
        control.align = (struct cmsghdr){
            .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
        memcpy(CMSG_DATA(&control.align), &c->fds[0].fd, sizeof(int));
        m.msg_control = control.room;
        m.msg_controllen = sizeof control.room;
    }
    ssize_t n = sendmsg(c->fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n > 0 && with_fd) {
        close(c->fds[0].fd);
        c->fd_count--;
        memmove(c->fds, c->fds + 1, c->fd_count * sizeof c->fds[0]);
    }
    return n;
}

/* The other end does not keep up, or the kernel has no memory: what is queued stays for later. */
static bool is_passing(int sys)
{
    return sys == EAGAIN || sys == ENOBUFS || sys == ENOMEM || sys == ETOOMANYREFS;
}

/* False when the other end is gone. */
static bool write_queue(struct chan *c)
{
    while (c->out.n != 0) {
        ssize_t n = write_part(c);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return is_passing(errno);
        c->written += (uint64_t)n;
        heap_drop(&c->out, (size_t)n);
    }
    if (c->out.cap > IDLE_KEEP_BYTES)
        heap_release(&c->out);
    return true;
}

void chan_flush(struct chan *c)
{
    /* A write error is told by the read that follows it, after what the peer still said. */
    if (!c->open || write_queue(c))
        return;
    heap_reset(&c->out);
    drop_fds(c);
}

static void on_flush(void *arg)
{
    struct chan *c = arg;

    chan_flush(c);
    watch(c);
    if (c->full && c->out.n < CHAN_LOW_BYTES) {
        c->full = false;
        if (c->conf.on_room != NULL)
            c->conf.on_room(c->conf.arg, c);
    }
}

static void on_ready(void *arg, unsigned ready)
{
    struct chan *c = arg;

    if ((ready & LOOP_WRITE) != 0)
        on_flush(c);
    else
        receive(c);
}

/* Whether one more frame may be queued. */
static enum err send_check(const struct chan *c, uint64_t body, int fd)
{
    if (!c->open)
        return ERR_CLOSED;
    if (body > UINT32_MAX || c->out.n + body + CHAN_HEAD_BYTES > CHAN_QUEUE_BYTES)
        return ERR_LIMIT;
    return fd >= 0 && c->fd_count == CHAN_FDS_MAX ? ERR_LIMIT : ERR_OK;
}

static enum err queue_frame(struct chan *c, const struct head *h, span head, span body)
{
    char bytes[CHAN_HEAD_BYTES];
    struct buf b = BUF_OVER(bytes);

    pack_u32(&b, h->length);
    pack_u16(&b, h->type);
    pack_u16(&b, h->flags);
    pack_u32(&b, h->tag);
    if (heap_room(&c->out, CHAN_HEAD_BYTES + head.n + body.n) == NULL) {
        c->out.failed = false; /* this frame is refused, the next may fit */
        return ERR_NOMEM;
    }
    bool fits =
        heap_put(&c->out, buf_span(&b)) && heap_put(&c->out, head) && heap_put(&c->out, body);
    BUG_IF(!fits, "a frame that had room did not fit");
    return ERR_OK;
}

enum err chan_send(struct chan *c, uint16_t type, uint32_t tag, span head, span body, int fd)
{
    struct head h = {(uint32_t)(head.n + body.n), type, fd >= 0 ? FLAG_FD : 0, tag};
    enum err e = send_check(c, (uint64_t)head.n + body.n, fd);
    uint64_t at = c->written + c->out.n;

    if (e == ERR_OK)
        e = queue_frame(c, &h, head, body);
    if (e != ERR_OK) {
        if (fd >= 0)
            close(fd);
        return e;
    }
    if (fd >= 0)
        c->fds[c->fd_count++] = (struct chan_fd){at, fd};
    loop_defer_end(c->loop, &c->flush);
    if (c->out.n >= FLUSH_BYTES)
        chan_flush(c);
    c->full = c->full || c->out.n > CHAN_HIGH_BYTES;
    return ERR_OK;
}

bool chan_is_full(const struct chan *c)
{
    return c->full;
}

size_t chan_queued(const struct chan *c)
{
    return c->out.n;
}

void chan_hold(struct chan *c, bool hold)
{
    if (!c->open)
        return;
    c->held = hold;
    watch(c);
}

/* The longest frame that may come, so that a beginning of it can be kept. */
static size_t longest(const struct chan_conf *conf)
{
    size_t n = 0;
    for (size_t i = 0; i < conf->type_count; i++)
        n = conf->types[i].max > n ? conf->types[i].max : n;
    return n + CHAN_HEAD_BYTES;
}

enum err chan_open(struct chan *c, struct loop *loop, int fd, const struct chan_conf *conf)
{
    *c = (struct chan){.conf = *conf, .loop = loop, .fd = fd, .in_fd = -1};
    (conf->secret ? heap_init_secret : heap_init)(&c->out, CHAN_QUEUE_BYTES);
    (conf->secret ? heap_init_secret : heap_init)(&c->in, longest(conf));
    loop_task_init(&c->flush, on_flush, c);
    loop_io_init(&c->io, on_ready, c);
    if (!loop_io_start(loop, &c->io, fd, LOOP_READ)) {
        close(fd);
        c->fd = -1;
        return ERR_NOMEM;
    }
    c->open = true;
    return ERR_OK;
}

enum err chan_pair(int out_fds[2])
{
    int fds[2];
    const int size = SOCKET_BYTES;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) != 0)
        return err_of_errno(errno);
    for (size_t i = 0; i < 2; i++) {
        /* The first needs a right; the second takes what anybody may have. */
        if (setsockopt(fds[i], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size) != 0)
            (void)setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
        out_fds[i] = fds[i];
    }
    return ERR_OK;
}
