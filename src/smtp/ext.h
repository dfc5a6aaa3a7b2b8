/* SPDX-License-Identifier: ISC */
/*
 * smtp/ext.h - the extensions of SMTP: one row each, for both roles.
 *
 * The server announces the set it is configured with, the client reads the
 * set that a server announces; both mean the same bits. A new extension is a
 * row here, and, if it has parameters of MAIL or RCPT, a row in smtp/param.c.
 */
#ifndef SMTP_EXT_H
#define SMTP_EXT_H

#include "base/buf.h"

/* clang-format off */
/* id, bit, keyword as announced */
#define SMTP_EXT_LIST(X)                                                      \
    X(SMTP_EXT_PIPELINING,           0, "PIPELINING")          /* RFC 2920 */ \
    X(SMTP_EXT_SIZE,                 1, "SIZE")                /* RFC 1870 */ \
    X(SMTP_EXT_8BITMIME,             2, "8BITMIME")            /* RFC 6152 */ \
    X(SMTP_EXT_ENHANCEDSTATUSCODES,  3, "ENHANCEDSTATUSCODES") /* RFC 2034 */ \
    X(SMTP_EXT_SMTPUTF8,             4, "SMTPUTF8")            /* RFC 6531 */ \
    X(SMTP_EXT_DSN,                  5, "DSN")                 /* RFC 3461 */ \
    X(SMTP_EXT_CHUNKING,             6, "CHUNKING")            /* RFC 3030 */ \
    X(SMTP_EXT_BINARYMIME,           7, "BINARYMIME")          /* RFC 3030 */ \
    X(SMTP_EXT_STARTTLS,             8, "STARTTLS")            /* RFC 3207 */ \
    X(SMTP_EXT_AUTH,                 9, "AUTH")                /* RFC 4954 */ \
    X(SMTP_EXT_REQUIRETLS,          10, "REQUIRETLS")          /* RFC 8689 */ \
    X(SMTP_EXT_LIMITS,              11, "LIMITS")              /* RFC 9422 */ \
    X(SMTP_EXT_XCLIENT,             12, "XCLIENT")             /* Postfix */  \
    X(SMTP_EXT_XFORWARD,            13, "XFORWARD")            /* Postfix */
/* clang-format on */

enum smtp_ext {
#define SMTP_EXT_ENUM(id, bit, keyword) id = 1u << (bit),
    SMTP_EXT_LIST(SMTP_EXT_ENUM)
#undef SMTP_EXT_ENUM
};

/*
 * What every listener serves. The others want something of it: a certificate (STARTTLS,
 * REQUIRETLS), users (AUTH), clients that may speak for others (XCLIENT, XFORWARD).
 */
#define SMTP_EXT_SERVED                                                                            \
    ((unsigned)SMTP_EXT_PIPELINING | (unsigned)SMTP_EXT_SIZE | (unsigned)SMTP_EXT_8BITMIME |       \
     (unsigned)SMTP_EXT_ENHANCEDSTATUSCODES | (unsigned)SMTP_EXT_SMTPUTF8 |                        \
     (unsigned)SMTP_EXT_DSN | (unsigned)SMTP_EXT_CHUNKING | (unsigned)SMTP_EXT_BINARYMIME |        \
     (unsigned)SMTP_EXT_LIMITS)

/* One line of an EHLO reply: what it announces. */
struct smtp_ext_line {
    unsigned ext;  /* one enum smtp_ext; 0: not known */
    span argument; /* what follows the keyword; borrowed */
};

/* Read one line after the first of an EHLO reply; "AUTH=…" is AUTH too. */
struct smtp_ext_line smtp_ext_parse(span line);

/* The keyword of the row-th extension, by bit; an empty span behind the last. */
span smtp_ext_keyword(unsigned bit);

#endif
