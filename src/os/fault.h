/* SPDX-License-Identifier: ISC */
/*
 * os/fault.h - let the k-th file call fail, for tests.
 *
 * fault_begin puts a counting table in place of the kernel's (os/os.h). A test
 * runs its operation once with FAULT_COUNT to learn how many calls it makes,
 * then once for each k with a fault at that call, and looks at what is left on
 * the disk. One fault plan at a time; not for programs in service.
 */
#ifndef OS_FAULT_H
#define OS_FAULT_H

#include "os/os.h"

enum fault_kind {
    FAULT_COUNT, /* only count */
    FAULT_FAIL,  /* the k-th call is not made; it returns -1 with errno = sys */
    FAULT_SHORT, /* the k-th call, when it is a read or write, moves half of its octets (at least
                    one); other calls go through */
    FAULT_STOP,  /* the k-th call and all later ones are not made and fail with EIO: from here the
                    process is as good as dead. close is still made, so that no descriptor leaks */
    FAULT_EXIT   /* instead of the k-th call the process ends at once (_exit FAULT_EXIT_STATUS) */
};

#define FAULT_EXIT_STATUS 86

/* Start counting at 0; k counts from 1. close is never counted. */
void fault_begin(enum fault_kind kind, unsigned k, int sys);

/* Only calls of this name ("fsync") count; NULL: all. Call after fault_begin. */
void fault_only(const char *call);

/* Put the kernel's table back. returns how many calls were counted. */
unsigned fault_end(void);

/* True when the fault has happened. */
bool fault_happened(void);

#endif
