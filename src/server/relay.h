/* SPDX-License-Identifier: ISC */
/*
 * server/relay.h - the process that speaks SMTP and LMTP to other servers: its parts and their
 * words.
 *
 *     job          one message for one destination, as the queue asked (relay_job.c)
 *     destination  jobs that go to one place, the connections to it, and where it is (relay_dest.c)
 *     connection   one SMTP session that carries job after job (relay_conn.c)
 *
 * A job waits at its destination until a connection is free; a new connection is
 * made while jobs wait and fewer than queue.destination_concurrency exist. Each
 * connection tries the addresses of the destination in order; when none answers
 * and no other connection is there, all jobs that wait go back to the queue as
 * unreachable. Every job is answered exactly once (relay_job_finish), unless the
 * queue process itself died.
 *
 * All connections share the scratch buffers of struct relay, so one of them never
 * runs inside another: what a connection's end or a new job means for a destination
 * is done by a task of the loop (relay_dest_push), when no engine is running.
 *
 * Hostile octets arrive here: replies. No file is opened, no program started.
 */
#ifndef SERVER_RELAY_H
#define SERVER_RELAY_H

#include "net/conn.h"
#include "net/mxplan.h"
#include "net/tls.h"
#include "os/heap.h"
#include "queue/frames.h"
#include "queue/job.h"
#include "server/context.h"
#include "server/proc.h"
#include "server/relay_keys.h"
#include "smtp/client.h"

#define RELAY_SCRATCH_BYTES (64u << 10) /* each of input, output and body */
#define RELAY_CONNECT_MS    30000       /* for one address */
#define RELAY_ADDRESSES_MAX 10          /* addresses tried for one connection */
#define RELAY_PER_HOST      2     /* of them, of one host and family, when there are more hosts */
#define RELAY_IDLE_MS       5000  /* how long a connection waits for another job */
#define RELAY_MAILS_MAX     1000  /* mails over one connection */
#define RELAY_PLAN_MS       60000 /* how long addresses and the ceiling are believed */
#define RELAY_FIRST_CONNS   5     /* connections before one of them has succeeded */
#define RELAY_DEST_SLOTS    1024  /* a power of two */
#define RELAY_KEY_BYTES     400
#define RELAY_REPLY_BYTES   JOB_REPLY_BYTES

struct relay;
struct relay_dest;
struct relay_conn;
struct relay_identity;

/* ---- jobs ---- */

struct relay_job {
    struct relay_job *next; /* among those that wait */
    struct relay *relay;    /* NULL: the queue process that asked is gone */
    uint32_t tag;
    int fd;           /* the spool file, -1: the body is in the frame */
    uint64_t at;      /* octets of the body given to the engine */
    uint32_t settled; /* recipients with an outcome */
    bool retried;     /* it met a dead connection once already */
    struct job job;   /* borrows from frame */
    bool *is_settled; /* for each recipient */
    span *originals;  /* for each recipient, its address as it is in the envelope */
    char *ascii;      /* addresses with A-labels, once they were needed; else NULL */
    size_t ascii_cap;
    struct relay_conversion *conversion; /* of the content, for this server; NULL: as it is */
    uint32_t *indexes;                   /* for each recipient, its number in the record */
    struct heap_buf outcomes;
    struct smtp_client_mail mail;
    char frame[];
};

/* What is said of recipients. */
struct relay_verdict {
    enum job_verdict verdict;
    unsigned code;
    span status;
    span mta;
    span reply;
};

/* Take a job frame over; NULL when it is malformed or there is no memory: then refuse it. */
struct relay_job *relay_job_new(struct relay *r, struct chan_frame *f);
/* Recipients are delivered to by who answers, not passed on. */
static inline bool relay_is_lmtp(enum job_transport transport)
{
    return transport == JOB_LMTP_UNIX || transport == JOB_LMTP_TCP;
}

