/* SPDX-License-Identifier: ISC */
/*
 * os/heap.h - growable memory with a declared maximum.
 *
 * A heap_buf owns its octets and grows as they come, never beyond the maximum
 * that was declared at heap_init. The error is sticky as in base/buf.h: what
 * does not fit (or finds no memory) is left out whole and `failed` is set.
 * Taking octets off the front is cheap: they are moved only when room is needed.
 *
 * The x_ functions are for start-up, tools and tests: they end the process with
 * one line on standard error when there is no memory.
 */
#ifndef OS_HEAP_H
#define OS_HEAP_H

#include "base/span.h"

struct heap_buf {
    char *p;     /* NULL while nothing is held */
    size_t from; /* octets already dropped from the front */
    size_t n;    /* octets held, from p + from */
    size_t cap;  /* octets allocated */
    size_t max;  /* n never passes this */
    bool failed; /* something did not fit; cleared by heap_reset and heap_release */
    bool secret; /* octets are wiped wherever they lay */
};

static inline void heap_init(struct heap_buf *h, size_t max)
{
    *h = (struct heap_buf){.max = max};
}

/* For passwords and the like: what is dropped, moved away or given back is wiped first. */
static inline void heap_init_secret(struct heap_buf *h, size_t max)
{
    *h = (struct heap_buf){.max = max, .secret = true};
}

/* Free all; the heap_buf is as after heap_init. NULL is allowed. */
void heap_release(struct heap_buf *h);
#define heap_finish heap_release

/* Forget the octets, keep the memory. */
void heap_reset(struct heap_buf *h);

/* Borrowed until the next call that changes h. */
static inline span heap_span(const struct heap_buf *h)
{
    return span_of(h->p != NULL ? h->p + h->from : NULL, h->n);
}

/* Add s at the end; false (and h->failed) when it does not fit. s may not lie in h. */
bool heap_put(struct heap_buf *h, span s);

/*
 * Room for n more octets at the end, to be written by the caller, who then says heap_added.
 *
 * returns NULL (and h->failed) when it does not fit.
 */
char *heap_room(struct heap_buf *h, size_t n);
void heap_added(struct heap_buf *h, size_t n);

/* Take the first n octets off (all, when there are fewer). */
void heap_drop(struct heap_buf *h, size_t n);

/* Zeroed memory, or the process ends. */
void *x_alloc(size_t n);
/* count objects of `size` octets; what is new is zeroed. */
void *x_grow(void *p, size_t old_count, size_t count, size_t size);
/* A NUL-terminated copy. */
char *x_strdup(span s);

#endif
