/* SPDX-License-Identifier: ISC */
/*
 * server/backoff.h - who failed to log in how often, and must wait.
 *
 * Three tables in memory that all auth processes of all generations share: accounts, client
 * addresses, and pairs of both that have logged in. Keys are hashed with a secret; the tables are
 * fixed, and when the neighbourhood of a key is full, the entry that has been quiet longest makes
 * room. The clock is an argument: milliseconds of the monotonic clock.
 *
 *     failures     1 .. BACKOFF_FREE   then     each one more
 *     wait         none                1 s      twice the former, up to max_ms
 *
 * A pair that logged in during the last BACKOFF_KNOWN_MS waits for its own failures, not for
 * those of its account: strangers cannot lock the owner out. They gain nothing: what a pair fails
 * counts for the account too, its success pardons the pair alone, and only a success makes one.
 *
 * Failures are forgotten after max_ms (BACKOFF_FORGET_MS at least) without one. IPv6 clients are
 * counted by their /64.
 */
#ifndef SERVER_BACKOFF_H
#define SERVER_BACKOFF_H

#include "base/hash.h"

#define BACKOFF_FREE      3
#define BACKOFF_FIRST_MS  1000
#define BACKOFF_FORGET_MS (INT64_C(600) * 1000)
#define BACKOFF_KNOWN_MS  (INT64_C(30) * 86400 * 1000)
#define BACKOFF_SLOTS     8192 /* of each table; a power of two */
#define BACKOFF_PROBES    16   /* neighbours looked at */

enum backoff_kind { BACKOFF_ACCOUNT, BACKOFF_CLIENT, BACKOFF_PAIR, BACKOFF_KIND_COUNT };

struct backoff_table;

/* Shared memory; NULL when there is none. Made once, never freed. */
struct backoff_table *backoff_table_new(struct hash_key key);

struct backoff {
    struct backoff_table *table;
    int64_t account_max_ms; /* also of pairs; 0: no account ever waits */
    int64_t client_max_ms;
};

/* Who tries. */
struct backoff_who {
    span account; /* in lower case; empty: nobody's */
    span client;  /* 4 or 16 octets; empty: none */
    bool trusted; /* the client answers for many: its address never waits */
};

/* How long they must wait still, and of what kind that is; 0: not at all (*out_kind untouched). */
int64_t backoff_wait(const struct backoff *b, const struct backoff_who *who, int64_t now_ms,
                     enum backoff_kind *out_kind);
void backoff_failed(const struct backoff *b, const struct backoff_who *who, int64_t now_ms);
/* They have shown the right secret. */
void backoff_passed(const struct backoff *b, const struct backoff_who *who, int64_t now_ms);

#endif
