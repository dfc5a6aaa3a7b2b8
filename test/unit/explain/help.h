/* SPDX-License-Identifier: ISC */
/* explain/help.h - what the tests of explain share. */
#ifndef TEST_UNIT_EXPLAIN_HELP_H
#define TEST_UNIT_EXPLAIN_HELP_H

#include <stdio.h>
#include <stdlib.h>

#include "../guard.h"
#include "explain/explain.h"

static struct explain_work work;

/* Explain text; "\n" written as two octets is a line break. The answer borrows from a guarded copy.
 */
static inline struct explain_answer explain(const char *text)
{
    static char memory[65536];
    struct explain_answer a;
    size_t n = 0;

    for (const char *p = text; *p != '\0'; p++) {
        bool is_break = p[0] == '\\' && p[1] == 'n';

        memory[n++] = is_break ? '\n' : *p;
        p += is_break ? 1 : 0;
    }
    if (work.place == 0)
        explain_work_init(&work);
    explain_read(&work, guard_copy(span_of(memory, n)), NULL, &a);
    return a;
}

/* Is `cause` one of "a|b"? */
static inline bool is_one_of(const char *cause, span allowed)
{
    span one;

    while (span_split(&allowed, '|', &one))
        if (span_eq(one, span_cstr(cause)))
            return true;
    return false;
}

#endif
