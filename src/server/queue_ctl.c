/* SPDX-License-Identifier: ISC */
/*
 * The questions and orders of `herald queue`, one implementation for both ways: inside the queue
 * process, and in the command itself when no server has the store open.
 */
#include <unistd.h>

#include "os/clock.h"
#include "os/file.h"
#include "os/log.h"
#include "server/queue.h"

#define PAGE_IDS 1000

static struct ctl_reply fail(enum err e, const char *words)
{
    return (struct ctl_reply){.err = e, .words = span_cstr(words)};
}

static struct ctl_reply absent(void)
{
    return fail(ERR_ABSENT, "there is no such message in the queue");
}

/* ---- looking ---- */

/* Destinations have a kind in front ("mx:example.net"), or are one of two words. */
static bool is_domain(span to)
{
    return to.n != 0 && !span_has(to, ':') && !span_eq(to, SPAN("hold")) &&
           !span_eq(to, SPAN("maildir"));
}

/* Not a domain, or the domain of this address. */
static bool is_meant(span to, span canonical)
{
    span domain = span_skip(canonical, span_rfind(canonical, '@') + 1);

    return !is_domain(to) || span_ieq(domain, to);
}

/* Some recipient of the record that is not done yet is meant. */
static bool concerns(span record, span to)
{
    struct record r;
    struct record_rcpt rcpt;
    struct unpack u;

    if (!is_domain(to) || record_get(record, &r) != ERR_OK)
        return !is_domain(to);
    u = unpack_over(r.rcpts);
    while (record_next_rcpt(&u, &rcpt)) {
        if ((rcpt.state == RECORD_WAITING || rcpt.state == RECORD_HELD) &&
            is_meant(to, rcpt.canonical))
            return true;
    }
    return false;
}

/* A page of ids after `after`: of those that wait for a destination, or of all messages. */
static enum err page(struct queue *q, span to, uint64_t after, uint64_t *ids, size_t *out_n)
{
    if (to.n != 0 && !is_domain(to))
        return store_dest_ids(q->store, to, after, PAGE_IDS, ids, out_n);
    return store_ids(q->store, after, PAGE_IDS, ids, out_n);
}

/* Add the records of one page to q->block; false when the rest does not fit. */
static bool list_page(struct queue *q, span to, const uint64_t *ids, size_t n, uint64_t *count)
{
    for (size_t i = 0; i < n; i++) {
        span record;

        if (store_get(q->store, ids[i], &record) != ERR_OK || !concerns(record, to))
            continue;
        if (q->block.n != 0 && q->block.n + record.n > CTL_PAGE_BYTES)
            return false;
        pack_u64(&q->block, ids[i]);
        pack_span(&q->block, record);
        (*count)++;
    }
    return true;
}

static struct ctl_reply do_list(struct queue *q, const struct ctl_request *r)
{
    static uint64_t ids[PAGE_IDS];
    struct ctl_reply reply = {.err = ERR_OK, .more = true};
    uint64_t after = r->id;
    size_t n;

    buf_reset(&q->block);
    /* The caller goes on behind the last record it got, so a page that has any is enough. */
    while (reply.more && reply.count == 0) {
        if (page(q, r->dest, after, ids, &n) != ERR_OK)
            return fail(ERR_IO, "the store cannot be read");
        reply.more = !list_page(q, r->dest, ids, n, &reply.count) || n == PAGE_IDS;
        after = n != 0 ? ids[n - 1] : after;
    }
    reply.rest = buf_span(&q->block);
    return reply;
}

static struct ctl_reply do_show(struct queue *q, const struct ctl_request *r)
{
    span record;
    enum err e = store_get(q->store, r->id, &record);

    if (e != ERR_OK)
        return e == ERR_ABSENT ? absent() : fail(e, "the store cannot be read");
    buf_reset(&q->block);
    pack_u64(&q->block, r->id);
    pack_span(&q->block, record);
    return (struct ctl_reply){.count = 1, .rest = buf_span(&q->block)};
}

