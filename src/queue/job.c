/* SPDX-License-Identifier: ISC */
#include "queue/job.h"

#include "queue/frames.h"

void job_put_rcpt(struct buf *b, const struct job_rcpt *r)
{
    pack_u32(b, r->index);
    pack_span(b, r->address);
    pack_span(b, span_eq(r->canonical, r->address) ? SPAN_NONE : r->canonical);
    pack_span(b, r->orcpt);
    pack_u8(b, (uint8_t)r->notify);
}

bool job_next_rcpt(struct unpack *u, struct job_rcpt *out_r)
{
    if (u->failed || u->rest.n == 0)
        return false;
    out_r->index = unpack_u32(u);
    out_r->address = unpack_span(u, ENVELOPE_ADDR_BYTES);
    out_r->canonical = unpack_span(u, ENVELOPE_ADDR_BYTES);
    out_r->orcpt = unpack_span(u, ENVELOPE_ORCPT_BYTES);
    out_r->notify = unpack_u8(u);
    if (out_r->canonical.n == 0)
        out_r->canonical = out_r->address;
    return !u->failed;
}

void job_put(struct buf *b, const struct job *j)
{
    pack_u64(b, j->id);
    pack_u8(b, (uint8_t)j->transport);
    pack_u16(b, j->port);
    pack_span(b, j->host);
    pack_span(b, j->egress);
    pack_u16(b, (uint16_t)j->flags);
    pack_u32(b, j->attempt);
    pack_i64(b, j->received_ms);
    pack_span(b, j->sender);
    pack_span(b, j->envid);
    pack_u64(b, j->size);
    pack_u32(b, j->rcpt_count);
    pack_span(b, j->rcpts);
    pack_u8(b, j->in_file ? 1 : 0);
    buf_put(b, j->in_file ? SPAN_NONE : j->body);
}

static bool rcpts_ok(const struct job *j)
{
    struct unpack u = unpack_over(j->rcpts);
    struct job_rcpt r;
    uint32_t n = 0;

    while (job_next_rcpt(&u, &r)) {
        if (!envelope_address_ok(r.address, true) || !envelope_address_ok(r.canonical, true))
            return false;
        n++;
    }
    return unpack_done(&u) && n == j->rcpt_count && n > 0 && n <= JOB_RCPTS_MAX;
}

static bool job_ok(const struct job *j)
{
    if (j->transport >= JOB_TRANSPORT_COUNT || (j->flags & ~(unsigned)ENVELOPE_FLAGS_KNOWN) != 0)
        return false;
    if (j->sender.n != 0 && !envelope_address_ok(j->sender, true))
        return false;
    if (j->in_file ? j->body.n != 0 : j->body.n != j->size || j->size > QUEUE_INLINE_BYTES)
        return false;
    return rcpts_ok(j);
}

bool job_get(span payload, struct job *out_j)
{
    struct unpack u = unpack_over(payload);
    struct job j = {0};
    unsigned in_file;

    j.id = unpack_u64(&u);
    j.transport = (enum job_transport)unpack_u8(&u);
    j.port = unpack_u16(&u);
    j.host = unpack_span(&u, JOB_HOST_BYTES);
    j.egress = unpack_span(&u, JOB_EGRESS_BYTES);
    j.flags = unpack_u16(&u);
    j.attempt = unpack_u32(&u);
    j.received_ms = unpack_i64(&u);
    j.sender = unpack_span(&u, ENVELOPE_ADDR_BYTES);
    j.envid = unpack_span(&u, ENVELOPE_ENVID_BYTES);
    j.size = unpack_u64(&u);
    j.rcpt_count = unpack_u32(&u);
    j.rcpts = unpack_span(&u, JOB_RCPTS_MAX * JOB_RCPT_BYTES);
    in_file = unpack_u8(&u);
    j.in_file = in_file == 1;
    j.body = u.rest;
    if (u.failed || in_file > 1 || !job_ok(&j))
        return false;
    *out_j = j;
    return true;
}

void job_put_outcome(struct buf *b, const struct job_outcome *o)
{
    pack_u32(b, o->index);
    pack_u8(b, (uint8_t)o->verdict);
    pack_u16(b, o->code);
    pack_span(b, span_head(o->status, JOB_STATUS_BYTES));
    pack_span(b, span_head(o->mta, JOB_MTA_BYTES));
    pack_span(b, span_head(o->reply, JOB_REPLY_BYTES));
}

bool job_next_outcome(struct unpack *u, struct job_outcome *out_o)
{
    if (u->failed || u->rest.n == 0)
        return false;
    out_o->index = unpack_u32(u);
    out_o->verdict = (enum job_verdict)unpack_u8(u);
    out_o->code = unpack_u16(u);
    out_o->status = unpack_span(u, JOB_STATUS_BYTES);
    out_o->mta = unpack_span(u, JOB_MTA_BYTES);
    out_o->reply = unpack_span(u, JOB_REPLY_BYTES);
    if (out_o->verdict >= JOB_VERDICT_COUNT)
        unpack_fail(u);
    return !u->failed;
}

void job_result_put(struct buf *b, const struct job_result *r)
{
    pack_u64(b, r->id);
    pack_u8(b, (uint8_t)r->flags);
    pack_u32(b, r->count);
    buf_put(b, r->outcomes);
}

bool job_result_get(span payload, struct job_result *out_r)
{
    struct unpack u = unpack_over(payload);
    struct job_result r = {0};
    struct job_outcome o;
    uint32_t n = 0;

    r.id = unpack_u64(&u);
    r.flags = unpack_u8(&u);
    r.count = unpack_u32(&u);
    r.outcomes = u.rest;
    if (u.failed || (r.flags & ~(unsigned)JOB_RESULT_FLAGS_KNOWN) != 0 || r.count > JOB_RCPTS_MAX)
        return false;
    while (job_next_outcome(&u, &o))
        n++;
    if (!unpack_done(&u) || n != r.count)
        return false;
    *out_r = r;
    return true;
}
