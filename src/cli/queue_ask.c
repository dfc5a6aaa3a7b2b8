/* SPDX-License-Identifier: ISC */
/* Asking the queue: the process that has it, or, when there is none, the store itself. */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "cli/queue.h"
#include "net/chan.h"
#include "os/heap.h"
#include "os/log.h"
#include "queue/frames.h"
#include "server/queue.h"

struct cli_queue {
    bool direct;
    struct queue queue; /* direct */
    struct buf out;     /* direct: the reply */

    struct loop *loop;
    struct chan chan;
    struct heap_buf reply;
    bool answered;
    bool closed;
};

static void on_frame(void *arg, struct chan *chan, struct chan_frame *f)
{
    struct cli_queue *q = arg;

    (void)chan;
    heap_reset(&q->reply);
    q->answered = heap_put(&q->reply, f->body);
    q->closed = !q->answered;
}

static void on_closed(void *arg, struct chan *chan, enum chan_end why)
{
    struct cli_queue *q = arg;

    (void)chan;
    (void)why;
    q->closed = true;
}

static const struct chan_type types[] = {
    [QUEUE_CTL_REPLY] = {"answer", CTL_REPLY_BYTES, false},
};

static enum err link_to(struct cli_queue *q, int fd)
{
    struct chan_conf conf = {
        .name = "queue",
        .types = types,
        .type_count = COUNT(types),
        .on_frame = on_frame,
        .on_closed = on_closed,
        .arg = q,
    };

    q->loop = loop_new();
    if (q->loop == NULL) {
        (void)close(fd);
        return ERR_NOMEM;
    }
    return chan_open(&q->chan, q->loop, fd, &conf);
}

/* A socket to the control address; -1 with errno. */
static int connect_control(const struct config *c)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    struct buf path = BUF_OVER(at.sun_path);
    int fd;

    buf_put(&path, c->data_dir);
    buf_put(&path, SPAN("/control"));
    if (buf_cstr(&path) == NULL) {
        errno = ENAMETOOLONG;
        return -1;
    }
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&at, sizeof(at)) != 0) {
        int saved = errno;

        (void)close(fd);
        errno = saved;
        return -1;
    }
    return fd;
}

static enum err open_store(struct cli_queue *q, const struct config *c, struct diag *d)
{
    char path[4096];
    struct buf b = BUF_OVER(path);

    buf_printf(&b, "%.*s/queue", SPAN_ARG(c->data_dir));
    if (buf_cstr(&b) == NULL)
        return diag_set(d, ERR_LIMIT, 0, "data_dir is too long");
    q->direct = true;
    q->out = buf_over(x_alloc(CTL_REPLY_BYTES), CTL_REPLY_BYTES);
    queue_init(&q->queue, c);
    /* What the server would log is said by the command itself. */
    log_open(STDERR_FILENO, LOG_HUMAN, LOG_ERROR);
    return store_open(path, 0, &q->queue.store, d);
}

enum err cli_queue_open(const struct config *c, struct cli_queue **out_q, struct diag *d)
{
    struct cli_queue *q = x_alloc(sizeof(*q));
    int fd = connect_control(c);
    enum err e;

    heap_init(&q->reply, CTL_REPLY_BYTES);
    if (fd >= 0)
        e = link_to(q, fd);
    else if (errno == EACCES)
        e = diag_set(d, ERR_DENIED, errno, "cannot reach the server in %.*s",
                     SPAN_ARG(c->data_dir));
    else
        e = open_store(q, c, d);
    if (e != ERR_OK) {
        cli_queue_close(q);
        return e;
    }
    *out_q = q;
    return ERR_OK;
}

void cli_queue_close(struct cli_queue *q)
{
    if (q == NULL)
        return;
    if (q->direct)
        queue_finish(&q->queue);
    chan_close(&q->chan);
    loop_free(q->loop);
    heap_release(&q->reply);
    free(q->out.p);
    free(q);
}

static enum err ask_process(struct cli_queue *q, const struct ctl_request *request)
{
    char memory[CTL_REQUEST_BYTES];
    struct buf b = BUF_OVER(memory);
    enum err e;

    ctl_request_put(&b, request);
    if (b.overflow)
        return ERR_LIMIT;
    q->answered = false;
    e = chan_send(&q->chan, QUEUE_CTL, 1, buf_span(&b), SPAN_NONE, -1);
    while (e == ERR_OK && !q->answered && !q->closed)
        loop_turn(q->loop, -1);
    return e == ERR_OK && !q->answered ? ERR_CLOSED : e;
}

enum err cli_queue_ask(struct cli_queue *q, const struct ctl_request *request,
                       struct ctl_reply *out_r)
{
    enum err e = ERR_OK;
    span payload;

    if (q->direct) {
        buf_reset(&q->out);
        queue_ctl(&q->queue, request, &q->out);
        payload = buf_span(&q->out);
    } else {
        e = ask_process(q, request);
        payload = heap_span(&q->reply);
    }
    if (e != ERR_OK)
        return e;
    return ctl_reply_get(payload, out_r) ? ERR_OK : ERR_SYNTAX;
}
