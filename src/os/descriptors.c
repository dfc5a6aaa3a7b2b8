/* SPDX-License-Identifier: ISC */
#include "os/descriptors.h"

#include <sys/resource.h>

void descriptors_raise(void)
{
    struct rlimit r = {0};
    struct rlimit more;

    if (getrlimit(RLIMIT_NOFILE, &r) != 0)
        return;
    more = (struct rlimit){DESCRIPTORS_WANTED,
                           r.rlim_max > DESCRIPTORS_WANTED ? r.rlim_max : DESCRIPTORS_WANTED};
    if (r.rlim_cur >= DESCRIPTORS_WANTED || setrlimit(RLIMIT_NOFILE, &more) == 0)
        return;
    r.rlim_cur = r.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &r);
}
