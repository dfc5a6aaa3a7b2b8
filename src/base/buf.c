/* SPDX-License-Identifier: ISC */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/ascii.h"

/* The place for n more octets, or NULL when they do not fit. */
static char *take(struct buf *b, size_t n)
{
    char *at;

    if (b->overflow || n > b->cap - b->n) {
        b->overflow = true;
        return NULL;
    }
    at = b->p + b->n;
    b->n += n;
    return at;
}

void buf_put(struct buf *b, span s)
{
    char *at = take(b, s.n);

    if (at != NULL && s.n > 0)
        memcpy(at, s.p, s.n);
}

void buf_putc(struct buf *b, char c)
{
    buf_put(b, span_of(&c, 1));
}

void buf_put_u64(struct buf *b, uint64_t n)
{
    buf_put_u64_padded(b, n, 1);
}

void buf_put_u64_padded(struct buf *b, uint64_t n, unsigned width)
{
    char digits[32];
    size_t at = sizeof(digits);

    BUG_IF(width > sizeof(digits), "number wider than any number");
    do {
        digits[--at] = (char)('0' + n % 10);
        n /= 10;
    } while (n != 0 || sizeof(digits) - at < width);
    buf_put(b, span_of(digits + at, sizeof(digits) - at));
}

void buf_put_lower(struct buf *b, span s)
{
    char *at = take(b, s.n);

    for (size_t i = 0; at != NULL && i < s.n; i++)
        at[i] = ascii_lower(s.p[i]);
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list args;
    size_t room = buf_room(b);
    int n;

    va_start(args, fmt);
    n = vsnprintf(b->p == NULL ? NULL : b->p + b->n, room, fmt, args);
    va_end(args);
    /* vsnprintf wants one octet more for its NUL: a text that just fits without it is refused. */
    if (n < 0 || (size_t)n >= room)
        b->overflow = true;
    else
        b->n += (size_t)n;
}

void buf_drop(struct buf *b, size_t n)
{
    n = min_size(n, b->n);
    if (n < b->n)
        memmove(b->p, b->p + n, b->n - n);
    b->n -= n;
}

const char *buf_cstr(struct buf *b)
{
    if (b->overflow || b->n >= b->cap || span_has(buf_span(b), '\0'))
        return NULL;
    b->p[b->n] = '\0';
    return b->p;
}
