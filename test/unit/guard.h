/* SPDX-License-Identifier: ISC */
/*
 * test/unit/guard.h - inputs that end where memory ends.
 *
 * guard_copy puts octets right before a PROT_NONE page: a parser that reads one
 * octet too far dies at once, with or without a sanitizer. The copies live as
 * long as the test program. Include <cmocka.h> (and what it needs) via this file.
 */
#ifndef TEST_UNIT_GUARD_H
#define TEST_UNIT_GUARD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/span.h"

static inline span guard_copy(span s)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t pages = (s.n + page - 1) / page + 1;
    char *map =
        mmap(NULL, (pages + 1) * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *at;

    assert_true(map != MAP_FAILED);
    assert_int_equal(mprotect(map + pages * page, page, PROT_NONE), 0);
    at = map + pages * page - s.n;
    if (s.n > 0)
        memcpy(at, s.p, s.n);
    return span_of(at, s.n);
}

/* Fails with both texts shown. */
#define assert_span_equal(got, want)                                                               \
    do {                                                                                           \
        span got_ = (got), want_ = (want);                                                         \
        if (!span_eq(got_, want_))                                                                 \
            fail_msg("got '%.*s', want '%.*s'", SPAN_ARG(got_), SPAN_ARG(want_));                  \
    } while (0)

#endif
