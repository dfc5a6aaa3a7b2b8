/* SPDX-License-Identifier: ISC */
#include "base/arena.h"

#include <stdalign.h>

static void *take_at(struct arena *a, size_t from, size_t n)
{
    if (a->overflow || from > a->cap || n > a->cap - from) {
        a->overflow = true;
        return NULL;
    }
    a->n = from + n;
    return a->p + from;
}

void *arena_take(struct arena *a, size_t n)
{
    const size_t align = alignof(max_align_t);
    uintptr_t at = (uintptr_t)a->p + a->n;
    size_t pad = (size_t)(-at & (align - 1));

    return take_at(a, a->n + pad, n);
}

span arena_copy(struct arena *a, span s)
{
    char *at = take_at(a, a->n, s.n);

    if (at == NULL)
        return SPAN_NONE;
    if (s.n > 0)
        memcpy(at, s.p, s.n);
    return span_of(at, s.n);
}

const char *arena_cstr(struct arena *a, span s)
{
    char *at;

    if (span_has(s, '\0'))
        return NULL;
    at = take_at(a, a->n, s.n + 1);
    if (at == NULL)
        return NULL;
    if (s.n > 0)
        memcpy(at, s.p, s.n);
    at[s.n] = '\0';
    return at;
}
