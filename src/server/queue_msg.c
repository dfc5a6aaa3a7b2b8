/* SPDX-License-Identifier: ISC */
/* Messages in memory, and how their state gets back into the store. */
#include <stdlib.h>

#include "os/heap.h"
#include "os/log.h"
#include "server/queue.h"

/* ---- one message ---- */

struct queue_msg *queue_msg_new(const struct record *r, span packed)
{
    size_t rcpts = r->rcpt_count * sizeof(struct queue_rcpt);
    struct queue_msg *m = calloc(1, sizeof(*m) + packed.n);
    struct record_rcpt rcpt;
    struct unpack u;

    if (m == NULL)
        return NULL;
    m->rcpts = calloc(1, rcpts);
    memcpy(m->packed, packed.p, packed.n);
    /* Read once more, so that its texts lie in our copy. */
    if (m->rcpts == NULL || record_get(span_of(m->packed, packed.n), &m->head) != ERR_OK ||
        envelope_get(m->head.envelope, &m->envelope) != ERR_OK) {
        queue_msg_free(m);
        return NULL;
    }
    u = unpack_over(m->head.rcpts);
    for (uint32_t i = 0; i < m->head.rcpt_count && record_next_rcpt(&u, &rcpt); i++)
        m->rcpts[i].r = rcpt;
    return m;
}

void queue_msg_free(struct queue_msg *m)
{
    if (m == NULL)
        return;
    for (uint32_t i = 0; m->rcpts != NULL && i < m->head.rcpt_count; i++)
        free(m->rcpts[i].said);
    free(m->rcpts);
    free(m);
}

static struct queue_msg **slot_of(struct queue *q, uint64_t id)
{
    /* Ids are ours; the low bits are a counter, the ones above it the worker and the time. */
    return &q->msgs[(id ^ id >> 14 ^ id >> 22) & (QUEUE_SLOTS - 1)];
}

struct queue_msg *queue_msg_find(struct queue *q, uint64_t id)
{
    struct queue_msg *m = *slot_of(q, id);

    while (m != NULL && m->head.id != id)
        m = m->next;
    return m;
}

static void insert(struct queue *q, struct queue_msg *m)
{
    struct queue_msg **slot = slot_of(q, m->head.id);

    m->next = *slot;
    *slot = m;
    q->msg_count++;
}

static void forget(struct queue *q, struct queue_msg *m)
{
    struct queue_msg **at = slot_of(q, m->head.id);

    while (*at != m)
        at = &(*at)->next;
    *at = m->next;
    q->msg_count--;
    queue_msg_free(m);
}

static void say_bad(uint64_t id, enum err e)
{
    struct log_line l = log_begin(LOG_QUEUE_CORRUPT, LOG_ERROR);

    log_id(&l, KEY_MESSAGE, id);
    log_cstr(&l, KEY_ERROR, err_text(e));
    log_end(&l);
}

/* A record that cannot be read leaves the way; one of a newer version stays where it is. */
static void put_aside(struct queue *q, uint64_t id, enum err e)
{
    say_bad(id, e);
    if (e != ERR_VERSION && queue_batch(q) && store_set_aside(q->store, id) != ERR_OK)
        say_bad(id, ERR_IO);
}

struct queue_msg *queue_msg_load(struct queue *q, uint64_t id, enum err *out_e)
{
    struct queue_msg *m = queue_msg_find(q, id);
    struct record r;
    span packed;

    *out_e = ERR_OK;
    if (m != NULL)
        return m;
    *out_e = store_get(q->store, id, &packed);
    if (*out_e != ERR_OK)
        return NULL;
    *out_e = record_get(packed, &r);
    if (*out_e == ERR_OK && r.id != id)
        *out_e = ERR_CORRUPT;
    if (*out_e != ERR_OK) {
        put_aside(q, id, *out_e);
        return NULL;
    }
    m = queue_msg_new(&r, packed);
    if (m == NULL)
        *out_e = ERR_NOMEM;
    else
        insert(q, m);
    return m;
}

