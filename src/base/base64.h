/* SPDX-License-Identifier: ISC */
/*
 * base/base64.h - base64 (RFC 4648 4), strict: whole groups of four, padding where it belongs and
 * nowhere else, no blanks or line ends, no bits behind the last octet. What was decoded
 * encodes to the very same text again.
 */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include "base/buf.h"

/* Octets of the text for n octets. */
#define BASE64_TEXT_BYTES(n) (((n) + 2) / 3 * 4)

void base64_put(struct buf *b, span octets);

/*
 * Decode all of text, behind what b holds.
 *
 * b        its next free octet may be the text's first: decoding in place is fine
 * returns  false when the text is no base64, or b has no room; b then holds what it held
 */
MUSTUSE bool base64_take(struct buf *b, span text);

#endif
