/* SPDX-License-Identifier: ISC */
#include "server/deliver.h"

#include <fcntl.h>
#include <unistd.h>

#include "os/heap.h"
#include "os/log.h"
#include "queue/frames.h"
#include "queue/job.h"
#include "server/context.h"
#include "store/maildir.h"

/* One recipient of a job of this batch. */
struct delivery {
    uint32_t index;
    size_t at;       /* its number in the Maildir batch, when failed is ERR_OK */
    enum err failed; /* it did not get so far */
};

/* The jobs of this batch: their deliveries are `n` of the list from `first`. */
struct delivered_job {
    uint32_t tag;
    uint64_t id;
    size_t first;
    size_t n;
};

#define DELIVERIES_MAX (MAILDIR_BATCH_MAX + JOB_RCPTS_MAX)

struct deliver {
    struct proc *proc;
    const struct config *config;
    struct maildir *maildir;
    struct chan queue;
    struct loop_task finish;
    struct delivered_job jobs[DELIVERIES_MAX];
    size_t job_count;
    struct delivery deliveries[DELIVERIES_MAX];
    size_t count;
    size_t added; /* of them in the Maildir batch */
    enum err verdicts[MAILDIR_BATCH_MAX];
    struct buf outcomes;
    struct buf result;
    bool draining;
};

/* ---- answers ---- */

/* What a failure means for the message. */
static const struct {
    enum err e;
    enum job_verdict verdict;
    const char *status;
    const char *words;
} meanings[] = {
    {ERR_OK, JOB_DELIVERED, "2.0.0", "delivered to the mailbox"},
    {ERR_NOSPACE, JOB_DEFERRED, "4.3.1", "no space is left for the mailbox"},
    {ERR_DENIED, JOB_DEFERRED, "4.3.5", "the mailbox may not be written"},
    {ERR_SYNTAX, JOB_FAILED, "5.1.3", "the address names no mailbox"},
    {ERR_LIMIT, JOB_DEFERRED, "4.3.5", "the path of the mailbox is too long"},
};

static struct job_outcome outcome_of(uint32_t index, enum err e)
{
    struct job_outcome o = {.index = index,
                            .verdict = JOB_DEFERRED,
                            .status = SPAN("4.3.0"),
                            .reply = span_cstr(err_text(e))};

    for (size_t i = 0; i < COUNT(meanings); i++) {
        if (meanings[i].e != e)
            continue;
        o.verdict = meanings[i].verdict;
        o.status = span_cstr(meanings[i].status);
        o.reply = span_cstr(meanings[i].words);
    }
    return o;
}

static void answer(struct deliver *d, const struct delivered_job *j, unsigned flags)
{
    buf_reset(&d->outcomes);
    buf_reset(&d->result);
    for (size_t i = 0; i < j->n; i++) {
        const struct delivery *one = &d->deliveries[j->first + i];
        enum err e = one->failed != ERR_OK ? one->failed : d->verdicts[one->at];
        struct job_outcome o = outcome_of(one->index, e);

        job_put_outcome(&d->outcomes, &o);
    }
    job_result_put(&d->result,
                   &(struct job_result){j->id, flags, (uint32_t)j->n, buf_span(&d->outcomes)});
    BUG_IF(d->result.overflow || d->outcomes.overflow, "a result does not fit");
    if (chan_is_open(&d->queue))
        (void)!chan_send(&d->queue, QUEUE_JOB_RESULT, j->tag, buf_span(&d->result), SPAN_NONE, -1);
}

static void finish(struct deliver *d)
{
    maildir_finish(d->maildir, d->verdicts, d->added);
    for (size_t i = 0; i < d->job_count; i++)
        answer(d, &d->jobs[i], 0);
    d->job_count = 0;
    d->count = 0;
    d->added = 0;
    if (chan_is_open(&d->queue))
        chan_flush(&d->queue);
}

/* ---- jobs ---- */

static enum err add(struct deliver *d, const struct job *j, const struct job_rcpt *r, int fd,
                    size_t *out_at)
{
    char path[MAILDIR_PATH_BYTES];
    struct buf b = BUF_OVER(path);
    struct maildir_message msg = {
        .path = path,
        .sender = j->sender,
        .mailbox = r->canonical,
        .body = j->body,
        .binary = (j->flags & ENVELOPE_BINARY) != 0,
        .fd = j->in_file ? fd : -1,
        .size = j->size,
    };
    enum err e = maildir_path(d->config->mailbox.path, r->canonical, &b);

    return e == ERR_OK ? maildir_add(d->maildir, &msg, out_at) : e;
}

static void add_rcpts(struct deliver *d, const struct job *j, int fd)
{
    struct unpack u = unpack_over(j->rcpts);
    struct job_rcpt r;

    while (job_next_rcpt(&u, &r)) {
        struct delivery *one = &d->deliveries[d->count++];

        *one = (struct delivery){.index = r.index};
        one->failed = add(d, j, &r, fd, &one->at);
        if (one->failed == ERR_OK)
            d->added++;
    }
}

