/* SPDX-License-Identifier: ISC */
/*
 * smtp/xtext.h - xtext (RFC 3461 4): printable ASCII without + and =, or + and two hexadecimal
 * digits, so that any octets can stand in a parameter of MAIL, RCPT or XCLIENT.
 */
#ifndef SMTP_XTEXT_H
#define SMTP_XTEXT_H

#include "base/buf.h"

#define SMTP_ORCPT_MAX_BYTES 500 /* RFC 3461 4.2 */

/* Well formed, and what is encoded is printable too. */
bool smtp_xtext_ok(span s);

/* "type;xtext", as ORCPT has it. */
bool smtp_orcpt_ok(span s);

/*
 * Decode; what is encoded may be any octet.
 *
 * returns false when it is malformed; what was decoded by then stays in b
 */
MUSTUSE bool smtp_xtext_put(struct buf *b, span s);

/* Decode what smtp_xtext_ok; anything else is put as it is. */
void smtp_xtext_put_decoded(struct buf *b, span s);

#endif
