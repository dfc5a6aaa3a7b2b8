/* SPDX-License-Identifier: ISC */
/*
 * base/escape.h - show octets from outside without letting them act.
 *
 * Everything a peer says is escaped where it is shown: in a log, a reply, a
 * header, a terminal. Control octets, DEL, the backslash and octets above 127
 * become \xHH, so the result is printable ASCII on one line.
 */
#ifndef BASE_ESCAPE_H
#define BASE_ESCAPE_H

#include "base/buf.h"

/* Default cut for what is quoted back to a peer or a log. */
#define ESCAPE_CUT_BYTES 64

/* s as printable ASCII; at most max octets of s, then "..." when there was more. */
void escape_text(struct buf *b, span s, size_t max);

/*
 * s as a JSON string with its quotes (RFC 8259 7).
 *
 * Octets that are not UTF-8 become U+FFFD, so that the line is always valid JSON. Characters that
 * act on a terminal - controls above 127, ends of lines, changes of direction - become \uHHHH.
 */
void escape_json(struct buf *b, span s);

/* True when s is well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms, up to U+10FFFF). */
bool escape_is_utf8(span s);

#endif
