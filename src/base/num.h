/* SPDX-License-Identifier: ISC */
/*
 * base/num.h - numbers from text, whole or not at all.
 *
 * Only ASCII digits, no sign, no blanks; what does not fit is refused, never wrapped.
 */
#ifndef BASE_NUM_H
#define BASE_NUM_H

#include "base/span.h"

/* The decimal number that is the whole of s, at most max; false when it is none or too large. */
MUSTUSE bool num_parse_u64(span s, uint64_t max, uint64_t *out_n);

/* Take the digits at the front of *rest as a number of at most max. */
MUSTUSE bool num_take_u64(span *rest, uint64_t max, uint64_t *out_n);

/* Names of 64-bit numbers: 13 letters and digits (Crockford's base 32, no I L O U). */
#define NUM_ID_BYTES 13

struct num_id {
    char text[NUM_ID_BYTES + 1]; /* NUL-terminated */
};

/* The name of id; names sort as their numbers do. */
struct num_id num_id_text(uint64_t id);

/* The number of a name, letters in any case; false when it is none. */
MUSTUSE bool num_id_parse(span s, uint64_t *out_id);

#endif
