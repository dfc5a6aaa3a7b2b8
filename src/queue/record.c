/* SPDX-License-Identifier: ISC */
#include "queue/record.h"

#include "base/hash.h"

#define CRC_AT     4                         /* after "HQ" and the version */
#define BODY_AT    (CRC_AT + 4)              /* what the checksum covers begins here */
#define HEAD_BYTES (BODY_AT + 5 * 8 + 4 + 1) /* up to the envelope */
#define MAGIC      "HQ"

static const char *const state_texts[RECORD_STATE_COUNT] = {
    [RECORD_WAITING] = "waiting", [RECORD_DELIVERED] = "delivered", [RECORD_FAILED] = "failed",
    [RECORD_EXPIRED] = "expired", [RECORD_HELD] = "held",           [RECORD_EXPANDED] = "expanded",
};

const char *record_state_text(enum record_state s)
{
    BUG_IF(s >= RECORD_STATE_COUNT, "no such recipient state");
    return state_texts[s];
}

void record_put_rcpt(struct buf *b, const struct record_rcpt *r)
{
    pack_span(b, r->address);
    pack_span(b, span_eq(r->canonical, r->address) ? SPAN_NONE : r->canonical);
    pack_span(b, span_eq(r->original, r->address) ? SPAN_NONE : r->original);
    pack_span(b, r->orcpt);
    pack_u8(b, (uint8_t)r->notify);
    pack_u8(b, (uint8_t)r->state);
    pack_u32(b, r->attempts);
    pack_i64(b, r->next_q);
    pack_i64(b, r->tried_ms);
    pack_span(b, span_head(r->dest, RECORD_DEST_BYTES));
    pack_u16(b, r->code);
    pack_span(b, span_head(r->status, JOB_STATUS_BYTES));
    pack_span(b, span_head(r->mta, JOB_MTA_BYTES));
    pack_span(b, span_head(r->reply, JOB_REPLY_BYTES));
}

bool record_next_rcpt(struct unpack *u, struct record_rcpt *out_r)
{
    struct record_rcpt *r = out_r;

    if (u->failed || u->rest.n == 0)
        return false;
    r->address = unpack_span(u, ENVELOPE_ADDR_BYTES);
    r->canonical = unpack_span(u, ENVELOPE_ADDR_BYTES);
    r->original = unpack_span(u, ENVELOPE_ADDR_BYTES);
    r->orcpt = unpack_span(u, ENVELOPE_ORCPT_BYTES);
    r->notify = unpack_u8(u);
    r->state = (enum record_state)unpack_u8(u);
    r->attempts = unpack_u32(u);
    r->next_q = unpack_i64(u);
    r->tried_ms = unpack_i64(u);
    r->dest = unpack_span(u, RECORD_DEST_BYTES);
    r->code = unpack_u16(u);
    r->status = unpack_span(u, JOB_STATUS_BYTES);
    r->mta = unpack_span(u, JOB_MTA_BYTES);
    r->reply = unpack_span(u, JOB_REPLY_BYTES);
    if (r->canonical.n == 0)
        r->canonical = r->address;
    if (r->original.n == 0)
        r->original = r->address;
    if (r->state >= RECORD_STATE_COUNT)
        unpack_fail(u);
    return !u->failed;
}

size_t record_size(const struct record *r)
{
    return HEAD_BYTES + 3 * sizeof(uint32_t) + r->envelope.n + r->rcpts.n;
}

static void put_crc(char *at, uint32_t crc)
{
    struct buf b = buf_over(at, sizeof(crc));

    pack_u32(&b, crc);
}

void record_put(struct buf *b, const struct record *r)
{
    BUG_IF(b->n != 0, "a record begins its buffer");
    buf_put(b, SPAN(MAGIC));
    pack_u16(b, RECORD_VERSION);
    pack_u32(b, 0);
    pack_u64(b, r->id);
    pack_i64(b, r->due_q);
    pack_i64(b, r->accepted_q);
    pack_i64(b, r->expires_q);
    pack_u64(b, r->size);
    pack_u32(b, r->body_crc);
    pack_u8(b, (uint8_t)r->flags);
    pack_span(b, r->envelope);
    pack_u32(b, r->rcpt_count);
    buf_put(b, r->rcpts);
    if (!b->overflow)
        put_crc(b->p + CRC_AT, hash_crc32c(0, span_skip(buf_span(b), BODY_AT)));
}

static bool rcpts_ok(const struct record *r)
{
    struct unpack u = unpack_over(r->rcpts);
    struct record_rcpt rcpt;
    uint32_t n = 0;

    while (record_next_rcpt(&u, &rcpt)) {
        if (!envelope_address_ok(rcpt.address, true) || !envelope_address_ok(rcpt.canonical, true))
            return false;
        n++;
    }
    return unpack_done(&u) && n == r->rcpt_count && n > 0 && n <= RECORD_RCPTS_MAX;
}

/* Version and checksum; *out_u then stands at the fields. */
static enum err open_record(span s, struct unpack *out_u)
{
    struct unpack u = unpack_over(s);
    uint16_t version;
    uint32_t crc;

    if (s.n < HEAD_BYTES || s.n > RECORD_BYTES_MAX || !span_starts(s, SPAN(MAGIC)))
        return ERR_CORRUPT;
    u.rest = span_skip(s, sizeof(MAGIC) - 1);
    version = unpack_u16(&u);
    crc = unpack_u32(&u);
    /* The checksum stands where it does in every version: damage is not taken for news. */
    if (crc != hash_crc32c(0, u.rest))
        return ERR_CORRUPT;
    if (version > RECORD_VERSION)
        return ERR_VERSION;
    if (version < RECORD_VERSION_1)
        return ERR_CORRUPT;
    *out_u = u;
    return ERR_OK;
}

enum err record_get(span s, struct record *out_r)
{
    struct unpack u;
    struct record r = {0};
    struct envelope e;
    enum err err = open_record(s, &u);

    if (err != ERR_OK)
        return err;
    r.id = unpack_u64(&u);
    r.due_q = unpack_i64(&u);
    r.accepted_q = unpack_i64(&u);
    r.expires_q = unpack_i64(&u);
    r.size = unpack_u64(&u);
    r.body_crc = unpack_u32(&u);
    r.flags = unpack_u8(&u);
    r.envelope = unpack_span(&u, ENVELOPE_BYTES_MAX);
    r.rcpt_count = unpack_u32(&u);
    r.rcpts = u.rest;
    if (u.failed || (r.flags & ~(unsigned)RECORD_FLAGS_KNOWN) != 0 || !rcpts_ok(&r))
        return ERR_CORRUPT;
    err = envelope_get(r.envelope, &e);
    if (err == ERR_VERSION)
        return err;
    if (err != ERR_OK || e.id != r.id)
        return ERR_CORRUPT;
    *out_r = r;
    return ERR_OK;
}

bool record_peek(span s, uint64_t *out_id, int64_t *out_due_q)
{
    struct unpack u = unpack_over(span_skip(s, BODY_AT));

    if (s.n < HEAD_BYTES || !span_starts(s, SPAN(MAGIC)))
        return false;
    *out_id = unpack_u64(&u);
    *out_due_q = unpack_i64(&u);
    return true;
}
