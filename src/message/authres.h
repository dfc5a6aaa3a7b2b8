/* SPDX-License-Identifier: ISC */
/*
 * message/authres.h - the Authentication-Results field (RFC 8601) that a receiving server puts on
 * top: what DNS said of the client's address, its greeting and its sender.
 *
 * Results are words of ours; everything from outside is quoted or left out here, whatever the
 * caller did. Lines are folded as in message/received.h.
 */
#ifndef MESSAGE_AUTHRES_H
#define MESSAGE_AUTHRES_H

#include "base/buf.h"

#define AUTHRES_MAX_BYTES 3072 /* room that always suffices for the field */

struct authres {
    span host;      /* our own name: the authserv-id */
    span iprev;     /* "pass", "fail", "temperror", "permerror" (RFC 8601 2.7.3) */
    span address;   /* the client's, without brackets */
    span ptr;       /* confirmed reverse name, as a comment; empty: none */
    span spf_helo;  /* result of RFC 7208 for the greeting; empty: not looked at */
    span greeting;  /* as the client said it; any octets */
    span spf_from;  /* the same for the sender; empty: not looked at */
    span mail_from; /* the sender without brackets; any octets */
};

/* "Authentication-Results: ..." with CRLF at the end. */
void authres_put(struct buf *b, const struct authres *a);

/*
 * Whether a field is an Authentication-Results field that claims to come from `host`: from outside
 * it is a forgery and has to go (RFC 8601 5).
 *
 * value    as in struct header_field, with its folds
 */
bool authres_claims(span name, span value, span host);

#endif
