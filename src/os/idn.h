/* SPDX-License-Identifier: ISC */
/* os/idn.h - domain names in UTF-8 as A-labels (IDNA2008, RFC 5891), by libidn2. */
#ifndef OS_IDN_H
#define OS_IDN_H

#include "base/buf.h"

#define IDN_NAME_BYTES 256 /* a name in either form, with a NUL */

/* s holds octets above 127. */
bool idn_is_needed(span s);

/*
 * Write the A-labels of a domain, in lower case; ASCII stays as it is. Not for address literals.
 *
 * returns false when the name has none: b is as it was
 */
MUSTUSE bool idn_put_ascii(struct buf *b, span domain);

/* The same for an address: its domain in A-labels, its local part as it is. Of no "@": a domain. */
MUSTUSE bool idn_put_address(struct buf *b, span address);

#endif
