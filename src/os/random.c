/* SPDX-License-Identifier: ISC */
#include "os/random.h"

#include <errno.h>
#include <sys/random.h>

void os_random(void *p, size_t n)
{
    char *at = p;
    while (n != 0) {
        ssize_t got = getrandom(at, n, 0);
        if (got < 0 && errno == EINTR)
            continue;
        BUG_IF(got <= 0, "the kernel gives no random octets");
        at += got;
        n -= (size_t)got;
    }
}

uint64_t os_random_u64(void)
{
    uint64_t v = 0;
    os_random(&v, sizeof v);
    return v;
}

uint32_t os_random_below(uint32_t limit)
{
    BUG_IF(limit == 0, "no number is below 0");
    /* Values in the last, incomplete round would make the low numbers likelier. */
    uint64_t rounds = ((uint64_t)UINT32_MAX + 1) / limit * limit;
    uint64_t v = 0;
    do {
        v = os_random_u64() & UINT32_MAX;
    } while (v >= rounds);
    return (uint32_t)(v % limit);
}
