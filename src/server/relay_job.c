/* SPDX-License-Identifier: ISC */
#include "server/relay.h"

#include <stdlib.h>
#include <unistd.h>

#include "os/log.h"

#define OUTCOMES_BYTES (8u << 20)

static void job_free(struct relay_job *j)
{
    if (j->fd >= 0)
        (void)close(j->fd);
    heap_release(&j->outcomes);
    free(j->mail.rcpts);
    free(j->is_settled);
    free(j->originals);
    free(j->ascii);
    free(j->conversion);
    free(j->indexes);
    free(j);
}

static bool fill_rcpts(struct relay_job *j)
{
    struct unpack u = unpack_over(j->job.rcpts);
    struct job_rcpt rcpt;
    size_t n = j->job.rcpt_count;
    /* Delivery by LMTP is ours to report: the server is not asked to. */
    bool lmtp = relay_is_lmtp(j->job.transport);

    j->mail.rcpts = calloc(n, sizeof(*j->mail.rcpts));
    j->is_settled = calloc(n, sizeof(*j->is_settled));
    j->indexes = calloc(n, sizeof(*j->indexes));
    j->originals = calloc(n, sizeof(*j->originals));
    if (j->mail.rcpts == NULL || j->is_settled == NULL || j->indexes == NULL ||
        j->originals == NULL)
        return false;
    for (size_t i = 0; i < n && job_next_rcpt(&u, &rcpt); i++) {
        j->mail.rcpts[i].address = j->originals[i] = rcpt.address;
        j->mail.rcpts[i].notify = lmtp ? 0 : rcpt.notify;
        /* One that cannot be said is of less use than the message. */
        if (!lmtp && (smtp_orcpt_ok(rcpt.orcpt) || smtp_orcpt_utf8_ok(rcpt.orcpt)))
            j->mail.rcpts[i].orcpt = rcpt.orcpt;
        j->indexes[i] = rcpt.index;
    }
    return true;
}

struct relay_job *relay_job_new(struct relay *r, struct chan_frame *f)
{
    struct relay_job *j = calloc(1, sizeof(*j) + f->body.n);

    if (j == NULL)
        return NULL;
    memcpy(j->frame, f->body.p, f->body.n);
    j->relay = r;
    j->tag = f->tag;
    j->fd = -1;
    heap_init(&j->outcomes, OUTCOMES_BYTES);
    if (!job_get(span_of(j->frame, f->body.n), &j->job) || j->job.transport == JOB_MAILDIR ||
        !fill_rcpts(j) || (j->job.in_file && f->fd < 0)) {
        job_free(j);
        return NULL;
    }
    if (j->job.in_file) {
        j->fd = f->fd;
        f->fd = -1;
    }
    if (!relay_is_lmtp(j->job.transport)) {
        j->mail.ret = (j->job.flags & ENVELOPE_RET_FULL) != 0   ? SMTP_RET_FULL
                      : (j->job.flags & ENVELOPE_RET_HDRS) != 0 ? SMTP_RET_HDRS
                                                                : SMTP_RET_UNSAID;
        j->mail.envid = j->job.envid;
    }
    j->mail.rcpt_count = j->job.rcpt_count;
    j->mail.owner = j;
    r->jobs++;
    return j;
}

static void send_result(struct relay *r, uint32_t tag, span head, span outcomes)
{
    if (chan_send(&r->queue, QUEUE_JOB_RESULT, tag, head, outcomes, -1) != ERR_OK)
        log_text(LOG_CHANNEL_BROKEN, LOG_ERROR, SPAN("a result could not reach the queue"));
}

void relay_job_refuse(struct relay *r, const struct chan_frame *f)
{
    struct unpack u = unpack_over(f->body);
    struct job_result result = {.id = unpack_u64(&u)};
    char head[64];
    struct buf b = BUF_OVER(head);

    job_result_put(&b, &result);
    send_result(r, f->tag, buf_span(&b), SPAN_NONE);
}

enum job_verdict relay_verdict_of(unsigned code)
{
    if (code >= 200 && code < 300)
        return JOB_DELIVERED;
    return code >= 500 && code < 600 ? JOB_FAILED : JOB_DEFERRED;
}

static void settle_one(struct relay_job *j, size_t rcpt, const struct relay_verdict *v)
{
    struct job_outcome o = {
        .index = j->indexes[rcpt],
        .verdict = v->verdict,
        .code = (uint16_t)v->code,
        .status = span_head(v->status, JOB_STATUS_BYTES),
        .mta = span_head(v->mta, JOB_MTA_BYTES),
        .reply = span_head(v->reply, JOB_REPLY_BYTES),
    };
    size_t need = JOB_STATUS_BYTES + JOB_MTA_BYTES + JOB_REPLY_BYTES + 64;
    struct buf b;
    char *room;

    if (j->is_settled[rcpt])
        return;
    room = heap_room(&j->outcomes, need);
    /* Without memory for it the recipient has no outcome, which means deferred. */
    if (room == NULL)
        return;
    b = buf_over(room, need);
    job_put_outcome(&b, &o);
    heap_added(&j->outcomes, b.n);
    j->is_settled[rcpt] = true;
    j->settled++;
}

void relay_job_settle(struct relay_job *j, size_t rcpt, const struct relay_verdict *v)
{
    if (rcpt != SMTP_ALL_RCPTS) {
        settle_one(j, rcpt, v);
        return;
    }
    for (size_t i = 0; i < j->mail.rcpt_count; i++)
        settle_one(j, i, v);
}

void relay_job_settle_accepted(struct relay_job *j, const struct relay_verdict *v)
{
    for (size_t i = 0; i < j->mail.rcpt_count; i++) {
        if (j->mail.rcpts[i].accepted)
            settle_one(j, i, v);
    }
}

void relay_job_finish(struct relay_job *j, unsigned flags)
{
    struct relay *r = j->relay;
    struct job_result result = {
        .id = j->job.id,
        .flags = flags,
        .count = j->settled,
    };
    char head[64];
    struct buf b = BUF_OVER(head);

    if (r != NULL) {
        /* The outcomes are packed already and go behind the head as they are. */
        job_result_put(&b, &result);
        send_result(r, j->tag, buf_span(&b), heap_span(&j->outcomes));
        r->jobs--;
    }
    job_free(j);
    if (r != NULL)
        relay_check_drained(r);
}
