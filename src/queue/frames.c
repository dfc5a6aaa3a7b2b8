/* SPDX-License-Identifier: ISC */
#include "queue/frames.h"

#include "base/ascii.h"
#include "queue/ctl.h"
#include "queue/job.h"

static const uint32_t frame_max[QUEUE_FRAME_END] = {
    [QUEUE_PUT] = ENVELOPE_BYTES_MAX + 4 + QUEUE_INLINE_BYTES,
    [QUEUE_PUT_BEGIN] = ENVELOPE_BYTES_MAX,
    [QUEUE_PUT_CHUNK] = QUEUE_INLINE_BYTES,
    [QUEUE_PUT_END] = 8,
    [QUEUE_PUT_RESULT] = PUT_RESULT_BYTES,
    [QUEUE_JOB] = JOB_FRAME_BYTES,
    [QUEUE_JOB_RESULT] = JOB_RESULT_BYTES,
    [QUEUE_CTL] = CTL_REQUEST_BYTES,
    [QUEUE_CTL_REPLY] = CTL_REPLY_BYTES,
    [QUEUE_LEDGER] = QUEUE_LEDGER_BYTES,
    [QUEUE_PAST] = PAST_QUESTION_BYTES,
    [QUEUE_PAST_REPLY] = PAST_REPLY_BYTES,
    [QUEUE_NAMED] = QUEUE_NAMED_BYTES,
    [QUEUE_OWN] = OWN_ADDRESS_BYTES,
};

uint32_t queue_frame_max(unsigned type)
{
    return type < QUEUE_FRAME_END ? frame_max[type] : 0;
}

void put_put(struct buf *b, span envelope, span body)
{
    pack_span(b, envelope);
    buf_put(b, body);
}

bool put_get(span payload, span *out_envelope, span *out_body)
{
    struct unpack u = unpack_over(payload);
    span envelope = unpack_span(&u, ENVELOPE_BYTES_MAX);

    if (u.failed || u.rest.n > QUEUE_INLINE_BYTES)
        return false;
    *out_envelope = envelope;
    *out_body = u.rest;
    return true;
}

void put_result_put(struct buf *b, const struct put_result *r)
{
    pack_u8(b, (uint8_t)r->status);
    pack_span(b, span_head(r->why, PUT_WHY_BYTES));
}

bool put_result_get(span payload, struct put_result *out_r)
{
    struct unpack u = unpack_over(payload);
    unsigned status = unpack_u8(&u);
    span why = unpack_span(&u, PUT_WHY_BYTES);

    if (!unpack_done(&u) || status >= PUT_STATUS_COUNT)
        return false;
    *out_r = (struct put_result){(enum put_status)status, why};
    return true;
}

static void put_address(struct buf *b, struct ip_addr a)
{
    pack_u8(b, (uint8_t)a.family);
    buf_put(b, span_of(a.octet, sizeof(a.octet)));
}

static struct ip_addr take_address(struct unpack *u)
{
    struct ip_addr a = {.family = (enum ip_family)unpack_u8(u)};

    if (u->rest.n < sizeof(a.octet) || (a.family != IP_V4 && a.family != IP_V6)) {
        unpack_fail(u);
        return a;
    }
    memcpy(a.octet, u->rest.p, sizeof(a.octet));
    u->rest = span_skip(u->rest, sizeof(a.octet));
    return a;
}

void own_address_put(struct buf *b, struct ip_addr a)
{
    put_address(b, a);
}

bool own_address_get(span payload, struct ip_addr *out_a)
{
    struct unpack u = unpack_over(payload);
    struct ip_addr a = take_address(&u);

    if (!unpack_done(&u))
        return false;
    *out_a = a;
    return true;
}

void past_question_put(struct buf *b, const struct past_question *q)
{
    put_address(b, q->client);
    pack_span(b, span_head(q->name, PAST_NAME_BYTES));
}

bool past_question_get(span payload, struct past_question *out_q)
{
    struct unpack u = unpack_over(payload);
    struct past_question q = {.client = take_address(&u)};

    q.name = unpack_span(&u, PAST_NAME_BYTES);
    if (!unpack_done(&u))
        return false;
    *out_q = q;
    return true;
}
