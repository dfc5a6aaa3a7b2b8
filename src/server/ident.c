/* SPDX-License-Identifier: ISC */
#include "server/ident.h"

void ident_init(struct ident *i, unsigned index, unsigned count, unsigned generation)
{
    BUG_IF(index >= count, "a worker that is none of its kind");
    *i = (struct ident){.worker = (uint8_t)(generation * count + index)};
}

uint64_t ident_next(struct ident *i, int64_t wall_ms)
{
    uint64_t now = wall_ms > 0 ? (uint64_t)wall_ms : 1;

    if (now > i->last_ms) {
        i->last_ms = now;
        i->counter = 0;
    } else if (++i->counter >> IDENT_COUNTER_BITS != 0) {
        i->last_ms++;
        i->counter = 0;
    }
    return i->last_ms << (IDENT_WORKER_BITS + IDENT_COUNTER_BITS) |
           (uint64_t)i->worker << IDENT_COUNTER_BITS | i->counter;
}
