/* SPDX-License-Identifier: ISC */
/*
 * queue/record.h - the stored form of a message in the queue.
 *
 * A record is the envelope as it was handed over and, for each recipient that
 * aliases made of it, what has become of it. It carries a version and a CRC-32C
 * over all that follows the checksum, so a torn or flipped record is told from a whole one.
 *
 * Times named _q are queue time: milliseconds that pass only while a queue process
 * runs, plus its pauses (store/store.h). A wall clock set wrong moves none of them. Times
 * named _ms are the wall clock and are for people.
 *
 * Form, versions 1 and 2: "HQ", u16 version, u32 crc, then
 * u64 id, i64 due_q, i64 accepted_q, i64 expires_q, u64 size, u32 body_crc, u8 flags, string
 * envelope, u32 count, and the recipients (record_put_rcpt). The first fields stand at fixed
 * offsets.
 */
#ifndef QUEUE_RECORD_H
#define QUEUE_RECORD_H

#include "queue/envelope.h"
#include "queue/job.h"

#define RECORD_VERSION    2
#define RECORD_VERSION_1  1     /* without RECORD_EXPANDED and ENVELOPE_BINARY; is read as before */
#define RECORD_RCPTS_MAX  10000 /* recipients after aliases */
#define RECORD_DEST_BYTES 300
#define RECORD_BYTES_MAX  (16u << 20)
#define RECORD_NEVER      INT64_MAX /* due_q of a message that waits for nothing (all held) */

enum record_flag {
    RECORD_BODY_FILE = 1u << 0,  /* the body is a file of the spool, not in the store */
    RECORD_DELAY_TOLD = 1u << 1, /* the sender was told of the delay */
    RECORD_FLAGS_KNOWN = (1u << 2) - 1,
};

enum record_state {
    RECORD_WAITING,
    RECORD_DELIVERED,
    RECORD_FAILED,  /* refused for good, reported where a report is due */
    RECORD_EXPIRED, /* as FAILED, by age */
    RECORD_HELD,    /* by an administrator or a route; waits for release */
    /* An alias of several addresses, which follow as recipients of their own: the sender is still
       to be told so; then DELIVERED. */
    RECORD_EXPANDED,
    RECORD_STATE_COUNT,
};

/* "waiting", ...; static. */
const char *record_state_text(enum record_state s);

struct record_rcpt {
    span address;   /* where it goes, after aliases */
    span canonical; /* with the domain in lower case */
    span original;  /* as the client gave it; empty: same as address */
    span orcpt;
    unsigned notify;
    enum record_state state;
    uint32_t attempts;
    int64_t next_q;   /* next try while WAITING */
    int64_t tried_ms; /* last try, 0: never */
    span dest;        /* what the last routing gave ("mx:example.net"), empty: not yet routed */
    uint16_t code;    /* of the last outcome, as in struct job_outcome */
    span status;
    span mta;
    span reply;
};

struct record {
    uint64_t id;
    int64_t due_q; /* when the queue must look at it: next try or expiry; RECORD_NEVER */
    int64_t accepted_q;
    int64_t expires_q;
    uint64_t size;     /* octets of the body */
    uint32_t body_crc; /* their hash_crc32c */
    unsigned flags;    /* set of record_flag */
    span envelope;     /* packed; envelope_get */
    uint32_t rcpt_count;
    span rcpts; /* packed by record_put_rcpt */
};

void record_put_rcpt(struct buf *b, const struct record_rcpt *r);

/* Pack r with version and checksum; b must be empty. What does not fit sets b->overflow. */
void record_put(struct buf *b, const struct record *r);

/* Octets that record_put needs at most. */
size_t record_size(const struct record *r);

/*
 * Unpack and judge a whole record, envelope and recipients included.
 *
 * out_r    set only on success; borrows from s
 * returns  ERR_OK; ERR_VERSION when a newer herald wrote it; ERR_CORRUPT
 */
MUSTUSE enum err record_get(span s, struct record *out_r);

/* id and due_q from the fixed places, without judging the rest; false when it cannot be a record.
 */
bool record_peek(span s, uint64_t *out_id, int64_t *out_due_q);

/* Walk the recipients of a record that record_get passed; start with unpack_over(r.rcpts). */
bool record_next_rcpt(struct unpack *u, struct record_rcpt *out_r);

#endif
