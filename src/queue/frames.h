/* SPDX-License-Identifier: ISC */
/*
 * queue/frames.h - what smtpd and the queue process say to each other.
 *
 * A frame has a type, a tag and a payload (net/chan.h carries it). The tag is
 * smtpd's own number for the transaction and comes back with the answer.
 *
 *     small body (at most 64 KiB):   PUT                              -> PUT_RESULT
 *     larger body:                   PUT_BEGIN PUT_CHUNK... PUT_END   -> PUT_RESULT
 *     given up on the way:           PUT_BEGIN PUT_CHUNK... PUT_ABORT (no answer)
 *
 * smtpd need not know the size beforehand: it gathers up to QUEUE_INLINE_BYTES and
 * goes over to PUT_BEGIN when more comes. PUT_RESULT comes after the commit is on
 * disk; it may come early (refused) between PUT_BEGIN and PUT_END, then the rest
 * of that tag is thrown away. Several tags may be open at once.
 */
#ifndef QUEUE_FRAMES_H
#define QUEUE_FRAMES_H

#include "name/addr.h"
#include "queue/envelope.h"

/* The largest body that goes into the store and into one frame; larger ones become files. */
#define QUEUE_INLINE_BYTES (64u << 10)

enum queue_frame {
    QUEUE_PUT = 0x10, /* envelope string, body octets to the end */
    QUEUE_PUT_BEGIN,  /* envelope octets */
    QUEUE_PUT_CHUNK,  /* body octets, at most QUEUE_INLINE_BYTES */
    QUEUE_PUT_END,    /* u64 octets in all: must be what came */
    QUEUE_PUT_ABORT,  /* empty */
    QUEUE_PUT_RESULT, /* put_result */
    QUEUE_JOB,        /* queue/job.h: to relay and deliver */
    QUEUE_JOB_RESULT, /* queue/job.h: back */
    QUEUE_CTL,        /* queue/ctl.h: a question of `herald queue` */
    QUEUE_CTL_REPLY,  /* queue/ctl.h */
    QUEUE_LEDGER,     /* from smtpd: records of the ledger, each as a string; no answer */
    QUEUE_PAST,       /* from smtpd: past_question: what is known of a greeting? */
    QUEUE_PAST_REPLY, /* greeting_history_pack; the tag of the question */
    QUEUE_NAMED,      /* from relay: the name of an egress from which it knows what to greet with */
    QUEUE_OWN,        /* from relay, and on to smtpd and guard: our address as the world sees it */
    QUEUE_FRAME_END,
};

/* Records of the ledger in one frame. */
#define QUEUE_LEDGER_BYTES (48u << 10)

#define QUEUE_NAMED_BYTES 255 /* of the name of an egress */

#define OWN_ADDRESS_BYTES (1 + 16)

/* The payload of QUEUE_OWN. */
void own_address_put(struct buf *b, struct ip_addr a);
MUSTUSE bool own_address_get(span payload, struct ip_addr *out_a);

#define PAST_NAME_BYTES     512
#define PAST_QUESTION_BYTES (OWN_ADDRESS_BYTES + 4 + PAST_NAME_BYTES)
#define PAST_REPLY_BYTES    64

/* Who greeted with this name from there before? Borrows. */
struct past_question {
    struct ip_addr client;
    span name;
};

/* A name that is too long is cut. */
void past_question_put(struct buf *b, const struct past_question *q);
MUSTUSE bool past_question_get(span payload, struct past_question *out_q);

/* The largest payload of a frame type; 0: no such type. */
uint32_t queue_frame_max(unsigned type);

/* Pack the payload of PUT. */
void put_put(struct buf *b, span envelope, span body);

/* Take a PUT apart, borrowed from payload; false when malformed. */
MUSTUSE bool put_get(span payload, span *out_envelope, span *out_body);

enum put_status {
    PUT_OK,      /* on disk: answer 250 */
    PUT_FULL,    /* no space: answer 452 4.3.1 */
    PUT_FAILED,  /* could not be written: answer 451 4.3.0 */
    PUT_REFUSED, /* the envelope or the body is not acceptable: answer 554 5.6.0 */
    PUT_STATUS_COUNT,
};

#define PUT_WHY_BYTES 200

#define PUT_RESULT_BYTES (1 + 4 + PUT_WHY_BYTES) /* a packed put_result at most */

struct put_result {
    enum put_status status;
    span why; /* for the log, printable, empty when PUT_OK */
};

void put_result_put(struct buf *b, const struct put_result *r);
MUSTUSE bool put_result_get(span payload, struct put_result *out_r);

#endif
