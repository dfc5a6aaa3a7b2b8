/* SPDX-License-Identifier: ISC */
#include "queue/envelope.h"

#include "base/ascii.h"

/* version, id, received, flags, session, count */
#define FIXED_BYTES (1 + 8 + 8 + 2 + 8 + 4)
#define STRINGS     5

void envelope_put_rcpt(struct buf *b, const struct envelope_rcpt *r)
{
    struct buf room = buf_over(b->p + b->n, buf_room(b));

    pack_span(&room, r->address);
    pack_span(&room, span_eq(r->canonical, r->address) ? SPAN_NONE : r->canonical);
    pack_span(&room, r->orcpt);
    pack_u8(&room, (uint8_t)r->notify);
    if (room.overflow)
        b->overflow = true;
    else
        b->n += room.n;
}

void envelope_put(struct buf *b, const struct envelope *e)
{
    pack_u8(b, ENVELOPE_VERSION);
    pack_u64(b, e->id);
    pack_i64(b, e->received_ms);
    pack_u16(b, (uint16_t)e->flags);
    pack_u64(b, e->session);
    pack_span(b, e->sender);
    pack_span(b, e->client);
    pack_span(b, e->greeting);
    pack_span(b, e->auth);
    pack_span(b, e->envid);
    pack_u32(b, e->rcpt_count);
    buf_put(b, e->rcpts);
}

size_t envelope_size(const struct envelope *e)
{
    return FIXED_BYTES + STRINGS * sizeof(uint32_t) + e->sender.n + e->client.n + e->greeting.n +
           e->auth.n + e->envid.n + e->rcpts.n;
}

/* Neither control octets (NUL, CR and LF among them) nor, unless utf8, octets above 127. */
static bool text_ok(span s, bool utf8)
{
    for (size_t i = 0; i < s.n; i++)
        if (ascii_is_control(s.p[i]) || (!utf8 && ascii_is_high(s.p[i])))
            return false;
    return true;
}

bool envelope_address_ok(span address, bool utf8)
{
    size_t at = span_rfind(address, '@');

    return at > 0 && at + 1 < address.n && address.n <= ENVELOPE_ADDR_BYTES &&
           text_ok(address, utf8) && !span_has(span_skip(address, at), ' ');
}

bool envelope_next_rcpt(struct unpack *u, struct envelope_rcpt *out_r)
{
    if (u->failed || u->rest.n == 0)
        return false;
    out_r->address = unpack_span(u, ENVELOPE_ADDR_BYTES);
    out_r->canonical = unpack_span(u, ENVELOPE_ADDR_BYTES);
    out_r->orcpt = unpack_span(u, ENVELOPE_ORCPT_BYTES);
    out_r->notify = unpack_u8(u);
    if (out_r->canonical.n == 0)
        out_r->canonical = out_r->address;
    return !u->failed;
}

static bool rcpt_ok(const struct envelope_rcpt *r, bool utf8)
{
    return envelope_address_ok(r->address, utf8) && envelope_address_ok(r->canonical, utf8) &&
           text_ok(r->orcpt, utf8) && (r->notify & ~(unsigned)ENVELOPE_NOTIFY_KNOWN) == 0;
}

static enum err judge_rcpts(const struct envelope *e, bool utf8)
{
    struct unpack u = unpack_over(e->rcpts);
    struct envelope_rcpt r;
    uint32_t n = 0;

    if (e->rcpt_count == 0 || e->rcpt_count > ENVELOPE_RCPTS_MAX)
        return ERR_LIMIT;
    for (; envelope_next_rcpt(&u, &r); n++)
        if (!rcpt_ok(&r, utf8))
            return ERR_SYNTAX;
    return unpack_done(&u) && n == e->rcpt_count ? ERR_OK : ERR_SYNTAX;
}

static enum err judge(const struct envelope *e)
{
    bool utf8 = (e->flags & ENVELOPE_SMTPUTF8) != 0;

    if (e->id == 0 || (e->flags & ~(unsigned)ENVELOPE_FLAGS_KNOWN) != 0)
        return ERR_SYNTAX;
    if (e->sender.n != 0 && !envelope_address_ok(e->sender, utf8))
        return ERR_SYNTAX;
    /* A login name may be UTF-8 (RFC 4616), the rest is ASCII unless the client said otherwise. */
    if (!text_ok(e->client, false) || !text_ok(e->greeting, true) || !text_ok(e->auth, true) ||
        !text_ok(e->envid, false))
        return ERR_SYNTAX;
    return judge_rcpts(e, utf8);
}

enum err envelope_get(span s, struct envelope *out_e)
{
    struct unpack u = unpack_over(s);
    struct envelope e = {0};
    enum err err;

    if (s.n > ENVELOPE_BYTES_MAX)
        return ERR_LIMIT;
    if (unpack_u8(&u) > ENVELOPE_VERSION)
        return ERR_VERSION;
    e.id = unpack_u64(&u);
    e.received_ms = unpack_i64(&u);
    e.flags = unpack_u16(&u);
    e.session = unpack_u64(&u);
    e.sender = unpack_span(&u, ENVELOPE_ADDR_BYTES);
    e.client = unpack_span(&u, ENVELOPE_CLIENT_BYTES);
    e.greeting = unpack_span(&u, ENVELOPE_GREETING_BYTES);
    e.auth = unpack_span(&u, ENVELOPE_AUTH_BYTES);
    e.envid = unpack_span(&u, ENVELOPE_ENVID_BYTES);
    e.rcpt_count = unpack_u32(&u);
    e.rcpts = u.rest;
    if (u.failed || s.p[0] == 0)
        return ERR_SYNTAX;
    err = judge(&e);
    if (err == ERR_OK)
        *out_e = e;
    return err;
}
