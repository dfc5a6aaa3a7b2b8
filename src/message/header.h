/* SPDX-License-Identifier: ISC */
/*
 * message/header.h - walk over the header fields of a message.
 *
 * Lines end with CRLF or a bare LF. The walk ends at the empty line, at the end
 * of the text, at the first line that is no header field, or at a limit. Nothing is
 * copied: a field borrows from the text. No MIME is looked at.
 */
#ifndef MESSAGE_HEADER_H
#define MESSAGE_HEADER_H

#include "base/buf.h"

#define HEADER_MAX_BYTES  ((size_t)256 * 1024)
#define HEADER_FIELDS_MAX 1000u

struct header_field {
    span name;  /* without the colon */
    span value; /* as it stands after the colon, folds included, without the last end of line */
    span whole; /* the field with its end of line */
};

enum header_end {
    HEADER_MORE,       /* not at the end yet */
    HEADER_EMPTY_LINE, /* the body begins after it */
    HEADER_TEXT_END,   /* the text has no empty line */
    HEADER_NO_FIELD,   /* a line that is no header field: the body begins with it (RFC 5322 2.1) */
    HEADER_LIMIT,      /* larger than max_bytes or max_fields */
};

struct header_walk {
    span text;
    size_t at; /* octets walked over; at the end, where the body begins */
    size_t n_fields;
    size_t max_bytes;
    size_t max_fields;
    enum header_end end;
};

/* Walk over text; 0 as a limit means HEADER_MAX_BYTES and HEADER_FIELDS_MAX. */
struct header_walk header_walk_over(span text, size_t max_bytes, size_t max_fields);

/* The next field; false at the end (walk.end says which). */
bool header_next(struct header_walk *w, struct header_field *out);

/* The value without folds and without white space around it. */
void header_put_unfolded(struct buf *b, span value);

/* What a mail server wants to know of a header. */
struct header_summary {
    enum header_end end;
    size_t bytes; /* of the header, its empty line included */
    size_t n_fields;
    size_t n_received; /* for loop detection (RFC 5321 6.3) */
    size_t n_results;  /* Authentication-Results, whoever's they are (RFC 8601) */
    span message_id;   /* first value, trimmed, may hold folds; empty: none */
    span date;
    span from;
};

struct header_summary header_summarize(span text, size_t max_bytes, size_t max_fields);

/* True when some Delivered-To field names this address (RFC 9228); ASCII case ignored. */
bool header_was_delivered_to(span text, span address);

#endif
