/* SPDX-License-Identifier: ISC */
#include "base/pack.h"

static void put_number(struct buf *b, uint64_t v, size_t width)
{
    char octets[8];

    for (size_t i = 0; i < width; i++)
        octets[i] = (char)(unsigned char)(v >> (8 * i));
    buf_put(b, span_of(octets, width));
}

void pack_u8(struct buf *b, uint8_t v)
{
    put_number(b, v, 1);
}

void pack_u16(struct buf *b, uint16_t v)
{
    put_number(b, v, 2);
}

void pack_u32(struct buf *b, uint32_t v)
{
    put_number(b, v, 4);
}

void pack_u64(struct buf *b, uint64_t v)
{
    put_number(b, v, 8);
}

void pack_i64(struct buf *b, int64_t v)
{
    put_number(b, (uint64_t)v, 8);
}

void pack_span(struct buf *b, span s)
{
    if (s.n > UINT32_MAX) {
        b->overflow = true;
        return;
    }
    pack_u32(b, (uint32_t)s.n);
    buf_put(b, s);
}

void unpack_fail(struct unpack *u)
{
    u->failed = true;
    u->rest = SPAN_NONE;
}

static uint64_t get_number(struct unpack *u, size_t width)
{
    uint64_t v = 0;

    if (u->rest.n < width) {
        unpack_fail(u);
        return 0;
    }
    for (size_t i = 0; i < width; i++)
        v |= (uint64_t)(unsigned char)u->rest.p[i] << (8 * i);
    u->rest = span_skip(u->rest, width);
    return v;
}

uint8_t unpack_u8(struct unpack *u)
{
    return (uint8_t)get_number(u, 1);
}

uint16_t unpack_u16(struct unpack *u)
{
    return (uint16_t)get_number(u, 2);
}

uint32_t unpack_u32(struct unpack *u)
{
    return (uint32_t)get_number(u, 4);
}

uint64_t unpack_u64(struct unpack *u)
{
    return get_number(u, 8);
}

int64_t unpack_i64(struct unpack *u)
{
    return (int64_t)get_number(u, 8);
}

span unpack_span(struct unpack *u, size_t max)
{
    size_t n = unpack_u32(u);
    span s;

    if (n > max || n > u->rest.n) {
        unpack_fail(u);
        return SPAN_NONE;
    }
    s = span_head(u->rest, n);
    u->rest = span_skip(u->rest, n);
    return s;
}
