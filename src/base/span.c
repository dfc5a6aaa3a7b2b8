/* SPDX-License-Identifier: ISC */
#include "base/span.h"

#include "base/ascii.h"

bool span_ieq(span a, span b)
{
    if (a.n != b.n)
        return false;
    for (size_t i = 0; i < a.n; i++) {
        if (ascii_lower(a.p[i]) != ascii_lower(b.p[i]))
            return false;
    }
    return true;
}

bool span_starts(span s, span prefix)
{
    return s.n >= prefix.n && span_eq(span_head(s, prefix.n), prefix);
}

bool span_istarts(span s, span prefix)
{
    return s.n >= prefix.n && span_ieq(span_head(s, prefix.n), prefix);
}

bool span_ends(span s, span suffix)
{
    return s.n >= suffix.n && span_eq(span_skip(s, s.n - suffix.n), suffix);
}

bool span_iends(span s, span suffix)
{
    return s.n >= suffix.n && span_ieq(span_skip(s, s.n - suffix.n), suffix);
}

int span_cmp(span a, span b)
{
    size_t n = min_size(a.n, b.n);
    int order = n == 0 ? 0 : memcmp(a.p, b.p, n);

    if (order != 0)
        return order;
    return a.n < b.n ? -1 : a.n > b.n;
}

size_t span_find(span s, char c)
{
    const char *at = s.n == 0 ? NULL : memchr(s.p, c, s.n);

    return at == NULL ? s.n : (size_t)(at - s.p);
}

size_t span_rfind(span s, char c)
{
    for (size_t i = s.n; i > 0; i--) {
        if (s.p[i - 1] == c)
            return i - 1;
    }
    return s.n;
}

size_t span_search(span s, span what)
{
    const char *at;

    if (what.n == 0)
        return 0;
    at = s.n < what.n ? NULL : memmem(s.p, s.n, what.p, what.n);
    return at == NULL ? s.n : (size_t)(at - s.p);
}

size_t span_isearch(span s, span what)
{
    for (size_t i = 0; i + what.n <= s.n; i++) {
        if (span_ieq(span_head(span_skip(s, i), what.n), what))
            return i;
    }
    return s.n;
}

span span_trim(span s)
{
    while (s.n > 0 && ascii_is_blank(s.p[0]))
        s = span_skip(s, 1);
    while (s.n > 0 && ascii_is_blank(s.p[s.n - 1]))
        s.n--;
    return s;
}

bool span_split(span *rest, char sep, span *out_piece)
{
    size_t at;

    if (rest->p == NULL)
        return false;
    at = span_find(*rest, sep);
    *out_piece = span_head(*rest, at);
    *rest = at < rest->n ? span_skip(*rest, at + 1) : SPAN_NONE;
    return true;
}

bool span_line(span *rest, span *out_line)
{
    size_t at = span_find(*rest, '\n');
    span line = span_head(*rest, at);

    if (rest->n == 0)
        return false;
    *rest = span_skip(*rest, at + 1);
    if (line.n > 0 && line.p[line.n - 1] == '\r')
        line.n--;
    *out_line = line;
    return true;
}
