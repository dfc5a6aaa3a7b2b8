/* SPDX-License-Identifier: ISC */
/*
 * smtp/dot.h - the octets between DATA and CRLF.CRLF, both ways (RFC 5321 4.5.2).
 *
 * Reading: only CRLF . CRLF ends the data, over a machine of five states that
 * looks at every octet once, so that no message can carry a second one inside
 * (smuggling). A bare CR, bare LF or NUL is noted, and under DOT_NORMALISE a bare
 * CR or LF is given out as CRLF - after the end has been looked for, never before.
 * A dot behind a bare line end is content and is not taken off. Content whose length is known
 * otherwise (BDAT, RFC 3030) has no end to look for and no dots taken off, but is looked at
 * for the same faults.
 *
 * Writing: our own line starts get the dot; bare CR and LF become CRLF, NUL is
 * left out, a line of more than 998 octets is broken with CRLF SP as Postfix does,
 * so that nothing leaves which another server may read as a line end.
 */
#ifndef SMTP_DOT_H
#define SMTP_DOT_H

#include "base/buf.h"

#define DOT_LINE_MAX_BYTES 998 /* RFC 5321 4.5.3.1.6, without CRLF */

enum dot_policy {
    DOT_STRICT,    /* a bad line end is a fault */
    DOT_NORMALISE, /* a bare CR or LF becomes CRLF; NUL stays a fault */
    DOT_BINARY,    /* counted content only: any octet is what it is (BODY=BINARYMIME) */
};

/* Where the reader stands. */
enum dot_state {
    DOT_LINE_START, /* behind CRLF, or at the beginning */
    DOT_IN_LINE,
    DOT_AFTER_CR,    /* a CR in the line, not yet given out */
    DOT_AFTER_DOT,   /* a dot at the line start, not given out */
    DOT_AFTER_DOTCR, /* the same and a CR, not given out */
    DOT_ENDED,
};

/* What was found wrong in the data. */
enum dot_fault {
    DOT_BARE_CR = 1u << 0,
    DOT_BARE_LF = 1u << 1,
    DOT_NUL = 1u << 2,
};

struct dot_reader {
    enum dot_state state;
    enum dot_policy policy;
    bool counted;    /* a dot at a line start is content like any other octet */
    unsigned faults; /* set of enum dot_fault, also those that were normalised */
};

void dot_reader_init(struct dot_reader *r, enum dot_policy policy);

/* For content that ends when its octets are counted; see dot_reader_finish. */
void dot_reader_init_counted(struct dot_reader *r, enum dot_policy policy);

/*
 * Take octets off the front of *in and give out the content they mean.
 *
 * Gives the longest piece that needs no copy. Calling with the same reader and
 * the same input again gives the same: to look without taking, copy the reader.
 *
 * out_chunk  borrowed from *in, or static; may be empty
 * returns    false when *in is used up without a chunk, or the end was reached (state DOT_ENDED)
 */
bool dot_reader_next(struct dot_reader *r, span *in, span *out_chunk);

/*
 * The counted content is over: give out what was held back, a CR at its very end.
 *
 * returns false when there was none; asked again, there is none
 */
bool dot_reader_finish(struct dot_reader *r, span *out_chunk);

struct dot_writer {
    size_t column; /* octets in the line so far */
    bool after_cr; /* a CR came last; its line end was written */
};

/*
 * Write content as far as b has room.
 *
 * returns octets of s that were used; less than s.n when b is full
 */
size_t dot_writer_put(struct dot_writer *w, struct buf *b, span s);

#define DOT_END_BYTES 5

/* End the last line if need be and write the final dot; needs DOT_END_BYTES of room. */
void dot_writer_end(struct dot_writer *w, struct buf *b);

#endif
