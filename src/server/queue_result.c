/* SPDX-License-Identifier: ISC */
/* What came of a job, recipient by recipient: states, next tries, and the log. */
#include "os/clock.h"
#include "os/log.h"
#include "server/queue.h"
#include "server/queue_ledger.h"
#include "server/queue_link.h"

/* What is told when NOTIFY was not said (RFC 3461 4.1). */
#define NOTIFY_UNSAID ((unsigned)ENVELOPE_NOTIFY_FAILURE | (unsigned)ENVELOPE_NOTIFY_DELAY)

/* `report` if the sender wants to hear of `event`. */
static enum queue_report report_if(const struct queue_msg *m, const struct record_rcpt *r,
                                   enum envelope_notify event, enum queue_report report)
{
    unsigned notify = r->notify != 0 ? r->notify : NOTIFY_UNSAID;
    /* RFC 5321 6.1: nothing is reported to the null sender, and no report about a report. */
    bool somebody = m->envelope.sender.n != 0 && (m->envelope.flags & ENVELOPE_DSN) == 0;

    return somebody && (notify & event) != 0 ? report : QUEUE_REPORT_NOTHING;
}

static void say(const struct queue_msg *m, const struct queue_rcpt *rcpt, enum log_event event,
                int64_t wait_ms)
{
    const struct record_rcpt *r = &rcpt->r;
    struct log_line l = log_begin(event, LOG_INFO);

    log_id(&l, KEY_MESSAGE, m->head.id);
    log_id(&l, KEY_SESSION, m->envelope.session);
    log_str(&l, KEY_RECIPIENT, r->address);
    log_str(&l, KEY_DESTINATION, r->dest);
    log_num(&l, KEY_ATTEMPT, r->attempts);
    log_num(&l, KEY_DELAY, clock_wall_ms() - m->envelope.received_ms);
    if (r->mta.n != 0)
        log_str(&l, KEY_HOST, r->mta);
    if (r->code != 0)
        log_num(&l, KEY_CODE, r->code);
    if (r->reply.n != 0)
        log_str(&l, KEY_REPLY, r->reply);
    if (wait_ms >= 0) {
        char text[CLOCK_RFC3339_BYTES + 1];

        clock_rfc3339(clock_wall_ms() + wait_ms, text);
        log_cstr(&l, KEY_NEXT, text);
    }
    log_end(&l);
}

void queue_expire(struct queue *q, struct queue_msg *m, struct queue_rcpt *rcpt)
{
    rcpt->r.state = RECORD_EXPIRED;
    rcpt->report = report_if(m, &rcpt->r, ENVELOPE_NOTIFY_FAILURE, QUEUE_REPORT_FAILED);
    queue_msg_touch(q, m);
    say(m, rcpt, LOG_QUEUE_EXPIRED, -1);
    queue_ledger_outcome(q, m, rcpt);
}

void queue_expanded(struct queue *q, struct queue_msg *m, struct queue_rcpt *rcpt)
{
    rcpt->r.state = RECORD_DELIVERED;
    rcpt->report = report_if(m, &rcpt->r, ENVELOPE_NOTIFY_SUCCESS, QUEUE_REPORT_EXPANDED);
    queue_msg_touch(q, m);
}

/* One warning for a message: about all who wait, were tried, and whose delay is to be told. */
void queue_warn(struct queue_msg *m)
{
    for (uint32_t i = 0; i < m->head.rcpt_count; i++) {
        struct queue_rcpt *rcpt = &m->rcpts[i];

        if (rcpt->r.state == RECORD_WAITING && rcpt->r.attempts > 0)
            rcpt->report = report_if(m, &rcpt->r, ENVELOPE_NOTIFY_DELAY, QUEUE_REPORT_DELAYED);
    }
}

static void defer(struct queue *q, struct queue_msg *m, struct queue_rcpt *rcpt)
{
    struct record_rcpt *r = &rcpt->r;
    int64_t now_q = store_now_q(q->store);

    if (schedule_expired(m->head.expires_q, r->attempts, now_q)) {
        queue_expire(q, m, rcpt);
        return;
    }
    r->next_q = schedule_next(&q->schedule, m->head.id, r->attempts, now_q);
    say(m, rcpt, LOG_DELIVERY_DEFERRED, r->next_q - now_q);
    if ((m->head.flags & RECORD_DELAY_TOLD) == 0 &&
        report_if(m, r, ENVELOPE_NOTIFY_DELAY, QUEUE_REPORT_DELAYED) != QUEUE_REPORT_NOTHING &&
        schedule_warns(&q->schedule, m->head.accepted_q, now_q)) {
        m->head.flags |= RECORD_DELAY_TOLD;
        m->tell_delay = true;
    }
}

