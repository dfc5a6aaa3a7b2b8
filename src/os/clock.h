/* SPDX-License-Identifier: ISC */
/*
 * os/clock.h - what time it is, through one seam.
 *
 * Deadlines and intervals use the monotonic clock, only what is shown or kept
 * on disk uses the wall clock. Engines never read either: time is an argument.
 */
#ifndef OS_CLOCK_H
#define OS_CLOCK_H

#include "base/base.h"

/* Milliseconds since some point in the past; never goes back. */
int64_t clock_mono_ms(void);

/* The same in nanoseconds, for measuring: always the machine's own clock, also in tests. */
int64_t clock_mono_ns(void);

/* Milliseconds since 1970-01-01 UTC, without leap seconds. */
int64_t clock_wall_ms(void);

/* For tests: from now on both clocks stand still at these values. */
void clock_set(int64_t mono_ms, int64_t wall_ms);
/* For tests: let both run on by ms from where they stand. */
void clock_advance(int64_t ms);
/* The machine's clocks again. */
void clock_unset(void);

#define CLOCK_RFC3339_BYTES 24

/* "2026-11-21T20:58:03.125Z" (RFC 3339 5.6) of a wall time; years 0 to 9999, others are clamped. */
void clock_rfc3339(int64_t wall_ms, char out[CLOCK_RFC3339_BYTES + 1]);

#endif
