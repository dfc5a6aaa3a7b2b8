/* SPDX-License-Identifier: ISC */
/*
 * Destinations: where jobs wait, in what order they go out, and who rests.
 *
 * Destinations with something to send stand in a ring; each turn of it sends one job of each, so
 * that a long list for one place holds up no other. A destination that could not be reached rests;
 * what waits for it goes back to the store, and what comes for it meanwhile follows.
 */
#include <stdlib.h>

#include "base/hash.h"
#include "os/clock.h"
#include "server/queue.h"
#include "server/queue_link.h"

/* ---- finding and making destinations ---- */

static struct queue_dest **slot_of(struct queue *q, span name)
{
    return &q->dests[hash_keyed((struct hash_key){0, 0}, name) & (QUEUE_DEST_SLOTS - 1)];
}

static struct queue_dest *find(struct queue *q, span name)
{
    struct queue_dest *d = *slot_of(q, name);

    while (d != NULL && !span_eq(queue_dest_name(d), name))
        d = d->next;
    return d;
}

static struct queue_dest *make(struct queue *q, const struct route_target *t, span name)
{
    struct queue_dest **slot = slot_of(q, name);
    struct queue_dest *d = calloc(1, sizeof(*d) + name.n + t->host.n + t->egress.n);

    if (d == NULL)
        return NULL;
    memcpy(d->text, name.p, name.n);
    d->name_n = name.n;
    d->target = *t;
    if (t->host.n != 0)
        memcpy(d->text + name.n, t->host.p, t->host.n);
    if (t->egress.n != 0)
        memcpy(d->text + name.n + t->host.n, t->egress.p, t->egress.n);
    d->target.host = span_of(d->text + name.n, t->host.n);
    d->target.egress = span_of(d->text + name.n + t->host.n, t->egress.n);
    d->last = &d->first;
    d->next = *slot;
    *slot = d;
    q->dest_count++;
    return d;
}

/* The destination of a target; NULL when there is no memory, or its name is too long to be one. */
static struct queue_dest *dest_of(struct queue *q, const struct route_target *t)
{
    char memory[RECORD_DEST_BYTES];
    struct buf name = BUF_OVER(memory);
    struct queue_dest *d;

    route_put_dest(&name, t);
    if (name.overflow)
        return NULL;
    d = find(q, buf_span(&name));
    return d != NULL ? d : make(q, t, buf_span(&name));
}

void queue_dests_tidy(struct queue *q)
{
    int64_t now_q = store_now_q(q->store);

    for (size_t i = 0; i < QUEUE_DEST_SLOTS; i++) {
        struct queue_dest **at = &q->dests[i];

        while (*at != NULL) {
            struct queue_dest *d = *at;

            /* What it failed at is remembered for a while after its rest. */
            if (d->listed || d->first != NULL || d->under_way != 0 ||
                (d->failures != 0 && now_q < d->until_q + QUEUE_BACKOFF_MAX_MS)) {
                at = &d->next;
                continue;
            }
            *at = d->next;
            q->dest_count--;
            free(d);
        }
    }
}

void queue_dests_free(struct queue *q)
{
    for (size_t i = 0; i < QUEUE_DEST_SLOTS; i++) {
        while (q->dests[i] != NULL) {
            struct queue_dest *d = q->dests[i];

            q->dests[i] = d->next;
            while (d->first != NULL) {
                struct queue_job *j = d->first;

                d->first = j->next;
                free(j);
            }
            free(d);
        }
    }
}

void queue_dest_wake(struct queue *q, span name)
{
    for (size_t i = 0; i < QUEUE_DEST_SLOTS; i++)
        for (struct queue_dest *d = q->dests[i]; d != NULL; d = d->next)
            if (name.n == 0 || span_eq(queue_dest_name(d), name))
                d->until_q = 0;
}

static void list(struct queue *q, struct queue_dest *d)
{
    if (d->listed || d->first == NULL)
        return;
    d->listed = true;
    d->after = NULL;
    *q->run_last = d;
    q->run_last = &d->after;
}

/* ---- jobs ---- */

static void wait_last(struct queue *q, struct queue_job *j)
{
    j->next = NULL;
    *j->dest->last = j;
    j->dest->last = &j->next;
    j->dest->waiting++;
    list(q, j->dest);
}

static void wait_first(struct queue *q, struct queue_job *j)
{
    struct queue_dest *d = j->dest;

    j->next = d->first;
    d->first = j;
    if (j->next == NULL)
        d->last = &j->next;
    d->waiting++;
    list(q, d);
}

