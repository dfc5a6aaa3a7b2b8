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

/* The same, and what is encoded may be UTF-8: Postfix has rfc822;+C3+A4@b.example. */
bool smtp_xtext_is_utf8(span s);

/* "type;xtext", as ORCPT has it; the xtext may be of UTF-8. */
bool smtp_orcpt_ok(span s);
/* "utf-8;" and an address with UTF-8 as it is (RFC 6533 3, utf-8-addr-unitext). */
bool smtp_orcpt_utf8_ok(span s);
/*
 * Put an ORCPT of either form, as one line of RCPT may have it (RFC 6533 3).
 *
 * utf8  the line may hold UTF-8; else it is put as code points, \x{20AC} (utf-8-addr-xtext)
 */
void smtp_orcpt_put(struct buf *b, span s, bool utf8);

/*
 * Decode; what is encoded may be any octet.
 *
 * returns false when it is malformed; what was decoded by then stays in b
 */
MUSTUSE bool smtp_xtext_put(struct buf *b, span s);

/* Decode what smtp_xtext_ok; anything else is put as it is. */
void smtp_xtext_put_decoded(struct buf *b, span s);

#endif
