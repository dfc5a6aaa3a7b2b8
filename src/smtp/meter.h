/* SPDX-License-Identifier: ISC */
/*
 * smtp/meter.h - measures a message as it goes by: its size, its lines, its header.
 *
 * Lines end at LF; the header ends at the first line that begins with CR or LF, and
 * a field begins at a line that begins with no blank (RFC 5322 2.2). What is
 * measured may come in pieces of any length: the first limit that is passed is the
 * one that is told, however the content is cut.
 */
#ifndef SMTP_METER_H
#define SMTP_METER_H

#include "base/span.h"

/* 0: no limit. */
struct smtp_meter_limits {
    uint64_t bytes;
    size_t line_bytes;     /* with the line end */
    uint64_t header_bytes; /* with line ends, without the empty line */
    uint64_t header_fields;
};

enum smtp_meter_fault {
    SMTP_METER_FINE,
    SMTP_METER_TOO_BIG,
    SMTP_METER_LONG_LINE,
    SMTP_METER_LONG_HEADER, /* too many octets or fields */
};

struct smtp_meter {
    uint64_t bytes;
    size_t column;      /* octets of the line so far */
    bool body;          /* the header is over */
    bool in_field_line; /* of the header */
    uint64_t header_bytes;
    uint64_t header_fields;
};

/* The next piece of the content; `m` is zero before the first, and of no use after a fault. */
enum smtp_meter_fault smtp_meter_put(struct smtp_meter *m, const struct smtp_meter_limits *limits,
                                     span piece);

/* The header is over, or is larger than `most` octets: what is to be known of it is known. */
static inline bool smtp_meter_has_header(const struct smtp_meter *m, uint64_t most)
{
    return m->body || m->header_bytes > most;
}

#endif