static struct queue_job *take_first(struct queue_dest *d)
{
    struct queue_job *j = d->first;

    d->first = j->next;
    if (d->first == NULL)
        d->last = &d->first;
    d->waiting--;
    return j;
}

static struct queue_job *job_new(struct queue_msg *m, struct queue_dest *d)
{
    struct queue_job *j = calloc(1, sizeof(*j) + QUEUE_JOB_RCPTS * sizeof(j->index[0]));

    if (j == NULL)
        return NULL;
    j->msg = m;
    j->dest = d;
    j->bytes = (m->head.flags & RECORD_BODY_FILE) != 0 ? 0 : m->head.size;
    j->next_of_msg = m->jobs;
    m->jobs = j;
    m->job_count++;
    return j;
}

static void leave_msg(struct queue_job *j)
{
    struct queue_job **at = &j->msg->jobs;

    while (*at != j)
        at = &(*at)->next_of_msg;
    *at = j->next_of_msg;
    j->msg->job_count--;
    for (uint32_t i = 0; i < j->n; i++)
        j->msg->rcpts[j->index[i]].busy = false;
    j->msg = NULL;
}

static struct queue_job **out_slot(struct queue *q, uint32_t tag)
{
    return &q->jobs[tag & (QUEUE_SLOTS - 1)];
}

struct queue_job *queue_job_find(struct queue *q, uint32_t tag)
{
    struct queue_job *j = *out_slot(q, tag);

    while (j != NULL && j->tag != tag)
        j = j->next_out;
    return j;
}

static void out_add(struct queue *q, struct queue_job *j, struct queue_link *link)
{
    struct queue_job **slot = out_slot(q, j->tag);

    j->link = link;
    j->next_out = *slot;
    *slot = j;
    q->job_count++;
    j->dest->under_way++;
    link->jobs++;
    link->bytes += j->bytes;
}

static void out_remove(struct queue *q, struct queue_job *j)
{
    struct queue_job **at = out_slot(q, j->tag);

    while (*at != j)
        at = &(*at)->next_out;
    *at = j->next_out;
    q->job_count--;
    j->dest->under_way--;
    j->link->jobs--;
    j->link->bytes -= j->bytes;
    j->link = NULL;
    list(q, j->dest);
}

void queue_job_requeue(struct queue *q, struct queue_job *j)
{
    out_remove(q, j);
    wait_first(q, j);
}

void queue_job_end(struct queue *q, struct queue_job *j)
{
    out_remove(q, j);
    leave_msg(j);
    free(j);
}

/* A job that waits is only marked; who takes it from the list frees it. */
void queue_call_off(struct queue *q, struct queue_msg *m)
{
    struct queue_job *j = m->jobs;

    (void)q;
    while (j != NULL) {
        struct queue_job *next = j->next_of_msg;

        if (j->link == NULL)
            leave_msg(j);
        j = next;
    }
}

/* ---- making jobs of a message ---- */

static struct queue_job *job_for(struct queue_msg *m, const struct queue_dest *d)
{
    for (struct queue_job *j = m->jobs; j != NULL; j = j->next_of_msg)
        if (j->dest == d && j->link == NULL && j->n < QUEUE_JOB_RCPTS)
            return j;
    return NULL;
}

static void hold(struct queue *q, struct queue_msg *m, struct queue_rcpt *rcpt)
{
    rcpt->r.state = RECORD_HELD;
    rcpt->r.dest = SPAN("hold");
    queue_msg_touch(q, m);
}

/* Without memory, descriptors or a fitting name it waits a minute: the store still has it. */
static void put_off(struct queue *q, struct queue_msg *m, struct queue_rcpt *rcpt, int64_t until_q,
                    span dest)
{
    struct job_outcome as_before = {
        .code = rcpt->r.code, .status = rcpt->r.status, .mta = rcpt->r.mta, .reply = rcpt->r.reply};

    rcpt->r.next_q = until_q;
    queue_rcpt_say(rcpt, dest, &as_before);
    queue_msg_touch(q, m);
}

static void assign(struct queue *q, struct queue_msg *m, uint32_t index, int64_t now_q)
{
    struct queue_rcpt *rcpt = &m->rcpts[index];
    struct route_target target = queue_route(q->config, rcpt->r.canonical);
    struct queue_dest *d;
    struct queue_job *j;

    if (target.kind == ROUTE_HOLD) {
        hold(q, m, rcpt);
        return;
    }
    d = dest_of(q, &target);
    if (d == NULL || d->until_q > now_q) {
        put_off(q, m, rcpt, d != NULL ? d->until_q : now_q + QUEUE_BACKOFF_MS,
                d != NULL ? queue_dest_name(d) : SPAN_NONE);
        return;
    }
    j = job_for(m, d);
    if (j == NULL) {
        j = job_new(m, d);
        if (j == NULL) {
            put_off(q, m, rcpt, now_q + QUEUE_BACKOFF_MS, queue_dest_name(d));
            return;
        }
        wait_last(q, j);
    }
    j->index[j->n++] = index;
    rcpt->busy = true;
}

