/* SPDX-License-Identifier: ISC */
/* The channels of the queue process: messages come in, jobs go out, results and questions come. */
#include "server/queue_link.h"

#include <stdlib.h>

#include "os/clock.h"
#include "os/heap.h"
#include "os/log.h"
#include "server/queue_ledger.h"

#define SPACE_CHECK_MS   1000
#define SIZE_SLACK_BYTES (256u << 10) /* fields that smtpd adds */

/* ---- answers ---- */

static void send_result(struct queue_link *link, uint32_t tag, enum put_status status, span why)
{
    char memory[PUT_WHY_BYTES + 8];
    struct buf b = BUF_OVER(memory);

    put_result_put(&b, &(struct put_result){status, why});
    /* A producer that does not read its answers loses them; it will be told 451 when it closes. */
    (void)!chan_send(&link->chan, QUEUE_PUT_RESULT, tag, buf_span(&b), SPAN_NONE, -1);
}

static void answer_later(struct queue *q, struct queue_link *link, uint32_t tag)
{
    if (q->answer_n == q->answer_cap) {
        size_t cap = q->answer_cap != 0 ? 2 * q->answer_cap : 256;

        q->answers = x_grow(q->answers, q->answer_cap, cap, sizeof(*q->answers));
        q->answer_cap = cap;
    }
    q->answers[q->answer_n++] = (struct queue_answer){link, tag};
}

void queue_link_answer_all(struct queue *q, enum put_status status, span why)
{
    for (size_t i = 0; i < q->answer_n; i++)
        if (q->answers[i].link != NULL)
            send_result(q->answers[i].link, q->answers[i].tag, status, why);
    q->answer_n = 0;
}

/* ---- messages that come ---- */

/* Is there room for more mail? Asked of the disk once a second. */
static bool has_space(struct queue *q)
{
    int64_t now = clock_mono_ms();
    uint64_t bytes;

    if (now - q->space_checked_ms < SPACE_CHECK_MS)
        return !q->full;
    q->space_checked_ms = now;
    if (store_free(q->store, &bytes) != ERR_OK)
        return true;
    if (q->full != (bytes < q->config->queue.min_free)) {
        q->full = !q->full;
        log_text(LOG_QUEUE_FULL, q->full ? LOG_ERROR : LOG_INFO,
                 q->full ? SPAN("too little space is left on the disk: mail is answered 452")
                         : SPAN("there is space on the disk again"));
    }
    return !q->full;
}

static void accept_it(struct queue_link *link, uint32_t tag, span envelope, span body,
                      struct store_spool *sp)
{
    struct queue *q = link->queue;
    const char *why = "no space left";
    enum put_status status = has_space(q) ? queue_accept(q, envelope, body, sp, &why) : PUT_FULL;

    if (status == PUT_OK)
        answer_later(q, link, tag);
    else
        send_result(link, tag, status, span_cstr(why));
    queue_wake(q);
}

static void on_put(struct queue_link *link, struct chan_frame *f)
{
    span envelope, body;

    if (put_get(f->body, &envelope, &body))
        accept_it(link, f->tag, envelope, body, NULL);
    else
        send_result(link, f->tag, PUT_REFUSED, SPAN("malformed"));
}

static struct queue_upload **upload_at(struct queue_link *link, uint32_t tag)
{
    struct queue_upload **at = &link->uploads;

    while (*at != NULL && (*at)->tag != tag)
        at = &(*at)->next;
    return at;
}

static void upload_free(struct queue_upload **at)
{
    struct queue_upload *up = *at;

    *at = up->next;
    store_spool_abort(&up->spool);
    free(up);
}

/* Answer at once; the rest of the upload is thrown away until its end. */
static void upload_refuse(struct queue_link *link, struct queue_upload *up, enum put_status status,
                          span why)
{
    store_spool_abort(&up->spool);
    up->refused = true;
    send_result(link, up->tag, status, why);
}

static void upload_failed(struct queue_link *link, struct queue_upload *up, enum err e)
{
    upload_refuse(link, up, e == ERR_NOSPACE ? PUT_FULL : PUT_FAILED, span_cstr(err_text(e)));
}

static void on_put_begin(struct queue_link *link, struct chan_frame *f)
{
    struct queue *q = link->queue;
    struct queue_upload *up = calloc(1, sizeof(*up) + f->body.n);
    struct envelope e;
    enum err err;

    if (up == NULL) {
        send_result(link, f->tag, PUT_FAILED, SPAN("out of memory"));
        return;
    }
    up->tag = f->tag;
    up->spool.fd = -1;
    up->envelope_n = f->body.n;
    memcpy(up->envelope, f->body.p, f->body.n);
    up->next = link->uploads;
    link->uploads = up;
    if (envelope_get(f->body, &e) != ERR_OK) {
        upload_refuse(link, up, PUT_REFUSED, SPAN("the envelope is malformed"));
        return;
    }
    err = has_space(q) ? store_spool_begin(q->store, e.id, &up->spool) : ERR_NOSPACE;
    if (err != ERR_OK)
        upload_failed(link, up, err);
}

