/* SPDX-License-Identifier: ISC */
/*
 * queue/ctl.h - what `herald queue` asks the running queue process, over its control socket.
 *
 * One QUEUE_CTL frame, one QUEUE_CTL_REPLY frame with the same tag. Nothing is kept between two
 * questions: a long list is asked for in pages, each beginning after the last id of the one before.
 * Messages come back as they are stored (queue/record.h).
 */
#ifndef QUEUE_CTL_H
#define QUEUE_CTL_H

#include "base/err.h"
#include "base/pack.h"
#include "queue/record.h"

#define CTL_REQUEST_BYTES 1024
#define CTL_REPLY_BYTES   (RECORD_BYTES_MAX + (64u << 10))
#define CTL_PAGE_BYTES    (256u << 10) /* a page of a list ends after this much */
#define CTL_BODY_BYTES    (64u << 10)  /* octets of a body in one answer */
#define CTL_WORDS_BYTES   300

enum ctl_op {
    CTL_LIST,    /* dest: only those that wait for it; id: begin after it. rest: record strings */
    CTL_SHOW,    /* rest: one record string */
    CTL_BODY,    /* id, offset. rest: octets; fewer than CTL_BODY_BYTES: the end */
    CTL_RETRY,   /* id, or dest, or neither: all that wait. count: how many */
    CTL_HOLD,    /* id */
    CTL_RELEASE, /* id */
    CTL_BOUNCE,  /* id: give up now and report to the sender */
    CTL_DELETE,  /* id: forget without a report */
    CTL_STATS,   /* rest: pairs of a name (string) and a number (u64) */
    CTL_OP_COUNT,
};

struct ctl_request {
    enum ctl_op op;
    uint64_t id; /* 0: none */
    uint64_t offset;
    span dest;
};

struct ctl_reply {
    enum err err;
    span words;     /* for a person when err is not ERR_OK */
    int64_t now_ms; /* wall clock and queue time at the answer, to turn one into the other */
    int64_t now_q;
    uint64_t count;
    bool more; /* LIST: ask again after the last id */
    span rest;
};

void ctl_request_put(struct buf *b, const struct ctl_request *r);
MUSTUSE bool ctl_request_get(span payload, struct ctl_request *out_r);
void ctl_reply_put(struct buf *b, const struct ctl_reply *r);
MUSTUSE bool ctl_reply_get(span payload, struct ctl_reply *out_r);

#endif