void queue_activate(struct queue *q, struct queue_msg *m)
{
    int64_t now_q = store_now_q(q->store);

    for (uint32_t i = 0; i < m->head.rcpt_count; i++) {
        struct queue_rcpt *rcpt = &m->rcpts[i];

        if (rcpt->r.state == RECORD_EXPANDED)
            queue_expanded(q, m, rcpt);
        if (rcpt->r.state != RECORD_WAITING || rcpt->busy)
            continue;
        if (schedule_expired(m->head.expires_q, rcpt->r.attempts, now_q))
            queue_expire(q, m, rcpt);
        else if (rcpt->r.next_q <= now_q)
            assign(q, m, i, now_q);
    }
    /* Nothing to do for it after all: its record may say a wrong time, which writing mends. */
    if (m->job_count == 0)
        queue_msg_touch(q, m);
}

enum err queue_activate_id(struct queue *q, uint64_t id)
{
    struct queue_msg *m = queue_msg_find(q, id);
    enum err e = ERR_OK;

    if (m != NULL)
        return ERR_OK;
    if (q->msg_count >= QUEUE_ACTIVE_MAX) {
        q->behind = true;
        return ERR_LIMIT;
    }
    m = queue_msg_load(q, id, &e);
    if (m != NULL)
        queue_activate(q, m);
    return e;
}

/* ---- sending ---- */

static span pack_rcpts(struct queue *q, const struct queue_job *j)
{
    buf_reset(&q->block);
    for (uint32_t i = 0; i < j->n; i++) {
        const struct record_rcpt *r = &j->msg->rcpts[j->index[i]].r;

        job_put_rcpt(&q->block, &(struct job_rcpt){j->index[i], r->address, r->canonical, r->orcpt,
                                                   r->notify});
    }
    return buf_span(&q->block);
}

static uint32_t attempts_of(const struct queue_job *j)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < j->n; i++)
        if (j->msg->rcpts[j->index[i]].r.attempts > n)
            n = j->msg->rcpts[j->index[i]].r.attempts;
    return n;
}

static span pack_job(struct queue *q, const struct queue_job *j)
{
    const struct queue_msg *m = j->msg;
    struct job job = {
        .id = m->head.id,
        .transport = j->dest->target.transport,
        .port = j->dest->target.port,
        .host = j->dest->target.host,
        .egress = j->dest->target.egress,
        .flags = m->envelope.flags,
        .attempt = attempts_of(j),
        .received_ms = m->envelope.received_ms,
        .sender = m->envelope.sender,
        .envid = m->envelope.envid,
        .size = m->head.size,
        .rcpt_count = j->n,
        .in_file = (m->head.flags & RECORD_BODY_FILE) != 0,
    };

    job.rcpts = pack_rcpts(q, j);
    buf_reset(&q->scratch);
    /* The body follows from where it lies. */
    job_put(&q->scratch, &job);
    BUG_IF(q->scratch.overflow || q->block.overflow, "a job does not fit");
    return buf_span(&q->scratch);
}

/* The body of a message: in the store, or as a descriptor. */
static enum err body_of(struct queue *q, const struct queue_msg *m, span *out_body, int *out_fd)
{
    enum err e;

    if ((m->head.flags & RECORD_BODY_FILE) != 0)
        return store_body_open(q->store, m->head.id, out_fd);
    e = store_body(q->store, m->head.id, out_body);
    if (e == ERR_OK &&
        (out_body->n != m->head.size || hash_crc32c(0, *out_body) != m->head.body_crc))
        e = ERR_CORRUPT;
    return e;
}

/* The message is set aside with the next commit; whoever works on another part of it finishes. */
static void give_up_body(struct queue *q, struct queue_job *j)
{
    struct queue_msg *m = j->msg;

    leave_msg(j);
    queue_call_off(q, m);
    m->fault = true;
    queue_msg_touch(q, m);
    free(j);
}

static void put_off_job(struct queue *q, struct queue_job *j)
{
    int64_t until_q = store_now_q(q->store) + QUEUE_BACKOFF_MS;

    for (uint32_t i = 0; i < j->n; i++)
        put_off(q, j->msg, &j->msg->rcpts[j->index[i]], until_q, queue_dest_name(j->dest));
    leave_msg(j);
    free(j);
}