static void on_put_chunk(struct queue_link *link, struct chan_frame *f)
{
    struct queue_upload *up = *upload_at(link, f->tag);
    uint64_t most = link->queue->config->limits.message_size + SIZE_SLACK_BYTES;
    enum err err;

    if (up == NULL || up->refused)
        return; /* refused already, or never begun for want of memory */
    if (up->spool.size + f->body.n > most) {
        upload_refuse(link, up, PUT_REFUSED, SPAN("the message is too large"));
        return;
    }
    err = store_spool_write(&up->spool, f->body);
    if (err != ERR_OK)
        upload_failed(link, up, err);
}

static void on_put_end(struct queue_link *link, struct chan_frame *f)
{
    struct queue_upload **at = upload_at(link, f->tag);
    struct queue_upload *up = *at;
    struct unpack u = unpack_over(f->body);
    uint64_t total = unpack_u64(&u);

    if (up == NULL)
        return;
    if (!up->refused && (!unpack_done(&u) || total != up->spool.size))
        upload_refuse(link, up, PUT_FAILED, SPAN("octets were lost on the way"));
    if (!up->refused)
        accept_it(link, up->tag, span_of(up->envelope, up->envelope_n), SPAN_NONE, &up->spool);
    upload_free(at);
}

static void on_put_abort(struct queue_link *link, struct chan_frame *f)
{
    struct queue_upload **at = upload_at(link, f->tag);

    if (*at != NULL)
        upload_free(at);
}

/* ---- results and questions ---- */

static void link_free(struct queue_link *link);

static void on_job_result(struct queue_link *link, struct chan_frame *f)
{
    struct queue *q = link->queue;

    if (!queue_result(q, link, f->tag, f->body)) {
        log_text(LOG_CHANNEL_BROKEN, LOG_ERROR, SPAN("a result belongs to no job"));
        link->leaving = true;
    }
    queue_wake(q);
}

static void on_ctl(struct queue_link *link, struct chan_frame *f)
{
    struct queue *q = link->queue;
    struct buf out = buf_over(malloc(CTL_REPLY_BYTES), CTL_REPLY_BYTES);
    struct ctl_request request;

    if (out.p == NULL)
        return;
    if (ctl_request_get(f->body, &request))
        queue_ctl(q, &request, &out);
    else
        ctl_reply_put(&out,
                      &(struct ctl_reply){.err = ERR_SYNTAX, .words = SPAN("malformed question")});
    (void)!chan_send(&link->chan, QUEUE_CTL_REPLY, f->tag, buf_span(&out), SPAN_NONE, -1);
    free(out.p);
    queue_wake(q);
}

/* ---- the ledger ---- */

static void on_ledger(struct queue_link *link, struct chan_frame *f)
{
    queue_ledger_take(link->queue, f->body);
}

static void on_past(struct queue_link *link, struct chan_frame *f)
{
    struct past_question question;
    struct greeting_history history;
    char memory[PAST_REPLY_BYTES];
    struct buf b = BUF_OVER(memory);

    if (!past_question_get(f->body, &question))
        return;
    queue_ledger_ask(link->queue, &question, &history);
    greeting_history_pack(&b, &history);
    (void)!chan_send(&link->chan, QUEUE_PAST_REPLY, f->tag, buf_span(&b), SPAN_NONE, -1);
}

static void on_named(struct queue_link *link, struct chan_frame *f)
{
    queue_named_take(link->queue, f->body);
}

static void on_own(struct queue_link *link, struct chan_frame *f)
{
    queue_own_take(link->queue, f->body);
}

typedef void frame_fn(struct queue_link *link, struct chan_frame *f);

static frame_fn *const handlers[QUEUE_FRAME_END] = {
    [QUEUE_PUT] = on_put,
    [QUEUE_PUT_BEGIN] = on_put_begin,
    [QUEUE_PUT_CHUNK] = on_put_chunk,
    [QUEUE_PUT_END] = on_put_end,
    [QUEUE_PUT_ABORT] = on_put_abort,
    [QUEUE_JOB_RESULT] = on_job_result,
    [QUEUE_CTL] = on_ctl,
    [QUEUE_LEDGER] = on_ledger,
    [QUEUE_PAST] = on_past,
    [QUEUE_NAMED] = on_named,
    [QUEUE_OWN] = on_own,
};

static const struct chan_type smtpd_types[] = {
    [QUEUE_PUT] = {"put", ENVELOPE_BYTES_MAX + 4 + QUEUE_INLINE_BYTES, false},
    [QUEUE_PUT_BEGIN] = {"put-begin", ENVELOPE_BYTES_MAX, false},
    [QUEUE_PUT_CHUNK] = {"put-chunk", QUEUE_INLINE_BYTES, false},
    [QUEUE_PUT_END] = {"put-end", 8, false},
    [QUEUE_PUT_ABORT] = {"put-abort", 0, false},
    [QUEUE_LEDGER] = {"ledger", QUEUE_LEDGER_BYTES, false},
    [QUEUE_PAST] = {"past", PAST_QUESTION_BYTES, false},
};

