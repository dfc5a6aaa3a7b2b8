/* SPDX-License-Identifier: ISC */
#include "os/heap.h"

#include <stdio.h>
#include <stdlib.h>

#define HEAP_LEAST_BYTES 256

static void give_back(struct heap_buf *h)
{
    if (h->secret && h->p != NULL)
        explicit_bzero(h->p, h->cap);
    free(h->p);
}

/* The first n octets of those held are needed no more. */
static void wipe_front(struct heap_buf *h, size_t n)
{
    if (h->secret && n > 0)
        explicit_bzero(h->p + h->from, n);
}

void heap_release(struct heap_buf *h)
{
    if (h == NULL)
        return;
    give_back(h);
    *h = (struct heap_buf){.max = h->max, .secret = h->secret};
}

void heap_reset(struct heap_buf *h)
{
    wipe_front(h, h->n);
    h->from = 0;
    h->n = 0;
    h->failed = false;
}

/* Make `need` octets from p + from usable: move down, or grow. need <= max. */
static bool heap_make(struct heap_buf *h, size_t need)
{
    if (h->p != NULL && need <= h->cap) {
        memmove(h->p, h->p + h->from, h->n);
        if (h->secret)
            explicit_bzero(h->p + h->n, h->cap - h->n);
        h->from = 0;
        return true;
    }
    size_t cap = h->cap < HEAP_LEAST_BYTES ? HEAP_LEAST_BYTES : h->cap;
    while (cap < need)
        cap = cap > SIZE_MAX / 2 ? need : cap * 2;
    cap = min_size(cap, h->max);
    char *p = malloc(cap);
    if (p == NULL)
        return false;
    if (h->p != NULL && h->n != 0)
        memcpy(p, h->p + h->from, h->n);
    give_back(h);
    h->p = p;
    h->from = 0;
    h->cap = cap;
    return true;
}

char *heap_room(struct heap_buf *h, size_t n)
{
    if (h->failed || n > h->max - h->n) {
        h->failed = true;
        return NULL;
    }
    if ((h->p == NULL || n > h->cap - h->from - h->n) && !heap_make(h, h->n + n)) {
        h->failed = true;
        return NULL;
    }
    return h->p + h->from + h->n;
}

void heap_added(struct heap_buf *h, size_t n)
{
    BUG_IF(n > h->cap - h->from - h->n, "more added to a heap_buf than there was room");
    h->n += n;
}

bool heap_put(struct heap_buf *h, span s)
{
    if (s.n == 0)
        return !h->failed;
    char *p = heap_room(h, s.n);
    if (p == NULL)
        return false;
    memcpy(p, s.p, s.n);
    h->n += s.n;
    return true;
}

void heap_drop(struct heap_buf *h, size_t n)
{
    wipe_front(h, min_size(n, h->n));
    if (n >= h->n) {
        h->from = 0;
        h->n = 0;
        return;
    }
    h->from += n;
    h->n -= n;
}

static void *x_checked(void *p)
{
    if (p == NULL) {
        fputs("herald: out of memory\n", stderr);
        exit(70);
    }
    return p;
}

void *x_alloc(size_t n)
{
    return x_checked(calloc(1, n != 0 ? n : 1));
}

void *x_grow(void *p, size_t old_count, size_t count, size_t size)
{
    BUG_IF(count < old_count, "x_grow shrinks");
    size_t n = 0;
    char *q = __builtin_mul_overflow(count, size, &n) ? NULL : realloc(p, n != 0 ? n : 1);
    x_checked(q);
    memset(q + old_count * size, 0, (count - old_count) * size);
    return q;
}

char *x_strdup(span s)
{
    char *p = x_alloc(s.n + 1);
    if (s.n != 0)
        memcpy(p, s.p, s.n);
    return p;
}