/* A body that is there, but for want of descriptors or memory cannot be read now, is not damaged.
 */
static void without_body(struct queue *q, struct queue_job *j, enum err e)
{
    if (e == ERR_LIMIT || e == ERR_NOMEM)
        put_off_job(q, j);
    else
        give_up_body(q, j);
}

/* False: there is no room for it now. */
static bool send_job(struct queue *q, struct queue_job *j)
{
    struct queue_link *link = queue_link_for(q, j);
    span body = SPAN_NONE;
    int fd = -1;
    enum err e;

    if (link == NULL)
        return false;
    e = body_of(q, j->msg, &body, &fd);
    if (e != ERR_OK) {
        without_body(q, j, e);
        return true;
    }
    j->tag = q->next_tag++;
    out_add(q, j, link);
    if (queue_link_send(q, j, pack_job(q, j), body, fd))
        return true;
    out_remove(q, j);
    return false;
}

static bool may_send(const struct queue *q, const struct queue_dest *d)
{
    /* The Maildir is one place for all; the relay keeps a connection's next job ready. */
    return d->target.transport == JOB_MAILDIR ||
           d->under_way < 2 * q->config->queue.destination_concurrency;
}

/* Send one job of a destination. Sets *out_more when it should stay in the ring. */
static bool send_one(struct queue *q, struct queue_dest *d, bool *out_more)
{
    struct queue_job *j;

    *out_more = false;
    while (d->first != NULL && d->first->msg == NULL)
        free(take_first(d));
    if (d->first == NULL || !may_send(q, d))
        return true;
    j = take_first(d);
    if (!send_job(q, j)) {
        wait_first(q, j);
        *out_more = true;
        return false;
    }
    *out_more = d->first != NULL;
    return true;
}

void queue_dispatch(struct queue *q)
{
    size_t stuck = 0;

    /* Once round the ring without one job sent, and all windows are shut. */
    for (size_t ring = q->dest_count + 1; !q->quiet && q->run_first != NULL && stuck <= ring;) {
        struct queue_dest *d = q->run_first;
        bool more;

        q->run_first = d->after;
        if (q->run_first == NULL)
            q->run_last = &q->run_first;
        stuck = send_one(q, d, &more) ? 0 : stuck + 1;
        d->listed = false;
        if (more)
            list(q, d);
    }
}

/* ---- failures of a whole destination ---- */

static int64_t rest_of(const struct queue_dest *d)
{
    int64_t rest = QUEUE_BACKOFF_MS;

    for (unsigned i = 1; i < d->failures && rest < QUEUE_BACKOFF_MAX_MS; i++)
        rest *= 2;
    return min_i64(rest, QUEUE_BACKOFF_MAX_MS);
}

void queue_dest_fail(struct queue *q, struct queue_dest *d, const struct job_outcome *why)
{
    int64_t now_q = store_now_q(q->store);

    /* Jobs that were out together fail together: that is one failure. */
    if (d->until_q <= now_q) {
        d->failures++;
        d->until_q = now_q + rest_of(d);
    }
    while (d->first != NULL) {
        struct queue_job *j = take_first(d);
        struct queue_msg *m = j->msg;

        if (m != NULL) {
            for (uint32_t i = 0; i < j->n; i++)
                queue_outcome(q, m, &m->rcpts[j->index[i]], queue_dest_name(d), why);
            leave_msg(j);
            queue_msg_touch(q, m);
        }
        free(j);
    }
}

void queue_link_lost(struct queue *q, struct queue_link *link)
{
    static const struct job_outcome died = {
        .verdict = JOB_DEFERRED,
        .status = SPAN_INIT("4.3.0"),
        .reply = SPAN_INIT("the delivering process died while it worked on the message"),
    };

    for (size_t i = 0; i < QUEUE_SLOTS && link->jobs != 0; i++) {
        struct queue_job *j = q->jobs[i];

        while (j != NULL) {
            struct queue_job *next = j->next_out;
            struct queue_msg *m = j->msg;

            if (j->link != link) {
                j = next;
                continue;
            }
            if (++j->crashes < QUEUE_CRASHES_MAX) {
                queue_job_requeue(q, j);
            } else {
                for (uint32_t k = 0; k < j->n; k++)
                    queue_outcome(q, m, &m->rcpts[j->index[k]], queue_dest_name(j->dest), &died);
                queue_job_end(q, j);
                queue_msg_touch(q, m);
            }
            j = next;
        }
    }
}
