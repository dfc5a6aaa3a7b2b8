/* SPDX-License-Identifier: ISC */
/*
 * server/backoff.h - who failed to log in how often, and must wait.
 *
 * One table for accounts and one for client addresses, in memory that all auth processes of all
 * generations share. Keys are hashed with a secret; the table is fixed, and when the
 * neighbourhood of a key is full, the entry that has been quiet longest makes room. The clock is
 * an argument: milliseconds of the monotonic clock.
 *
 *     failures     1 .. BACKOFF_FREE   then     each one more
 *     wait         none                1 s      twice the former, up to max_ms
 *
 * An entry is forgotten when it was quiet for max_ms (BACKOFF_FORGET_MS at least). IPv6 clients are
 * counted by their /64.
 */
#ifndef SERVER_BACKOFF_H
#define SERVER_BACKOFF_H

#include "base/hash.h"

#define BACKOFF_FREE      3
#define BACKOFF_FIRST_MS  1000
#define BACKOFF_FORGET_MS (INT64_C(600) * 1000)
#define BACKOFF_SLOTS     8192 /* of either table; a power of two */
#define BACKOFF_PROBES    16   /* neighbours looked at */

enum backoff_kind { BACKOFF_ACCOUNT, BACKOFF_CLIENT, BACKOFF_KIND_COUNT };

struct backoff_table;

/* Shared memory; NULL when there is none. Made once, never freed. */
struct backoff_table *backoff_table_new(struct hash_key key);

struct backoff {
    struct backoff_table *table;
    int64_t max_ms[BACKOFF_KIND_COUNT]; /* 0: nobody of that kind ever waits */
};

/* How long `who` must wait still; 0: not at all. who: a name in lower case, or 4 or 16 octets. */
int64_t backoff_wait(const struct backoff *b, enum backoff_kind kind, span who, int64_t now_ms);
void backoff_failed(const struct backoff *b, enum backoff_kind kind, span who, int64_t now_ms);
/* The account has shown the right secret. */
void backoff_cleared(const struct backoff *b, enum backoff_kind kind, span who, int64_t now_ms);

#endif