/* A job is in a batch whole. Those of its recipients that failed at once count too: each has its
 * place among the deliveries until the batch is answered. */
static void on_job(struct deliver *d, uint32_t tag, const struct job *j, int fd)
{
    struct delivered_job *out;

    if (d->count + j->rcpt_count > MAILDIR_BATCH_MAX)
        finish(d);
    out = &d->jobs[d->job_count++];
    *out = (struct delivered_job){.tag = tag, .id = j->id, .first = d->count};
    if (d->draining) {
        answer(d, out, JOB_NOT_TRIED);
        d->job_count--;
        return;
    }
    add_rcpts(d, j, fd);
    out->n = d->count - out->first;
    loop_defer_end(d->proc->loop, &d->finish);
}

static void on_frame(void *arg, struct chan *chan, struct chan_frame *f)
{
    struct deliver *d = arg;
    struct job j;

    if (job_get(f->body, &j) && j.transport == JOB_MAILDIR && (!j.in_file || f->fd >= 0)) {
        on_job(d, f->tag, &j, f->fd);
        return;
    }
    log_text(LOG_CHANNEL_BROKEN, LOG_ERROR, SPAN("the queue sent a job that is none"));
    chan_close(chan);
}

static void check_drained(struct deliver *d)
{
    if (d->draining && d->job_count == 0)
        proc_done(d->proc, PROC_EXIT_OK);
}

static void on_finish(void *arg)
{
    finish(arg);
    check_drained(arg);
}

static void on_closed(void *arg, struct chan *chan, enum chan_end why)
{
    (void)arg;
    (void)chan;
    (void)why;
}

/* ---- the process ---- */

static const struct chan_type types[] = {
    [QUEUE_JOB] = {"job", JOB_FRAME_BYTES, true},
};

static void on_peer(struct proc *p, unsigned kind, unsigned index, int fd)
{
    struct deliver *d = p->self;
    struct chan_conf conf = {
        .name = "queue",
        .types = types,
        .type_count = COUNT(types),
        .on_frame = on_frame,
        .on_closed = on_closed,
        .arg = d,
    };

    (void)index;
    if (kind != PROC_QUEUE) {
        (void)close(fd);
        return;
    }
    /* What the old queue asked for is done; nobody is left to be told. */
    if (d->job_count != 0)
        finish(d);
    chan_close(&d->queue);
    if (chan_open(&d->queue, p->loop, fd, &conf) != ERR_OK)
        log_text(LOG_CHANNEL_BROKEN, LOG_ERROR, SPAN("no channel to the queue"));
}

static void on_drain(struct proc *p, bool reload, int64_t deadline_ms)
{
    struct deliver *d = p->self;

    (void)reload;
    (void)deadline_ms;
    d->draining = true;
    loop_defer_end(p->loop, &d->finish);
}

/* The directory that all mailboxes are in: the template up to its first variable part. */
static int open_root(span tmpl)
{
    char path[MAILDIR_PATH_BYTES];
    struct buf b = BUF_OVER(path);
    span fixed = span_head(tmpl, span_find(tmpl, '{'));
    size_t slash = span_rfind(fixed, '/');

    buf_put(&b, slash < fixed.n && slash > 0 ? span_head(fixed, slash) : SPAN("."));
    return buf_cstr(&b) != NULL ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
}

static struct buf room(size_t n)
{
    return buf_over(x_alloc(n), n);
}

int deliver_run(struct proc *p)
{
    static struct deliver d;
    const struct context *context = p->config;
    struct sandbox_grant grant = {.kind = SANDBOX_WRITE, .fd = -1};
    bool writes = context->config->mailbox.kind == CONFIG_MAILBOX_MAILDIR;

    d = (struct deliver){.proc = p, .config = context->config};
    d.outcomes = room(JOB_RCPTS_MAX * JOB_OUTCOME_BYTES);
    d.result = room(JOB_RCPTS_MAX * JOB_OUTCOME_BYTES + 64);
    loop_task_init(&d.finish, on_finish, &d);
    if (maildir_new(d.config->hostname.p, &d.maildir) != ERR_OK)
        return PROC_EXIT_FAILED;
    if (writes)
        grant.fd = open_root(d.config->mailbox.path);
    if (writes && grant.fd < 0) {
        log_text(LOG_CONFIG_BAD, LOG_ERROR,
                 SPAN("the directory of the mailboxes cannot be opened"));
        return PROC_EXIT_FAILED;
    }
    p->self = &d;
    p->on_peer = on_peer;
    p->on_drain = on_drain;
    if (!proc_enter(p, &grant, writes ? 1 : 0))
        return PROC_EXIT_FAILED;
    if (grant.fd >= 0)
        (void)close(grant.fd);
    return proc_run(p);
}