/* A piece of a spool file, in q->block. */
static enum err read_file(struct queue *q, uint64_t id, uint64_t size, uint64_t offset)
{
    uint64_t left = offset < size ? size - offset : 0;
    size_t n = left < CTL_BODY_BYTES ? (size_t)left : CTL_BODY_BYTES;
    int fd = -1;
    enum err e = store_body_open(q->store, id, &fd);

    buf_reset(&q->block);
    if (e == ERR_OK)
        e = file_read_at(fd, q->block.p, n, (int64_t)offset);
    file_close(&fd);
    q->block.n = n;
    return e;
}

static struct ctl_reply do_body(struct queue *q, const struct ctl_request *r)
{
    struct record record = {0};
    span packed, body;
    enum err e = store_get(q->store, r->id, &packed);

    if (e == ERR_OK)
        e = record_get(packed, &record);
    if (e == ERR_OK && (record.flags & RECORD_BODY_FILE) != 0) {
        e = read_file(q, r->id, record.size, r->offset);
        body = buf_span(&q->block);
    } else if (e == ERR_OK) {
        e = store_body(q->store, r->id, &body);
        if (e == ERR_OK)
            body = span_head(span_skip(body, (size_t)r->offset), CTL_BODY_BYTES);
    }
    if (e != ERR_OK)
        return e == ERR_ABSENT ? absent() : fail(e, "the message cannot be read");
    return (struct ctl_reply){
        .count = record.size, .more = r->offset + body.n < record.size, .rest = body};
}

static void put_number(struct buf *b, span name, uint64_t n)
{
    pack_span(b, name);
    pack_u64(b, n);
}

static struct ctl_reply do_stats(struct queue *q, const struct ctl_request *r)
{
    char name[RECORD_DEST_BYTES + 1] = "";
    uint64_t n = 0;
    enum err e = store_count(q->store, &n);

    (void)r;
    buf_reset(&q->block);
    put_number(&q->block, SPAN("messages"), n);
    put_number(&q->block, SPAN("in_memory"), q->msg_count);
    put_number(&q->block, SPAN("under_way"), q->job_count);
    while (e == ERR_OK) {
        e = store_dest_next(q->store, span_cstr(name), name, &n);
        if (e == ERR_OK)
            put_number(&q->block, span_cstr(name), n);
    }
    if (e != ERR_ABSENT)
        return fail(e, "the store cannot be read");
    return (struct ctl_reply){.rest = buf_span(&q->block)};
}

/* ---- changing ---- */

static void say(uint64_t id, const char *what)
{
    struct log_line l = log_begin(LOG_QUEUE_CHANGED, LOG_INFO);

    log_id(&l, KEY_MESSAGE, id);
    log_cstr(&l, KEY_TEXT, what);
    log_end(&l);
}

/* What an order does to one recipient; true when it did something. */
typedef bool rcpt_fn(struct queue *q, struct queue_msg *m, struct queue_rcpt *rcpt);

static bool retry_one(struct queue *q, struct queue_msg *m, struct queue_rcpt *rcpt)
{
    (void)m;
    if (rcpt->r.state != RECORD_WAITING)
        return false;
    rcpt->r.next_q = store_now_q(q->store);
    queue_dest_wake(q, rcpt->r.dest);
    return true;
}

static bool hold_one(struct queue *q, struct queue_msg *m, struct queue_rcpt *rcpt)
{
    (void)q;
    (void)m;
    if (rcpt->r.state != RECORD_WAITING)
        return false;
    rcpt->r.state = RECORD_HELD;
    return true;
}

static bool release_one(struct queue *q, struct queue_msg *m, struct queue_rcpt *rcpt)
{
    (void)m;
    if (rcpt->r.state != RECORD_HELD)
        return false;
    rcpt->r.state = RECORD_WAITING;
    rcpt->r.next_q = store_now_q(q->store);
    return true;
}

static bool bounce_one(struct queue *q, struct queue_msg *m, struct queue_rcpt *rcpt)
{
    static const struct job_outcome given_up = {
        .verdict = JOB_FAILED,
        .status = SPAN_INIT("5.0.0"),
        .reply = SPAN_INIT("the administrator of this server gave the message up"),
    };

    if (rcpt->r.state != RECORD_WAITING && rcpt->r.state != RECORD_HELD)
        return false;
    rcpt->r.state = RECORD_WAITING;
    queue_outcome(q, m, rcpt, rcpt->r.dest, &given_up);
    return true;
}

