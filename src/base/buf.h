/* SPDX-License-Identifier: ISC */
/*
 * base/buf.h - build octets in a fixed piece of memory.
 *
 * The caller lends the memory and the buf fills it. The error is sticky: once
 * something did not fit, `overflow` is set, nothing more is written, and it is
 * enough to look once at the end. What does not fit is left out whole, never
 * cut, so that a reply or a header line is complete or missing.
 *
 * There is no terminating NUL. Growable memory is in os/heap.h; records with
 * lengths and numbers are built with base/pack.h.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/span.h"

struct buf {
    char *p;       /* the lent memory */
    size_t n;      /* octets in use */
    size_t cap;    /* octets lent */
    bool overflow; /* something did not fit; cleared by buf_reset only */
};

static inline struct buf buf_over(char *p, size_t cap)
{
    return (struct buf){p, 0, cap, false};
}

/* A buf over a char array. */
#define BUF_OVER(array) buf_over((array), sizeof(array))

static inline void buf_reset(struct buf *b)
{
    b->n = 0;
    b->overflow = false;
}

static inline span buf_span(const struct buf *b)
{
    return span_of(b->p, b->n);
}

static inline size_t buf_room(const struct buf *b)
{
    return b->overflow ? 0 : b->cap - b->n;
}

void buf_put(struct buf *b, span s);
void buf_putc(struct buf *b, char c);
void buf_put_u64(struct buf *b, uint64_t n);
/* At least `width` digits, with zeros in front. */
void buf_put_u64_padded(struct buf *b, uint64_t n, unsigned width);
/* ASCII letters in lower case, all else as it is. */
void buf_put_lower(struct buf *b, span s);
/* printf; the text is bounded by the room left. */
void buf_printf(struct buf *b, const char *fmt, ...) PRINTF(2, 3);
/* Drop the first n octets and move the rest to the front. */
void buf_drop(struct buf *b, size_t n);

/* The text as a C string in the buf's own memory, or NULL when it did not fit or holds a NUL. */
const char *buf_cstr(struct buf *b);

#endif
