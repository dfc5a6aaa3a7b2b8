/* SPDX-License-Identifier: ISC */
/*
 * message/date.h - dates as in a mail (RFC 5322 3.3).
 *
 * Written always in UTC: "Sat, 21 Nov 2026 20:58:00 +0000". Read in every form
 * that RFC 5322 has, obsolete ones included (two-digit years, zone names).
 */
#ifndef MESSAGE_DATE_H
#define MESSAGE_DATE_H

#include "base/buf.h"

#define DATE_TEXT_BYTES 31

/* The date of wall_ms (milliseconds since 1970, UTC, years 1970 to 9999; BUG beyond). */
void date_put(struct buf *b, int64_t wall_ms);

/* RFC 3339 in UTC with milliseconds: "2026-11-21T20:58:00.123Z". */
void date_put_rfc3339(struct buf *b, int64_t wall_ms);

/* Read a date; false when it is none. Comments are allowed at the end only. */
MUSTUSE bool date_parse(span s, int64_t *out_wall_ms);

#endif