static bool delete_one(struct queue *q, struct queue_msg *m, struct queue_rcpt *rcpt)
{
    (void)q;
    (void)rcpt;
    m->deleted = true;
    return true;
}

struct order {
    rcpt_fn *fn;
    const char *done;    /* for the log */
    const char *nothing; /* for a person: why it did nothing */
};

static const struct order orders[CTL_OP_COUNT] = {
    [CTL_RETRY] = {retry_one, "to be tried now", "no recipient of the message waits"},
    [CTL_HOLD] = {hold_one, "held", "no recipient of the message waits, or all are under way"},
    [CTL_RELEASE] = {release_one, "released", "no recipient of the message is held"},
    [CTL_BOUNCE] = {bounce_one, "given up", "all recipients of the message are under way"},
    [CTL_DELETE] = {delete_one, "deleted", ""},
};

/* What is under way stays as it is: its result will come. A deletion needs no result. */
static bool change(struct queue *q, struct queue_msg *m, const struct order *o, span to)
{
    bool changed = false;

    queue_call_off(q, m);
    for (uint32_t i = 0; i < m->head.rcpt_count; i++)
        if ((!m->rcpts[i].busy || o->fn == delete_one) && is_meant(to, m->rcpts[i].r.canonical))
            changed |= o->fn(q, m, &m->rcpts[i]);
    if (changed)
        say(m->head.id, o->done);
    queue_msg_touch(q, m);
    return changed;
}

static struct ctl_reply order_one(struct queue *q, uint64_t id, const struct order *o)
{
    enum err e;
    struct queue_msg *m = queue_msg_load(q, id, &e);
    bool changed;

    if (m == NULL)
        return e == ERR_ABSENT ? absent() : fail(e, "the message cannot be read");
    changed = change(q, m, o, SPAN_NONE);
    q->wake_q = 0;
    e = queue_flush(q);
    if (e != ERR_OK)
        return fail(e, "the store cannot be written");
    if (!changed)
        return fail(ERR_BUSY, o->nothing);
    return (struct ctl_reply){.count = 1};
}

/* All messages, or those for one destination, a page of them at a time. */
static struct ctl_reply order_many(struct queue *q, const struct ctl_request *r)
{
    static uint64_t ids[PAGE_IDS];
    struct ctl_reply reply = {.err = ERR_OK};
    size_t n = 0;
    enum err e = page(q, r->dest, r->offset, ids, &n);

    if (e != ERR_OK)
        return fail(e, "the store cannot be read");
    for (size_t i = 0; i < n; i++) {
        struct queue_msg *m = queue_msg_load(q, ids[i], &e);

        if (m != NULL)
            reply.count += change(q, m, &orders[r->op], r->dest);
    }
    queue_dest_wake(q, r->dest);
    q->wake_q = 0;
    e = queue_flush(q);
    if (e != ERR_OK)
        return fail(e, "the store cannot be written");
    buf_reset(&q->block);
    pack_u64(&q->block, n != 0 ? ids[n - 1] : r->offset);
    reply.rest = buf_span(&q->block);
    reply.more = n == PAGE_IDS;
    return reply;
}

typedef struct ctl_reply look_fn(struct queue *q, const struct ctl_request *r);

static look_fn *const looks[CTL_OP_COUNT] = {
    [CTL_LIST] = do_list,
    [CTL_SHOW] = do_show,
    [CTL_BODY] = do_body,
    [CTL_STATS] = do_stats,
};

void queue_ctl(struct queue *q, const struct ctl_request *request, struct buf *out)
{
    struct ctl_reply reply;

    if (looks[request->op] != NULL)
        reply = looks[request->op](q, request);
    else if (request->id != 0)
        reply = order_one(q, request->id, &orders[request->op]);
    else if (request->op == CTL_RETRY)
        reply = order_many(q, request);
    else
        reply = fail(ERR_SYNTAX, "which message?");
    reply.now_ms = clock_wall_ms();
    reply.now_q = store_now_q(q->store);
    ctl_reply_put(out, &reply);
    store_release(q->store);
}