bool queue_msg_is_over(const struct queue_msg *m)
{
    for (uint32_t i = 0; i < m->head.rcpt_count; i++) {
        enum record_state state = m->rcpts[i].r.state;

        if (state == RECORD_WAITING || state == RECORD_HELD || state == RECORD_EXPANDED)
            return false;
    }
    return true;
}

void queue_msg_touch(struct queue *q, struct queue_msg *m)
{
    if (m->dirty)
        return;
    m->dirty = true;
    m->next_dirty = q->dirty;
    q->dirty = m;
}

static span keep(char **at, span s)
{
    span kept = span_of(*at, s.n);

    if (s.n != 0)
        memcpy(*at, s.p, s.n);
    *at += s.n;
    return kept;
}

void queue_rcpt_say(struct queue_rcpt *rcpt, span dest, const struct job_outcome *o)
{
    span reply = span_head(o->reply, JOB_REPLY_BYTES);
    char *said = malloc(dest.n + o->status.n + o->mta.n + reply.n + 1);
    char *at = said;
    char *before = rcpt->said;

    rcpt->r.code = o->code;
    if (said == NULL)
        return; /* what it said before stands: only words are lost */
    rcpt->r.dest = keep(&at, dest);
    rcpt->r.status = keep(&at, o->status);
    rcpt->r.mta = keep(&at, o->mta);
    rcpt->r.reply = keep(&at, reply);
    rcpt->said = said;
    free(before);
}

/* When the queue must look again: the first recipient's next try, or the end of its time. */
static int64_t due_of(const struct queue_msg *m)
{
    int64_t due = RECORD_NEVER;

    for (uint32_t i = 0; i < m->head.rcpt_count; i++) {
        const struct record_rcpt *r = &m->rcpts[i].r;

        if (r->state != RECORD_WAITING && r->state != RECORD_EXPANDED)
            continue;
        due = min_i64(due, r->next_q);
        if (r->state == RECORD_WAITING && r->attempts > 0)
            due = min_i64(due, m->head.expires_q);
    }
    return due;
}

static span pack(struct queue *q, struct queue_msg *m, bool words)
{
    buf_reset(&q->block);
    buf_reset(&q->scratch);
    for (uint32_t i = 0; i < m->head.rcpt_count; i++) {
        struct record_rcpt r = m->rcpts[i].r;

        if (!words)
            r.mta = r.reply = SPAN_NONE;
        record_put_rcpt(&q->block, &r);
    }
    m->head.due_q = due_of(m);
    m->head.rcpts = buf_span(&q->block);
    record_put(&q->scratch, &m->head);
    return q->block.overflow || q->scratch.overflow ? SPAN_NONE : buf_span(&q->scratch);
}

span queue_msg_pack(struct queue *q, struct queue_msg *m)
{
    span packed = pack(q, m, true);

    /* Thousands of recipients with a long reply each: the states matter more than the words. */
    if (packed.n == 0)
        packed = pack(q, m, false);
    BUG_IF(packed.n == 0, "a record is longer than a record can be");
    return packed;
}

/* ---- batches ---- */

bool queue_add_fresh(struct queue *q, uint64_t id)
{
    if (q->fresh_n == q->fresh_cap) {
        size_t cap = q->fresh_cap != 0 ? 2 * q->fresh_cap : 256;
        uint64_t *grown = realloc(q->fresh, cap * sizeof(*grown));

        if (grown == NULL)
            return false;
        q->fresh = grown;
        q->fresh_cap = cap;
    }
    q->fresh[q->fresh_n++] = id;
    return true;
}

bool queue_batch(struct queue *q)
{
    if (!q->batch)
        q->batch = store_begin(q->store) == ERR_OK;
    return q->batch;
}

static enum err write_one(struct queue *q, struct queue_msg *m)
{
    enum err e = ERR_OK;

    if (m->fault)
        return store_set_aside(q->store, m->head.id);
    if (!m->deleted)
        e = queue_put_reports(q, m);
    if (e != ERR_OK)
        return e;
    if (m->deleted || queue_msg_is_over(m))
        return store_done(q->store, m->head.id);
    return store_update(q->store, queue_msg_pack(q, m));
}

