/* SPDX-License-Identifier: ISC */
#include "queue/ctl.h"

void ctl_request_put(struct buf *b, const struct ctl_request *r)
{
    pack_u8(b, (uint8_t)r->op);
    pack_u64(b, r->id);
    pack_u64(b, r->offset);
    pack_span(b, r->dest);
}

bool ctl_request_get(span payload, struct ctl_request *out_r)
{
    struct unpack u = unpack_over(payload);
    struct ctl_request r = {0};

    r.op = (enum ctl_op)unpack_u8(&u);
    r.id = unpack_u64(&u);
    r.offset = unpack_u64(&u);
    r.dest = unpack_span(&u, RECORD_DEST_BYTES);
    if (!unpack_done(&u) || r.op >= CTL_OP_COUNT || span_has(r.dest, '\0'))
        return false;
    *out_r = r;
    return true;
}

void ctl_reply_put(struct buf *b, const struct ctl_reply *r)
{
    pack_u8(b, (uint8_t)r->err);
    pack_span(b, span_head(r->words, CTL_WORDS_BYTES));
    pack_i64(b, r->now_ms);
    pack_i64(b, r->now_q);
    pack_u64(b, r->count);
    pack_u8(b, r->more ? 1 : 0);
    buf_put(b, r->rest);
}

bool ctl_reply_get(span payload, struct ctl_reply *out_r)
{
    struct unpack u = unpack_over(payload);
    struct ctl_reply r = {0};
    unsigned err = unpack_u8(&u);
    unsigned more;

    r.words = unpack_span(&u, CTL_WORDS_BYTES);
    r.now_ms = unpack_i64(&u);
    r.now_q = unpack_i64(&u);
    r.count = unpack_u64(&u);
    more = unpack_u8(&u);
    if (u.failed || err > ERR_NOMEM || more > 1)
        return false;
    r.err = (enum err)err;
    r.more = more == 1;
    r.rest = u.rest;
    *out_r = r;
    return true;
}
