/* SPDX-License-Identifier: ISC */
/*
 * queue/auth.h - what smtpd and the auth process say to each other.
 *
 * The tag is smtpd's number of the exchange; every frame of an exchange bears it.
 *
 *     START                     -> CHALLENGE | RESULT
 *     STEP (after a CHALLENGE)  -> CHALLENGE | RESULT
 *     CANCEL                    (no answer)
 *
 * START brings what the auth process cannot know: the client, and what TLS says of it. Octets of
 * the client are passed on as they came (after base64); the auth process alone reads them.
 */
#ifndef QUEUE_AUTH_H
#define QUEUE_AUTH_H

#include "base/pack.h"

enum auth_frame {
    AUTH_START = 1, /* auth_start */
    AUTH_STEP,      /* octets of the client's response */
    AUTH_CANCEL,    /* empty: the client gave up, or is gone */
    AUTH_CHALLENGE, /* octets for the client */
    AUTH_RESULT,    /* auth_result */
    AUTH_FRAME_END,
};

#define AUTH_TEXT_BYTES      9216 /* of a response, decoded: a line of 12288 in base64 */
#define AUTH_CHALLENGE_BYTES 1500 /* of a challenge, before base64 */
#define AUTH_MECHANISM_BYTES 32
#define AUTH_CLIENT_BYTES    16 /* an address in network order */
#define AUTH_BINDING_BYTES   64 /* channel binding data (RFC 5929, RFC 9266) */
#define AUTH_IDENTITY_BYTES  320
#define AUTH_WHY_BYTES       200

/* A packed auth_start at most. */
#define AUTH_START_BYTES                                                                           \
    (2 + 6 * 4 + AUTH_MECHANISM_BYTES + AUTH_CLIENT_BYTES + AUTH_TEXT_BYTES +                      \
     2 * AUTH_BINDING_BYTES + AUTH_IDENTITY_BYTES)

/* The largest payload of a frame type; 0: no such type. */
uint32_t auth_frame_max(unsigned type);

struct auth_start {
    span mechanism;
    span client;       /* address, 4 or 16 octets; empty: none of TCP */
    bool trusted;      /* a client whose failures are not held against its address */
    bool initial;      /* `response` was given, be it empty */
    span response;     /* initial response */
    span tls_exporter; /* channel binding "tls-exporter"; empty: none */
    span tls_unique;   /* channel binding "tls-unique"; empty: none */
    span certificate;  /* address that a verified client certificate names; empty: none */
};

void auth_start_put(struct buf *b, const struct auth_start *s);
/* out_s borrows from payload. */
MUSTUSE bool auth_start_get(span payload, struct auth_start *out_s);

enum auth_status {
    AUTH_FINE,      /* 235 */
    AUTH_WRONG,     /* 535: name, secret or token */
    AUTH_MALFORMED, /* 501: the response is not in the form of the mechanism */
    AUTH_LATER,     /* 454: too many failures before */
    AUTH_TROUBLE,   /* 454: cannot be checked now */
    AUTH_STATUS_COUNT,
};

struct auth_result {
    enum auth_status status;
    span identity; /* AUTH_FINE: who it is, an address in lower case; else who was claimed, or empty
                    */
    span why;      /* for the log; printable */
};

#define AUTH_RESULT_BYTES (1 + 4 + AUTH_IDENTITY_BYTES + 4 + AUTH_WHY_BYTES)

void auth_result_put(struct buf *b, const struct auth_result *r);
MUSTUSE bool auth_result_get(span payload, struct auth_result *out_r);

#endif
