/* SPDX-License-Identifier: ISC */
/*
 * smtp/xclient.h - XCLIENT and XFORWARD: what a mail server or proxy in front of us says of its
 * client (Postfix's XCLIENT_README and XFORWARD_README).
 *
 * XCLIENT replaces: from then on the session is that client's. XFORWARD only tells, for the log.
 * Values are xtext (RFC 3461 4); two words in brackets say that a value is not known.
 *
 * Not here: who may say it, and what becomes of it (server/session_trust.c).
 */
#ifndef SMTP_XCLIENT_H
#define SMTP_XCLIENT_H

#include "name/addr.h"

#define SMTP_XCLIENT_VALUE_BYTES 255 /* a value, decoded */

enum smtp_xclient_attr {
    SMTP_XCLIENT_NAME, /* host name of the client */
    SMTP_XCLIENT_ADDR,
    SMTP_XCLIENT_PORT,
    SMTP_XCLIENT_PROTO, /* SMTP, ESMTP; of XFORWARD any word */
    SMTP_XCLIENT_HELO,
    SMTP_XCLIENT_LOGIN,    /* XCLIENT only, as the next two: who the client is authenticated as */
    SMTP_XCLIENT_DESTADDR, /* the address it connected to */
    SMTP_XCLIENT_DESTPORT,
    SMTP_XCLIENT_IDENT,  /* XFORWARD only, as the next: the name of the message there */
    SMTP_XCLIENT_SOURCE, /* LOCAL or REMOTE */
    SMTP_XCLIENT_ATTRS,
};

enum smtp_xclient_known {
    SMTP_XCLIENT_UNSAID,
    SMTP_XCLIENT_SAID,
    SMTP_XCLIENT_UNAVAILABLE, /* "[UNAVAILABLE]": there is none */
    SMTP_XCLIENT_TEMPUNAVAIL, /* "[TEMPUNAVAIL]": it could not be found out */
};

struct smtp_xclient {
    enum smtp_xclient_known known[SMTP_XCLIENT_ATTRS];
    span value[SMTP_XCLIENT_ATTRS]; /* of what is said: decoded, printable ASCII or UTF-8 */
    struct ip_addr addr, destaddr;  /* of ADDR and DESTADDR; else IP_NONE */
    uint16_t port, destport;
};

enum smtp_xclient_verb { SMTP_XCLIENT, SMTP_XFORWARD };

/* id, what the peer is told */
#define SMTP_XCLIENT_FAULT_LIST(X)                                                                 \
    X(SMTP_XCLIENT_FINE, "")                                                                       \
    X(SMTP_XCLIENT_EMPTY, "attributes must follow, as in ADDR=192.0.2.1")                          \
    X(SMTP_XCLIENT_FORM, "the form is ATTRIBUTE=value")                                            \
    X(SMTP_XCLIENT_UNKNOWN, "an attribute that is not announced")                                  \
    X(SMTP_XCLIENT_REPEATED, "an attribute was given twice")                                       \
    X(SMTP_XCLIENT_BAD, "an attribute has a malformed value")

enum smtp_xclient_fault {
#define SMTP_XCLIENT_ENUM(id, text) id,
    SMTP_XCLIENT_FAULT_LIST(SMTP_XCLIENT_ENUM)
#undef SMTP_XCLIENT_ENUM
};

/* What stands behind the verb in the reply to EHLO; static. */
span smtp_xclient_attributes(enum smtp_xclient_verb verb);

/*
 * Read all attributes of one command.
 *
 * memory   holds the decoded values; as long as `text` is always enough
 * out_x    set only for SMTP_XCLIENT_FINE
 */
enum smtp_xclient_fault smtp_xclient_parse(span text, enum smtp_xclient_verb verb,
                                           struct buf *memory, struct smtp_xclient *out_x);

/* In words; static. */
const char *smtp_xclient_fault_text(enum smtp_xclient_fault fault);

#endif
