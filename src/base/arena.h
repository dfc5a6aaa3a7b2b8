/* SPDX-License-Identifier: ISC */
/*
 * base/arena.h - many small things with one end.
 *
 * An arena hands out pieces of one lent block, and all of them end together at
 * arena_reset. It holds octets only, nothing that needs a destructor. When the
 * block is used up, pieces come back NULL and `overflow` stays set until reset.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/span.h"

struct arena {
    char *p;
    size_t n;
    size_t cap;
    bool overflow;
};

static inline struct arena arena_over(char *p, size_t cap)
{
    return (struct arena){p, 0, cap, false};
}

static inline void arena_reset(struct arena *a)
{
    a->n = 0;
    a->overflow = false;
}

/* n octets aligned for any object, not cleared; NULL when they do not fit. */
void *arena_take(struct arena *a, size_t n);

/* A copy of s that ends with the arena; an empty span (and a.overflow) when it does not fit. */
span arena_copy(struct arena *a, span s);

/*
 * s as a C string that ends with the arena.
 *
 * returns NULL when it does not fit or when s holds a NUL (which no C string can).
 */
const char *arena_cstr(struct arena *a, span s);

#endif
