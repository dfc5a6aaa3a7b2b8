/* SPDX-License-Identifier: ISC */
/*
 * base/base.h - the few words every file uses.
 *
 * MUSTUSE marks a result that must not be dropped, PRINTF checks a format,
 * COUNT counts a table. BUG and BUG_IF are for what the code believes can
 * never happen: always on, they say where and abort, and the supervisor
 * starts the process anew. They never check input: input is judged.
 */
#ifndef BASE_BASE_H
#define BASE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COUNT(table)    (sizeof(table) / sizeof((table)[0]))
#define MUSTUSE         __attribute__((warn_unused_result))
#define PRINTF(fmt, at) __attribute__((format(printf, fmt, at)))
#define NORETURN        __attribute__((noreturn))

/* Say what was thought impossible and abort; writes one line to standard error. */
NORETURN void base_bug(const char *file, int line, const char *words);

#define BUG(words) base_bug(__FILE__, __LINE__, (words))
#define BUG_IF(cond, words)                                                                        \
    do {                                                                                           \
        if (cond)                                                                                  \
            BUG(words);                                                                            \
    } while (0)

static inline size_t min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

static inline int64_t min_i64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

#endif
