/* SPDX-License-Identifier: ISC */
/*
 * server/ident.h - names of sessions and messages: 64 bits that sort by time.
 *
 * Milliseconds since 1970 in the upper 42 bits, then 8 bits for the worker that
 * made it, then a counter of 14. No two workers that live at the same time share
 * their 8 bits, and a clock set back does not make a name come twice. num_id_text
 * shows them as 13 letters and digits.
 */
#ifndef SERVER_IDENT_H
#define SERVER_IDENT_H

#include "base/base.h"

#define IDENT_COUNTER_BITS 14
#define IDENT_WORKER_BITS  8

struct ident {
    uint64_t last_ms;
    uint32_t counter;
    uint8_t worker;
};

/*
 * index       which of its kind the process is, from 0
 * count       how many of its kind there are
 * generation  of the configuration: processes that drain and those that took their place differ,
 *             until 256 / count reloads have come within the life of one session
 */
void ident_init(struct ident *i, unsigned index, unsigned count, unsigned generation);

/* The next name; wall_ms is the wall clock. Never 0. */
uint64_t ident_next(struct ident *i, int64_t wall_ms);

/* The wall clock at which a name was made. */
static inline int64_t ident_wall_ms(uint64_t id)
{
    return (int64_t)(id >> (IDENT_WORKER_BITS + IDENT_COUNTER_BITS));
}

#endif
