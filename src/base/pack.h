/* SPDX-License-Identifier: ISC */
/*
 * base/pack.h - numbers and octet strings as one flat record, and back.
 *
 * The one encoding of the queue's records and of what the processes tell each
 * other: numbers little-endian and of fixed width, octet strings with a 32-bit
 * length in front, no padding, no end marks. Nothing in it can be mistaken for
 * anything else whatever octets a peer sends.
 *
 * Writing goes through struct buf. Reading has a sticky error: read freely,
 * then ask unpack_done once. After an error numbers read as 0, strings as empty.
 */
#ifndef BASE_PACK_H
#define BASE_PACK_H

#include "base/buf.h"

void pack_u8(struct buf *b, uint8_t v);
void pack_u16(struct buf *b, uint16_t v);
void pack_u32(struct buf *b, uint32_t v);
void pack_u64(struct buf *b, uint64_t v);
void pack_i64(struct buf *b, int64_t v);
/* The length and the octets; longer than 4 GiB sets overflow. */
void pack_span(struct buf *b, span s);

struct unpack {
    span rest;
    bool failed;
};

static inline struct unpack unpack_over(span s)
{
    return (struct unpack){s, false};
}

uint8_t unpack_u8(struct unpack *u);
uint16_t unpack_u16(struct unpack *u);
uint32_t unpack_u32(struct unpack *u);
uint64_t unpack_u64(struct unpack *u);
int64_t unpack_i64(struct unpack *u);
/* Borrowed from the record; more than max octets is an error. */
span unpack_span(struct unpack *u, size_t max);
/* Mark the record as malformed: a value that may not be. */
void unpack_fail(struct unpack *u);

/* True when everything was read, nothing was left over and nothing was malformed. */
static inline bool unpack_done(const struct unpack *u)
{
    return !u->failed && u->rest.n == 0;
}

#endif
