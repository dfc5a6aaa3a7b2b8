/* SPDX-License-Identifier: ISC */
/*
 * message/received.h - the fields a mail server puts on top of a message.
 *
 * Received (RFC 5321 4.4) says who greeted us how and from where, Return-Path
 * is put on at final delivery. Everything from outside is checked
 * or escaped here, whatever the caller did: a greeting that is no domain name
 * or literal goes into a comment, never into the syntax.
 * Lines are folded to stay under 78 octets where a word allows it.
 */
#ifndef MESSAGE_RECEIVED_H
#define MESSAGE_RECEIVED_H

#include "base/buf.h"

#define RECEIVED_MAX_BYTES 2048 /* room that always suffices for one of these fields */

struct received {
    span greeting;    /* as the client said it; any octets */
    span ptr;         /* confirmed reverse name; empty: "unknown" */
    span address;     /* the client's, as in a literal without brackets: "192.0.2.1",
                         "IPv6:2001:db8::1";   empty: no network (local submission) */
    span host;        /* our own name */
    span with;        /* "ESMTP", "SMTP", "LMTP", "ESMTPS", "ESMTPSA", ...; trusted */
    uint64_t id;      /* written as num_id_text */
    span tls_cipher;  /* as registered at IANA; empty: it came in the clear */
    span tls_version; /* "TLSv1.3" */
    span recipient;   /* "user@domain", only when the message has exactly one; else empty */
    int64_t wall_ms;
};

/* "Received: from ..." with CRLF at the end. */
void received_put(struct buf *b, const struct received *r);

/* "Return-Path: <sender>" with CRLF; sender without brackets, empty for the null sender. */
void received_put_return_path(struct buf *b, span sender);

/* "Delivered-To: recipient" with CRLF. */
void received_put_delivered_to(struct buf *b, span recipient);

#endif
