/* SPDX-License-Identifier: ISC */
/*
 * smtp/sasl.h - reading what a client sends in an AUTH exchange.
 *
 * PLAIN (RFC 4616), LOGIN (draft-murchison-sasl-login), OAUTHBEARER (RFC 7628) and XOAUTH2 (the
 * form of Google and Microsoft), after base64 was taken off. Nothing is copied and nothing is
 * judged: whether the secret is right is for the process that knows (server/auth.h). SCRAM is read
 * by libgsasl.
 *
 * Limits: SASL_NAME_BYTES, SASL_SECRET_BYTES, SASL_TOKEN_BYTES; a name or secret that is empty or
 * holds a NUL is malformed.
 */
#ifndef SMTP_SASL_H
#define SMTP_SASL_H

#include "base/buf.h"

#define SASL_NAME_BYTES   320  /* a user name: as long as an address can be */
#define SASL_SECRET_BYTES 1024 /* a password */
#define SASL_TOKEN_BYTES  8192 /* a bearer token */

enum sasl_mechanism {
    SASL_PLAIN,
    SASL_LOGIN,
    SASL_SCRAM_SHA_256,
    SASL_SCRAM_SHA_256_PLUS,
    SASL_EXTERNAL,
    SASL_OAUTHBEARER,
    SASL_XOAUTH2,
    SASL_MECHANISM_COUNT, /* also: none of these */
};

/* "SCRAM-SHA-256"; static. */
span sasl_name(enum sasl_mechanism m);
/* By its name in any case; SASL_MECHANISM_COUNT when it is none. */
enum sasl_mechanism sasl_find(span name);

/*
 * The names in `set` (1u << enum sasl_mechanism) apart by blanks, as EHLO announces them: the
 * strongest first.
 */
void sasl_put_names(struct buf *b, unsigned set);

#define SASL_NAMES_BYTES 96 /* room for all of them */

/* Who wants to log in as whom, and by which secret; borrowed from what was read. */
struct sasl_claim {
    span authzid; /* act as; empty: as themselves */
    span user;    /* OAUTHBEARER may leave it empty: the token says who */
    span secret;  /* password or token */
};

/* authzid NUL authcid NUL passwd. */
MUSTUSE bool sasl_read_plain(span message, struct sasl_claim *out_claim);

/* A line of LOGIN: fit to be a name, fit to be a password. */
MUSTUSE bool sasl_is_name(span s);
MUSTUSE bool sasl_is_secret(span s);

/* "n,a=user@example.net," ^A "host=..." ^A "port=..." ^A "auth=Bearer TOKEN" ^A ^A */
MUSTUSE bool sasl_read_oauthbearer(span message, struct sasl_claim *out_claim);

/* "user=user@example.net" ^A "auth=Bearer TOKEN" ^A ^A */
MUSTUSE bool sasl_read_xoauth2(span message, struct sasl_claim *out_claim);

#endif