/* Answer a frame that is no job without an outcome for anybody, which means deferred. */
void relay_job_refuse(struct relay *r, const struct chan_frame *f);
/* Note the outcome of one recipient, or of all (SMTP_ALL_RCPTS); the first outcome stands. */
void relay_job_settle(struct relay_job *j, size_t rcpt, const struct relay_verdict *v);
/* The same for those recipients that were accepted. */
void relay_job_settle_accepted(struct relay_job *j, const struct relay_verdict *v);
/* Answer the queue and free the job; recipients without an outcome count as deferred. */
void relay_job_finish(struct relay_job *j, unsigned flags);
/* The verdict that a reply code means. */
enum job_verdict relay_verdict_of(unsigned code);

/* ---- destinations ---- */

/* What a message itself says of TLS. */
enum relay_wish {
    RELAY_WISH_NONE,
    RELAY_WISH_REQUIRETLS, /* RFC 8689 4: verified, and the server promises the same */
    RELAY_WISH_NO_TLS,     /* RFC 8689 5: rather in the clear than not at all */
};

/* One address to try. */
struct relay_target {
    struct net_addr addr;
    char name[256]; /* of the host, for people; empty: the address says it all */
};

struct relay_dest {
    struct relay_dest *next; /* in its slot */
    struct relay *relay;
    enum job_transport transport;
    uint16_t port;
    const struct config_egress *egress;
    const struct relay_route *route; /* NULL: neither TLS nor AUTH */
    enum relay_wish wish;
    struct relay_job *first, **last;
    size_t waiting;
    struct relay_conn *conns;
    size_t conn_count;
    size_t opening;      /* of them those that are not yet greeted: they look at targets */
    size_t ceiling;      /* the other side wants no more connections than this; 0: unknown */
    bool proven;         /* a connection was accepted since the plan was made */
    struct mxplan *plan; /* while it is being made, else NULL */
    int64_t planned_ms;  /* INT64_MIN: never */
    size_t target_count;
    struct relay_target targets[RELAY_ADDRESSES_MAX];
    struct loop_task push;
    size_t host_n;
    size_t key_n;
    char *host; /* NUL-terminated, in key */
    char key[]; /* text that tells destinations apart */
};

/* Give a job to its destination, which is made when missing. */
void relay_dest_add(struct relay *r, struct relay_job *j);
/* Take the job that waits longest; NULL: none. */
struct relay_job *relay_dest_take(struct relay_dest *d);
/* Put a job back in front. */
void relay_dest_give_back(struct relay_dest *d, struct relay_job *j);
/* All jobs that wait go back to the queue with this verdict. */
void relay_dest_fail(struct relay_dest *d, const struct relay_verdict *v, unsigned flags);
/* Later in this turn: give jobs to idle connections, make more, or free what nobody needs. */
void relay_dest_push(struct relay_dest *d);
/* Answer all waiting jobs of all destinations as not tried, and close what has none. */
void relay_dests_return(struct relay *r);
/* Forget the jobs of a queue process that is gone. */
void relay_dests_orphan(struct relay *r);

/* TLS from the first octet on. */
static inline bool relay_is_implicit(const struct relay_dest *d)
{
    return d->route != NULL && d->route->conf->implicit;
}

/* ---- connections ---- */

/* Begin to connect to the destination's first address. */
void relay_conn_start(struct relay_dest *d);
/* Give jobs to connections that wait for one. */
void relay_conns_wake(struct relay_dest *d);
/* Close those that carry no job. */
void relay_conns_close_idle(struct relay_dest *d);
/* Break off those that carry a job whose answer nobody will read. */
void relay_conns_orphan(struct relay_dest *d);

/* ---- the process ---- */

struct relay {
    struct proc *proc;
    struct loop *loop;
    const struct config *config;
    struct chan queue;
    struct resolve_client resolver;
    struct relay_keys *keys;
    struct Gsasl *sasl;
    struct relay_dest *dests[RELAY_DEST_SLOTS];
    size_t jobs; /* not yet answered */
    size_t conns;
    struct relay_identity *identities; /* relay_name.h */
    size_t n_identities;
    struct loop_timer check;
    bool draining;
    char *input; /* what was just read, until the engine it is for is left */
    char *body;  /* a piece of a spool file, until an engine has taken it */
    struct buf output;
};

/* End the process when it drains and nothing is left. */
void relay_check_drained(struct relay *r);

/* The process (a run function of struct proc_spec). */
int relay_run(struct proc *p);

#endif