static void delivered(struct queue *q, struct queue_msg *m, struct queue_rcpt *rcpt,
                      enum queue_report report)
{
    rcpt->r.state = RECORD_DELIVERED;
    rcpt->report = report_if(m, &rcpt->r, ENVELOPE_NOTIFY_SUCCESS, report);
    say(m, rcpt, LOG_DELIVERY_DONE, -1);
    queue_ledger_outcome(q, m, rcpt);
}

void queue_outcome(struct queue *q, struct queue_msg *m, struct queue_rcpt *rcpt, span dest,
                   const struct job_outcome *o)
{
    struct record_rcpt *r = &rcpt->r;

    if (r->state != RECORD_WAITING)
        return; /* an administrator was faster */
    r->attempts++;
    r->tried_ms = clock_wall_ms();
    queue_rcpt_say(rcpt, dest, o);
    queue_msg_touch(q, m);
    switch (o->verdict) {
    case JOB_DELIVERED:
        delivered(q, m, rcpt, QUEUE_REPORT_DELIVERED);
        break;
    case JOB_PASSED:
        delivered(q, m, rcpt, QUEUE_REPORT_NOTHING);
        break;
    case JOB_RELAYED:
        delivered(q, m, rcpt, QUEUE_REPORT_RELAYED);
        break;
    case JOB_FAILED:
        r->state = RECORD_FAILED;
        rcpt->report = report_if(m, r, ENVELOPE_NOTIFY_FAILURE, QUEUE_REPORT_FAILED);
        say(m, rcpt, LOG_DELIVERY_FAILED, -1);
        queue_ledger_outcome(q, m, rcpt);
        break;
    case JOB_DEFERRED:
        defer(q, m, rcpt);
        break;
    case JOB_VERDICT_COUNT:
        break;
    }
}

/* The recipient of a job with that number in the record; each is answered once. */
static struct queue_rcpt *rcpt_of(struct queue_job *j, uint32_t index)
{
    for (uint32_t i = 0; i < j->n; i++)
        if (j->index[i] == index && j->msg->rcpts[index].busy)
            return &j->msg->rcpts[index];
    return NULL;
}

static bool apply(struct queue *q, struct queue_job *j, const struct job_result *r,
                  struct job_outcome *out_last)
{
    struct unpack u = unpack_over(r->outcomes);
    struct job_outcome o;

    while (job_next_outcome(&u, &o)) {
        struct queue_rcpt *rcpt = rcpt_of(j, o.index);

        if (rcpt == NULL)
            return false;
        rcpt->busy = false;
        queue_outcome(q, j->msg, rcpt, queue_dest_name(j->dest), &o);
        *out_last = o;
    }
    return true;
}

static void apply_rest(struct queue *q, struct queue_job *j)
{
    static const struct job_outcome silent = {
        .verdict = JOB_DEFERRED,
        .status = SPAN_INIT("4.3.0"),
        .reply = SPAN_INIT("the delivering process said nothing about this recipient"),
    };

    for (uint32_t i = 0; i < j->n; i++) {
        struct queue_rcpt *rcpt = &j->msg->rcpts[j->index[i]];

        if (rcpt->busy)
            queue_outcome(q, j->msg, rcpt, queue_dest_name(j->dest), &silent);
    }
}

bool queue_result(struct queue *q, struct queue_link *link, uint32_t tag, span payload)
{
    struct queue_job *j = queue_job_find(q, tag);
    struct job_outcome last = {.verdict = JOB_DEFERRED, .reply = SPAN_INIT("no connection")};
    struct job_result r;
    struct queue_dest *d;

    if (j == NULL || j->link != link || !job_result_get(payload, &r) || r.id != j->msg->head.id)
        return false;
    if ((r.flags & JOB_NOT_TRIED) != 0) {
        link->leaving = true;
        queue_job_requeue(q, j);
        return true;
    }
    if (!apply(q, j, &r, &last))
        return false;
    apply_rest(q, j);
    d = j->dest;
    queue_msg_touch(q, j->msg);
    queue_job_end(q, j);
    if ((r.flags & JOB_UNREACHABLE) != 0)
        queue_dest_fail(q, d, &last);
    else
        d->failures = 0;
    return true;
}