static const struct chan_type worker_types[] = {
    [QUEUE_JOB_RESULT] = {"job-result", 4096 + JOB_RCPTS_MAX *JOB_OUTCOME_BYTES, false},
    [QUEUE_NAMED] = {"named", QUEUE_NAMED_BYTES, false},
    [QUEUE_OWN] = {"own", OWN_ADDRESS_BYTES, false},
};

static const struct chan_type control_types[] = {
    [QUEUE_CTL] = {"question", CTL_REQUEST_BYTES, false},
};

/* It hands over no mail: only what it judged. */
static const struct chan_type guard_types[] = {
    [QUEUE_LEDGER] = {"ledger", QUEUE_LEDGER_BYTES, false},
    [QUEUE_PAST] = {"past", PAST_QUESTION_BYTES, false},
};

static const struct {
    const char *name;
    const struct chan_type *types;
    size_t count;
} kinds[] = {
    [QUEUE_LINK_SMTPD] = {"smtpd", smtpd_types, COUNT(smtpd_types)},
    [QUEUE_LINK_RELAY] = {"relay", worker_types, COUNT(worker_types)},
    [QUEUE_LINK_DELIVER] = {"deliver", worker_types, COUNT(worker_types)},
    [QUEUE_LINK_CONTROL] = {"control", control_types, COUNT(control_types)},
    [QUEUE_LINK_GUARD] = {"guard", guard_types, COUNT(guard_types)},
};

static void on_frame(void *arg, struct chan *chan, struct chan_frame *f)
{
    (void)chan;
    handlers[f->type](arg, f);
}

static void on_room(void *arg, struct chan *chan)
{
    struct queue_link *link = arg;

    (void)chan;
    queue_wake(link->queue);
}

static void link_free(struct queue_link *link)
{
    struct queue *q = link->queue;
    struct queue_link **at = &q->links;

    while (*at != link)
        at = &(*at)->next;
    *at = link->next;
    while (link->uploads != NULL)
        upload_free(&link->uploads);
    for (size_t i = 0; i < q->answer_n; i++)
        if (q->answers[i].link == link)
            q->answers[i].link = NULL;
    queue_link_lost(q, link);
    free(link);
    queue_wake(q);
}

static void on_closed(void *arg, struct chan *chan, enum chan_end why)
{
    (void)chan;
    (void)why;
    link_free(arg);
}

void queue_link_add(struct queue *q, enum queue_link_kind kind, int fd)
{
    struct queue_link *link = x_alloc(sizeof(*link));
    struct chan_conf conf = {
        .name = kinds[kind].name,
        .types = kinds[kind].types,
        .type_count = kinds[kind].count,
        .on_frame = on_frame,
        .on_closed = on_closed,
        .on_room = on_room,
        .arg = link,
    };

    link->queue = q;
    link->kind = kind;
    if (chan_open(&link->chan, q->loop, fd, &conf) != ERR_OK) {
        log_text(LOG_CHANNEL_BROKEN, LOG_ERROR, SPAN("a channel could not be opened"));
        free(link);
        return;
    }
    link->next = q->links;
    q->links = link;
    if (q->store == NULL)
        chan_hold(&link->chan, true);
    queue_own_tell(link);
    queue_wake(q);
}

void queue_links_hold(struct queue *q, bool hold)
{
    for (struct queue_link *link = q->links; link != NULL; link = link->next)
        chan_hold(&link->chan, hold);
}

bool queue_links_busy(const struct queue *q)
{
    for (const struct queue_link *link = q->links; link != NULL; link = link->next)
        if (link->uploads != NULL ||
            ((link->kind == QUEUE_LINK_SMTPD || link->kind == QUEUE_LINK_GUARD) && !q->replaced))
            return true;
    return false;
}

void queue_links_flush(struct queue *q)
{
    for (struct queue_link *link = q->links; link != NULL; link = link->next)
        if (chan_queued(&link->chan) != 0)
            chan_flush(&link->chan);
}

/* ---- jobs that go ---- */

static bool can_take(const struct queue_link *link, const struct queue_job *j)
{
    enum queue_link_kind kind =
        j->dest->target.transport == JOB_MAILDIR ? QUEUE_LINK_DELIVER : QUEUE_LINK_RELAY;

    return link->kind == kind && !link->leaving && link->jobs < QUEUE_LINK_JOBS &&
           (link->bytes == 0 || link->bytes + j->bytes <= QUEUE_LINK_BYTES) &&
           !chan_is_full(&link->chan);
}

struct queue_link *queue_link_for(struct queue *q, const struct queue_job *j)
{
    struct queue_link *best = NULL;

    for (struct queue_link *link = q->links; link != NULL; link = link->next)
        if (can_take(link, j) && (best == NULL || link->jobs < best->jobs))
            best = link;
    return best;
}

bool queue_link_send(struct queue *q, struct queue_job *j, span head, span body, int fd)
{
    (void)q;
    return chan_send(&j->link->chan, QUEUE_JOB, j->tag, head, body, fd) == ERR_OK;
}
