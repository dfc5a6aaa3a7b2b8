/* SPDX-License-Identifier: ISC */
/*
 * base/hash.h - hashing for tables and checksums for records.
 *
 * hash_keyed is SipHash-1-3 (Aumasson, Bernstein): with a secret key nobody can
 * choose names that all land in one slot. hash_crc32c is the Castagnoli CRC that
 * tells a damaged record from a whole one; it protects against no attacker.
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include "base/span.h"

struct hash_key {
    uint64_t k0;
    uint64_t k1;
};

uint64_t hash_keyed(struct hash_key key, span s);
/* The same for names: ASCII letters without case. */
uint64_t hash_keyed_icase(struct hash_key key, span s);

/* CRC-32C of s, continued from `crc` (0 to begin). */
uint32_t hash_crc32c(uint32_t crc, span s);

#endif