/* All of it or nothing: a failure of one leaves the whole batch to another time. */
static enum err write_dirty(struct queue *q)
{
    for (struct queue_msg *m = q->dirty; m != NULL; m = m->next_dirty) {
        enum err e = write_one(q, m);

        if (e != ERR_OK && e != ERR_ABSENT)
            return e;
    }
    return ERR_OK;
}

enum err queue_commit(struct queue *q)
{
    enum err e;

    if (!q->batch && q->dirty == NULL)
        return ERR_OK;
    if (!queue_batch(q))
        return ERR_IO;
    q->batch = false;
    e = write_dirty(q);
    if (e == ERR_OK)
        return store_commit(q->store);
    store_abort(q->store);
    return e;
}

static void settle_one(struct queue *q, struct queue_msg *m)
{
    m->dirty = false;
    m->tell_delay = false;
    for (uint32_t i = 0; i < m->head.rcpt_count; i++)
        m->rcpts[i].report = QUEUE_REPORT_NOTHING;
    if (m->job_count != 0)
        return;
    if (!m->deleted && !m->fault)
        q->wake_q = min_i64(q->wake_q, m->head.due_q);
    forget(q, m);
}

void queue_settle(struct queue *q)
{
    struct queue_msg *m = q->dirty;

    q->dirty = NULL;
    while (m != NULL) {
        struct queue_msg *next = m->next_dirty;

        settle_one(q, m);
        m = next;
    }
    if (!q->quiet)
        for (size_t i = 0; i < q->fresh_n; i++)
            if (queue_activate_id(q, q->fresh[i]) == ERR_LIMIT)
                break;
    q->fresh_n = 0;
}

/* ---- the whole ---- */

void queue_init(struct queue *q, const struct config *config)
{
    *q = (struct queue){.config = config,
                        .schedule = schedule_default(),
                        .next_tag = 1,
                        .wake_q = RECORD_NEVER,
                        .quiet = true};
    q->schedule.steps = min_size(config->queue.n_retry, SCHEDULE_STEPS_MAX);
    for (size_t i = 0; i < q->schedule.steps; i++)
        q->schedule.step_ms[i] = (int64_t)config->queue.retry_ms[i];
    q->schedule.lifetime_ms = (int64_t)config->queue.lifetime_ms;
    q->schedule.warn_ms = (int64_t)config->queue.delay_warning_ms;
    q->run_last = &q->run_first;
    q->msgs = x_alloc(QUEUE_SLOTS * sizeof(void *));
    q->jobs = x_alloc(QUEUE_SLOTS * sizeof(void *));
    q->dests = x_alloc(QUEUE_DEST_SLOTS * sizeof(void *));
    /* Large, but only what is used of them is ever memory. */
    q->scratch = buf_over(x_alloc(RECORD_BYTES_MAX), RECORD_BYTES_MAX);
    q->block = buf_over(x_alloc(RECORD_BYTES_MAX), RECORD_BYTES_MAX);
    q->names = buf_over(x_alloc(ENVELOPE_BYTES_MAX), ENVELOPE_BYTES_MAX);
    q->entries = x_alloc(RECORD_RCPTS_MAX * sizeof(*q->entries));
    BUG_IF(q->schedule.steps == 0, "a configuration without waits between attempts");
}

void queue_finish(struct queue *q)
{
    queue_dests_free(q);
    for (size_t i = 0; i < QUEUE_SLOTS; i++) {
        while (q->msgs[i] != NULL) {
            struct queue_msg *m = q->msgs[i];

            q->msgs[i] = m->next;
            queue_msg_free(m);
        }
    }
    store_close(q->store);
    free(q->msgs);
    free(q->jobs);
    free(q->dests);
    free(q->scratch.p);
    free(q->block.p);
    free(q->names.p);
    free(q->entries);
    free(q->fresh);
    free(q->answers);
}
