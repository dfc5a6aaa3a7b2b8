/* SPDX-License-Identifier: ISC */
/*
 * test/unit/dns/packet.h - make DNS responses, right and wrong, for tests.
 *
 * A packet is put piece by piece into a buf; the counts in the header are raised by the
 * pieces themselves. Names are put uncompressed; packet_pointer makes a pointer.
 */
#ifndef TEST_UNIT_DNS_PACKET_H
#define TEST_UNIT_DNS_PACKET_H

#include "dns/wire.h"

#define PACKET_RESPONSE 0x8180u
#define PACKET_AT_NAME  12u /* where the question's name stands */

static inline void packet_u16(struct buf *b, unsigned n)
{
    buf_putc(b, (char)(unsigned char)(n >> 8));
    buf_putc(b, (char)(unsigned char)n);
}

static inline void packet_u32(struct buf *b, uint32_t n)
{
    packet_u16(b, n >> 16);
    packet_u16(b, n & 0xffff);
}

static inline void packet_name(struct buf *b, const char *name)
{
    bool ok = dns_name_put(b, span_cstr(name));

    assert_true(ok);
}

static inline void packet_pointer(struct buf *b, unsigned to)
{
    packet_u16(b, 0xc000u | to);
}

static inline void packet_count(struct buf *b, size_t at)
{
    unsigned n = (unsigned)((unsigned char)b->p[at] << 8 | (unsigned char)b->p[at + 1]) + 1;

    b->p[at] = (char)(unsigned char)(n >> 8);
    b->p[at + 1] = (char)(unsigned char)n;
}

/* Header and question. */
static inline void packet_begin(struct buf *b, unsigned flags, const char *name, unsigned type)
{
    buf_reset(b);
    packet_u16(b, 0x1234);
    packet_u16(b, flags);
    for (int i = 0; i < 4; i++)
        packet_u16(b, 0);
    packet_count(b, 4);
    packet_name(b, name);
    packet_u16(b, type);
    packet_u16(b, 1);
}

/* The front of an answer record; its data of n octets must follow. */
static inline void packet_record(struct buf *b, const char *name, unsigned type, uint32_t ttl_s,
                                 size_t n)
{
    packet_count(b, 6);
    packet_name(b, name);
    packet_u16(b, type);
    packet_u16(b, 1);
    packet_u32(b, ttl_s);
    packet_u16(b, (unsigned)n);
}

static inline void packet_data(struct buf *b, const char *name, unsigned type, uint32_t ttl_s,
                               span data)
{
    packet_record(b, name, type, ttl_s, data.n);
    buf_put(b, data);
}

/* A record whose data is one name. */
static inline void packet_target(struct buf *b, const char *name, unsigned type, const char *target)
{
    char octets[300];
    struct buf wire = BUF_OVER(octets);

    packet_name(&wire, target);
    packet_data(b, name, type, 300, buf_span(&wire));
}

#endif
