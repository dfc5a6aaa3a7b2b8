/* SPDX-License-Identifier: ISC */
/*
 * queue/job.h - one delivery that the queue asks of relay or deliver, and what came of it.
 *
 * A job is one message to one destination with some of its recipients. The body
 * lies in the frame (at most QUEUE_INLINE_BYTES) or is the open spool file that the frame
 * carries (read it with pread: the offset is shared). The frame's tag names the job and must
 * come back with the result. Each recipient of a job gets exactly one outcome; one
 * that the result leaves out counts as deferred. Octets of the body are as received: CRLF line
 * ends, dots not stuffed, Received of this hop included.
 */
#ifndef QUEUE_JOB_H
#define QUEUE_JOB_H

#include "queue/frames.h"

#define JOB_RCPTS_MAX     1000 /* recipients */
#define JOB_HOST_BYTES    255
#define JOB_EGRESS_BYTES  64
#define JOB_REPLY_BYTES   512 /* kept of a remote reply; more is cut by result_put */
#define JOB_STATUS_BYTES  11  /* "5.999.999" */
#define JOB_MTA_BYTES     300
#define JOB_RCPT_BYTES    1200 /* a packed recipient at most */
#define JOB_OUTCOME_BYTES 850  /* a packed outcome at most */
#define JOB_HEAD_BYTES    4096 /* what a job or its result takes beside recipients and body */

/* The largest payloads of QUEUE_JOB and QUEUE_JOB_RESULT. */
#define JOB_FRAME_BYTES  (JOB_HEAD_BYTES + JOB_RCPTS_MAX * JOB_RCPT_BYTES + QUEUE_INLINE_BYTES)
#define JOB_RESULT_BYTES (JOB_HEAD_BYTES + JOB_RCPTS_MAX * JOB_OUTCOME_BYTES)

enum job_transport {
    JOB_MAILDIR,   /* deliver: into the mailbox of each recipient */
    JOB_LMTP_UNIX, /* relay: LMTP, host is the path of the socket */
    JOB_LMTP_TCP,  /* relay: LMTP to host and port */
    JOB_SMARTHOST, /* relay: SMTP to host and port, host is a name or an address */
    JOB_MX,        /* relay: SMTP by the MX records of host, a domain or "[literal]" */
    JOB_TRANSPORT_COUNT,
};

struct job_rcpt {
    uint32_t index; /* the recipient's number in the record; names it in the result */
    span address;   /* what to say in RCPT TO */
    span canonical; /* address with the domain in lower case; for maildir: the mailbox */
    span orcpt;
    unsigned notify;
};

struct job {
    uint64_t id;
    enum job_transport transport;
    uint16_t port; /* 0: the protocol's own */
    span host;
    span egress;      /* name of the egress entry, empty: the default */
    unsigned flags;   /* set of envelope_flag */
    uint32_t attempt; /* 0 on the first try */
    int64_t received_ms;
    span sender;
    span envid;
    uint64_t size; /* octets of the body */
    uint32_t rcpt_count;
    span rcpts; /* packed by job_put_rcpt */
    bool in_file;
    span body; /* empty when in_file */
};

void job_put_rcpt(struct buf *b, const struct job_rcpt *r);
void job_put(struct buf *b, const struct job *j);

/* out_j borrows from payload. False when malformed or beyond a limit. */
MUSTUSE bool job_get(span payload, struct job *out_j);

/* Walk the recipients of a job that job_get passed; start with unpack_over(j.rcpts). */
bool job_next_rcpt(struct unpack *u, struct job_rcpt *out_r);

enum job_verdict {
    JOB_DELIVERED, /* for good: into a mailbox, or by LMTP */
    JOB_DEFERRED,  /* 4xx or a failure of ours: try again */
    JOB_FAILED,    /* 5xx: report to the sender */
    JOB_PASSED,    /* to a server that sends the reports which the sender asked for (RFC 3461) */
    JOB_RELAYED,   /* to a server that does not */
    JOB_VERDICT_COUNT,
};

struct job_outcome {
    uint32_t index;
    enum job_verdict verdict;
    uint16_t code; /* the SMTP reply code, 0: there was no reply */
    span status;   /* enhanced status "4.4.1" (RFC 3463), empty: unknown */
    span mta;      /* who said so: "mx.example.net [192.0.2.1]", empty: we ourselves */
    span reply;    /* what it said, or what went wrong; any octets, cut at JOB_REPLY_BYTES */
};

enum job_result_flag {
    /* No connection came about: the destination as a whole is deferred, not just this job. */
    JOB_UNREACHABLE = 1u << 0,
    /* The job was never begun (peer is draining): try again at once, it is no attempt. */
    JOB_NOT_TRIED = 1u << 1,
    JOB_RESULT_FLAGS_KNOWN = (1u << 2) - 1,
};

struct job_result {
    uint64_t id;
    unsigned flags; /* set of job_result_flag */
    uint32_t count;
    span outcomes; /* packed by job_put_outcome */
};

void job_put_outcome(struct buf *b, const struct job_outcome *o);
void job_result_put(struct buf *b, const struct job_result *r);
MUSTUSE bool job_result_get(span payload, struct job_result *out_r);
bool job_next_outcome(struct unpack *u, struct job_outcome *out_o);

#endif
