/* SPDX-License-Identifier: ISC */
/* os/random.h - unpredictable octets from the kernel (getrandom); cannot fail once the system is
 * up. */
#ifndef OS_RANDOM_H
#define OS_RANDOM_H

#include "base/base.h"

void os_random(void *p, size_t n);
uint64_t os_random_u64(void);
/* A number below limit, each as likely as the others; limit at least 1. */
uint32_t os_random_below(uint32_t limit);

#endif
