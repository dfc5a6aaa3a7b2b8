/* SPDX-License-Identifier: ISC */
/*
 * name/special.h - names that the public DNS does not have (RFC 6761, 6762, 7686, 8375, 9476, and
 * the top-level domains that networks use for themselves): nobody outside can know what they mean.
 */
#ifndef NAME_SPECIAL_H
#define NAME_SPECIAL_H

#include "base/span.h"

enum special {
    SPECIAL_NOT,
    SPECIAL_PRIVATE, /* .lan, .internal ...: a network's own DNS may know it */
    SPECIAL_NEVER,   /* .localhost, .local, .invalid ...: no resolver is ever asked for it */
};

/* What a name is: one of the special domains, or a name below one. */
enum special special_name(span name);

#endif
