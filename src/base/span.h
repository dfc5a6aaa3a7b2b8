/* SPDX-License-Identifier: ISC */
/*
 * base/span.h - a run of octets that somebody else owns.
 *
 * A span is a pointer and a length, passed by value. It borrows: whoever made
 * it says how long the octets stay. It may hold any octet, NUL included, and
 * is never NUL-terminated. Letters are compared as ASCII, without any locale.
 * An empty span may have a NULL pointer.
 *
 * SPAN("text") makes one from a literal in an expression, SPAN_INIT("text") in
 * a static table. Print with "%.*s" and SPAN_ARG(s), only what is known to be
 * printable: for what came from outside there is base/escape.h.
 */
#ifndef BASE_SPAN_H
#define BASE_SPAN_H

#include <string.h>

#include "base/base.h"

typedef struct span {
    const char *p;
    size_t n;
} span;

/* clang-format off */
#define SPAN_INIT(lit) {"" lit, sizeof(lit) - 1}
#define SPAN(lit) ((span)SPAN_INIT(lit))
/* clang-format on */
#define SPAN_NONE   ((span){NULL, 0})
#define SPAN_ARG(s) (int)(s).n, ((s).n != 0 ? (s).p : "")

static inline span span_of(const void *p, size_t n)
{
    return (span){(const char *)p, n};
}

/* The octets of a NUL-terminated string, without the NUL; NULL gives an empty span. */
static inline span span_cstr(const char *s)
{
    return (span){s, s != NULL ? strlen(s) : 0};
}

/* The first n octets, or all there are. */
static inline span span_head(span s, size_t n)
{
    return (span){s.p, n < s.n ? n : s.n};
}

/* What is left after the first n octets; empty when there are no more. */
static inline span span_skip(span s, size_t n)
{
    return n < s.n ? (span){s.p + n, s.n - n} : (span){s.p != NULL ? s.p + s.n : NULL, 0};
}

static inline bool span_eq(span a, span b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* Equal when ASCII letters are compared without case. */
bool span_ieq(span a, span b);

bool span_starts(span s, span prefix);
bool span_istarts(span s, span prefix);
bool span_ends(span s, span suffix);
bool span_iends(span s, span suffix);

/* Order by octets, a prefix before what it begins: <0, 0, >0. */
int span_cmp(span a, span b);

/* Where the octet c first stands; s.n when it does not occur. */
size_t span_find(span s, char c);
/* Where the octet c last stands; s.n when it does not occur. */
size_t span_rfind(span s, char c);
/* Where `what` first stands in s; s.n when it does not occur. An empty `what` stands at 0. */
size_t span_search(span s, span what);
/* The same, without regard to ASCII case. */
size_t span_isearch(span s, span what);

static inline bool span_has(span s, char c)
{
    return span_find(s, c) < s.n;
}

/* Without spaces and tabs at both ends. */
span span_trim(span s);

/*
 * Take what stands before the next `sep` off *rest, and the separator with it.
 *
 * returns false when *rest is exhausted (its pointer is then NULL): a text "a,"
 *         gives "a" and then an empty piece, an empty text gives nothing.
 */
bool span_split(span *rest, char sep, span *out_piece);

/*
 * Take the next line off *rest, without its LF or CRLF; the last may lack one.
 *
 * returns false when nothing is left.
 */
bool span_line(span *rest, span *out_line);

#endif
