/* SPDX-License-Identifier: ISC */
/* config/number.h - numbers with units: durations (ms s m h d w) and sizes (K M G). */
#ifndef CONFIG_NUMBER_H
#define CONFIG_NUMBER_H

#include "base/buf.h"

/* "250ms 5s 10m 4h 5d 1w", a number without a unit only for 0. Milliseconds. */
MUSTUSE bool config_number_parse_duration(span s, uint64_t *out_ms);

/* "512 64K 35M 2G", powers of 1024. Octets. */
MUSTUSE bool config_number_parse_size(span s, uint64_t *out_octets);

/* In the largest unit that leaves a whole number. */
void config_number_put_duration(struct buf *b, uint64_t ms);
void config_number_put_size(struct buf *b, uint64_t octets);

#endif
