/* SPDX-License-Identifier: ISC */
#include "server/queue_named.h"

#include "os/heap.h"
#include "server/queue.h"

/* What relay and deliver say of a recipient that waits for the configuration (RFC 3463 3.4). */
#define FOR_CONFIG SPAN("4.3.5")

/* The place of an egress among those of the configuration; the first stands for none. */
static size_t egress_index(const struct config *c, span name)
{
    for (size_t i = 0; i < c->n_egresses; i++)
        if (span_eq(c->egresses[i].name, name))
            return i;
    return 0;
}

static bool is_freed(const struct queue *q, const struct record_rcpt *r)
{
    struct route_target t;

    if (r->state != RECORD_WAITING || !span_eq(r->status, FOR_CONFIG))
        return false;
    t = queue_route(q->config, r->canonical);
    return t.kind == ROUTE_DELIVER && t.transport != JOB_MAILDIR &&
           q->named.egress[egress_index(q->config, t.egress)];
}

/* As stored: most messages wait for something else, and need not be loaded. */
static bool any_is_freed(struct queue *q, uint64_t id)
{
    struct record_rcpt rcpt;
    struct record r;
    struct unpack u;
    span packed;

    if (store_get(q->store, id, &packed) != ERR_OK || record_get(packed, &r) != ERR_OK)
        return false;
    u = unpack_over(r.rcpts);
    while (record_next_rcpt(&u, &rcpt))
        if (is_freed(q, &rcpt))
            return true;
    return false;
}

static void free_it(struct queue *q, uint64_t id)
{
    enum err e;
    struct queue_msg *m = any_is_freed(q, id) ? queue_msg_load(q, id, &e) : NULL;

    if (m == NULL)
        return;
    for (uint32_t i = 0; i < m->head.rcpt_count; i++) {
        struct queue_rcpt *rcpt = &m->rcpts[i];

        if (rcpt->busy || !is_freed(q, &rcpt->r))
            continue;
        rcpt->r.next_q = store_now_q(q->store);
        queue_dest_wake(q, rcpt->r.dest);
    }
    queue_msg_touch(q, m);
    q->wake_q = 0;
}

static void on_step(void *arg)
{
    static uint64_t ids[QUEUE_NAMED_STEP];
    struct queue *q = arg;
    size_t n = 0;

    q->named.walking = false;
    if (q->quiet || store_ids(q->store, q->named.after, COUNT(ids), ids, &n) != ERR_OK)
        return;
    for (size_t i = 0; i < n; i++)
        free_it(q, ids[i]);
    store_release(q->store);
    queue_wake(q);
    if (n < COUNT(ids))
        return;
    q->named.after = ids[n - 1];
    q->named.walking = true;
    loop_timer_set(&q->named.timer, QUEUE_NAMED_PAUSE_MS);
}

void queue_named_attach(struct queue *q)
{
    loop_timer_init(&q->named.timer, q->loop, on_step, q);
}

void queue_named_take(struct queue *q, span egress)
{
    if (q->named.egress == NULL)
        q->named.egress = x_alloc(q->config->n_egresses * sizeof(bool));
    q->named.egress[egress_index(q->config, egress)] = true;
    q->named.after = 0;
    if (!q->named.walking)
        loop_timer_set(&q->named.timer, 0);
    q->named.walking = true;
}
