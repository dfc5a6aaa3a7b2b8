/* SPDX-License-Identifier: ISC */
/*
 * queue/envelope.h - what the receiving side hands over with a message.
 *
 * smtpd packs an envelope and the queue process unpacks it and believes nothing:
 * every length, count, flag and octet is checked again. The same octets are kept
 * in the stored record, so the form is versioned.
 *
 * Recipients are one packed block, not an array: smtpd appends each accepted
 * recipient with envelope_put_rcpt to a buf of its own and never allocates.
 *
 * Form, version 1 (base/pack.h): u8 version, u64 id, i64 received_ms, u16 flags,
 * u64 session, strings sender, client, greeting, auth, envid, then u32 count and
 * per recipient strings address, canonical (empty: same), orcpt and u8 notify.
 *
 * Not here: the size (the queue measures the body itself) and delivery state (queue/record.h).
 */
#ifndef QUEUE_ENVELOPE_H
#define QUEUE_ENVELOPE_H

#include "base/err.h"
#include "base/pack.h"

/* Limits, in octets unless said otherwise. The configured limits are lower. */
#define ENVELOPE_VERSION        1
#define ENVELOPE_RCPTS_MAX      5000 /* recipients */
#define ENVELOPE_ADDR_BYTES     320  /* local part 64, "@", domain 255 */
#define ENVELOPE_CLIENT_BYTES   64
#define ENVELOPE_GREETING_BYTES 255
#define ENVELOPE_AUTH_BYTES     255
#define ENVELOPE_ENVID_BYTES    100 /* RFC 3461 4.4, as xtext */
#define ENVELOPE_ORCPT_BYTES    500 /* RFC 3461 4.2, as xtext */
#define ENVELOPE_BYTES_MAX      (4u << 20)

enum envelope_flag {
    ENVELOPE_8BIT = 1u << 0,       /* BODY=8BITMIME (RFC 6152) */
    ENVELOPE_SMTPUTF8 = 1u << 1,   /* RFC 6531 */
    ENVELOPE_REQUIRETLS = 1u << 2, /* RFC 8689 */
    ENVELOPE_RET_FULL = 1u << 3,   /* RET=FULL (RFC 3461 4.3) */
    ENVELOPE_RET_HDRS = 1u << 4,   /* RET=HDRS */
    ENVELOPE_DSN = 1u << 5,        /* made here as a report; never reported on */
    ENVELOPE_BINARY = 1u << 6,     /* BODY=BINARYMIME (RFC 3030): any octets, lines mean nothing */
    ENVELOPE_FLAGS_KNOWN = (1u << 7) - 1,
};

/* NOTIFY (RFC 3461 4.1); 0 is "not given", which means failures and delays. */
enum envelope_notify {
    ENVELOPE_NOTIFY_NEVER = 1u << 0,
    ENVELOPE_NOTIFY_SUCCESS = 1u << 1,
    ENVELOPE_NOTIFY_FAILURE = 1u << 2,
    ENVELOPE_NOTIFY_DELAY = 1u << 3,
    ENVELOPE_NOTIFY_KNOWN = (1u << 4) - 1,
};

struct envelope_rcpt {
    span address;    /* as given in RCPT, without the angle brackets */
    span canonical;  /* domain in lower case, what routing looks at; empty: same as address */
    span orcpt;      /* ORCPT as given ("rfc822;..."), empty: none */
    unsigned notify; /* set of envelope_notify */
};

struct envelope {
    uint64_t id;         /* milliseconds << 22 | worker << 14 | counter; never 0 */
    int64_t received_ms; /* wall clock, milliseconds since 1970 */
    unsigned flags;      /* set of envelope_flag */
    uint64_t session;
    span sender;   /* without the angle brackets; empty: the null sender */
    span client;   /* address of the client as text */
    span greeting; /* the name it gave, empty: none */
    span auth;     /* who logged in, empty: nobody */
    span envid;    /* ENVID as given, empty: none */
    uint32_t rcpt_count;
    span rcpts; /* the packed block made by envelope_put_rcpt */
};

/* Append one recipient to a block; when it does not fit, the block is as it was and b->overflow. */
void envelope_put_rcpt(struct buf *b, const struct envelope_rcpt *r);

/* Pack e; what does not fit sets b->overflow. e is not judged here. */
void envelope_put(struct buf *b, const struct envelope *e);

/* Octets that envelope_put needs at most for e. */
size_t envelope_size(const struct envelope *e);

/*
 * Unpack and judge an envelope.
 *
 * An address holds one "@" with text on both sides at least, no control octets or
 * NUL, and nothing above 127 unless SMTPUTF8; client, greeting and so on no control octets.
 *
 * out_e    set only on success; its spans are borrowed from s
 * returns  ERR_OK; ERR_VERSION (written by a newer one); ERR_SYNTAX; ERR_LIMIT
 */
MUSTUSE enum err envelope_get(span s, struct envelope *out_e);

/*
 * Walk the recipients: start with `struct unpack u = unpack_over(e.rcpts)`.
 *
 * out_r    spans borrowed from the block; canonical is filled in when it is the same
 * returns  false at the end (of a block that envelope_get passed)
 */
bool envelope_next_rcpt(struct unpack *u, struct envelope_rcpt *out_r);

/* Fit to be an address of an envelope: see envelope_get. `utf8` allows octets above 127. */
bool envelope_address_ok(span address, bool utf8);

#endif
