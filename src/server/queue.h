/* SPDX-License-Identifier: ISC */
/*
 * server/queue.h - the process that owns the mail: its parts and their words.
 *
 *     message      a record of the store that is being worked on, in memory (queue_msg.c)
 *     destination  jobs that go to one place, their limit and back-off (queue_dest.c)
 *     job          some recipients of one message for one destination (queue_dest.c)
 *     link         the channel to one smtpd, relay, deliver or `herald queue` (queue.c)
 *
 * The way of a message: a PUT becomes a record in the open batch (queue_accept.c); at the end of
 * the loop turn the batch is committed (queue_commit) and only then answered; the message is
 * loaded, its recipients are routed and grouped into jobs, which go out as windows allow; results
 * change recipients in memory (queue_result.c), and the changed messages are written in the commit
 * of that turn, reports to senders with them (queue_report.c). A message without work leaves
 * memory; the store's index of due times brings it back.
 *
 * What is in memory is ahead of the store by one commit at most: a commit that fails leaves it to
 * the next, so a full disk loses no result. At most QUEUE_ACTIVE_MAX messages are in memory.
 *
 * All but queue.c works without loop and channels too: that is how `herald queue` changes a
 * store that no server has open (queue_ctl.c).
 */
#ifndef SERVER_QUEUE_H
#define SERVER_QUEUE_H

#include "config/config.h"
#include "net/chan.h"
#include "net/listen.h"
#include "queue/ctl.h"
#include "queue/frames.h"
#include "queue/job.h"
#include "queue/record.h"
#include "queue/route.h"
#include "queue/schedule.h"
#include "server/proc.h"
#include "server/queue_named.h"
#include "server/queue_own.h"
#include "store/store.h"

#define QUEUE_ACTIVE_MAX     20000 /* messages in memory */
#define QUEUE_SLOTS          32768 /* of each table; a power of two */
#define QUEUE_DEST_SLOTS     4096
#define QUEUE_DUE_STEP       500         /* messages loaded in one turn */
#define QUEUE_JOB_RCPTS      100         /* recipients in one job (RFC 5321 4.5.3.1.8) */
#define QUEUE_LINK_JOBS      1000        /* jobs at one process at a time */
#define QUEUE_LINK_BYTES     (32u << 20) /* and octets of their bodies */
#define QUEUE_CRASHES_MAX    3           /* processes that died over a job before it is deferred */
#define QUEUE_BACKOFF_MS     60000 /* of a destination, first; doubled to QUEUE_BACKOFF_MAX_MS */
#define QUEUE_BACKOFF_MAX_MS (3600 * INT64_C(1000))

struct queue;
struct queue_dest;
struct queue_job;
struct queue_ledger;
struct queue_link;

/* ---- messages in memory ---- */

/* What the sender is to be told of a recipient with the next write. */
enum queue_report {
    QUEUE_REPORT_NOTHING,
    QUEUE_REPORT_FAILED,    /* for good */
    QUEUE_REPORT_DELAYED,   /* still waiting */
    QUEUE_REPORT_DELIVERED, /* NOTIFY=SUCCESS: these three */
    QUEUE_REPORT_RELAYED,
    QUEUE_REPORT_EXPANDED,
};

struct queue_rcpt {
    struct record_rcpt r; /* its texts lie in the message, or in `said` */
    char *said;           /* dest, status, mta and reply of the last outcome; NULL: as stored */
    bool busy;            /* in a job */
    enum queue_report report;
};

struct queue_msg {
    struct queue_msg *next;       /* in its slot */
    struct queue_msg *next_dirty; /* to be written */
    bool dirty;
    bool deleted;    /* by an administrator: no report, whatever its recipients are */
    bool tell_delay; /* a warning is due with the next write */
    bool fault;      /* its body cannot be read: to be set aside */
    uint32_t job_count;
    struct queue_job *jobs;
    struct record head; /* its texts lie in `packed` */
    struct envelope envelope;
    struct queue_rcpt *rcpts;
    char packed[]; /* the record as it was loaded */
};

/* A message from its record, not yet in any table; NULL when there is no memory. */
struct queue_msg *queue_msg_new(const struct record *r, span packed);
void queue_msg_free(struct queue_msg *m);
/* The message in memory; NULL: it is not there. */
struct queue_msg *queue_msg_find(struct queue *q, uint64_t id);
/* The message in memory, loaded when it is not there; NULL with *out_e when it cannot be. */
struct queue_msg *queue_msg_load(struct queue *q, uint64_t id, enum err *out_e);
/* To be written with the next commit. */
void queue_msg_touch(struct queue *q, struct queue_msg *m);
/* The record of its state now, in q->scratch. */
span queue_msg_pack(struct queue *q, struct queue_msg *m);
/* Note what was said to a recipient; the texts are copied. */
void queue_rcpt_say(struct queue_rcpt *rcpt, span dest, const struct job_outcome *o);
/* No recipient waits or is held. */
bool queue_msg_is_over(const struct queue_msg *m);

/* ---- destinations and jobs ---- */

struct queue_job {
    struct queue_job *next;        /* that wait at the destination */
    struct queue_job *next_of_msg; /* of the same message */
    struct queue_job *next_out;    /* under way, by tag */
    struct queue_msg *msg;         /* NULL: called off while it waited */
    struct queue_dest *dest;
    struct queue_link *link; /* who works on it; NULL: it waits */
    uint32_t tag;
    uint64_t bytes;
    unsigned crashes;
    uint32_t n;
    uint32_t index[]; /* recipients */
};

struct queue_dest {
    struct queue_dest *next;  /* in its slot */
    struct queue_dest *after; /* among those that have something to send */
    bool listed;
    struct route_target target; /* its texts lie in `text` */
    struct queue_job *first, **last;
    size_t waiting;
    size_t under_way;
    unsigned failures; /* in a row: no connection came about */
    int64_t until_q;   /* rests until then */
    size_t name_n;
    char text[]; /* the name, then host and egress */
};

static inline span queue_dest_name(const struct queue_dest *d)
{
    return span_of(d->text, d->name_n);
}

/* Make jobs of all recipients that are due, or give them up when the message is too old. */
void queue_activate(struct queue *q, struct queue_msg *m);
/* Load a message and activate it; ERR_LIMIT when memory is full (q->behind is then set). */
enum err queue_activate_id(struct queue *q, uint64_t id);
/* Send what windows allow. */
void queue_dispatch(struct queue *q);
/* Take back a job: it waits again, in front. */
void queue_job_requeue(struct queue *q, struct queue_job *j);
/* A job that is under way. */
struct queue_job *queue_job_find(struct queue *q, uint32_t tag);
/* The job is over: its recipients are no longer busy. */
void queue_job_end(struct queue *q, struct queue_job *j);
/* Call off the jobs of a message that wait. */
void queue_call_off(struct queue *q, struct queue_msg *m);
/* No connection came about: all that waits for the destination is put off. */
void queue_dest_fail(struct queue *q, struct queue_dest *d, const struct job_outcome *why);
/* Let a destination that rests (NULL: all of them) be tried at once. */
void queue_dest_wake(struct queue *q, span name);
/* Forget destinations without work and rest. */
void queue_dests_tidy(struct queue *q);
/* Free all of them with the jobs that wait; none may be under way. */
void queue_dests_free(struct queue *q);
/* All jobs of a link that is gone wait again. */
void queue_link_lost(struct queue *q, struct queue_link *link);
/* Where the configuration sends an address. */
struct route_target queue_route(const struct config *c, span canonical);

/* ---- results and reports ---- */

/* Take the result of a job; false when it makes no sense (the link is then closed). */
bool queue_result(struct queue *q, struct queue_link *link, uint32_t tag, span payload);
/* One recipient's outcome: state, next try, log. */
void queue_outcome(struct queue *q, struct queue_msg *m, struct queue_rcpt *rcpt, span dest,
                   const struct job_outcome *o);
/* An alias was replaced by its addresses: the sender may want to hear of it. */
void queue_expanded(struct queue *q, struct queue_msg *m, struct queue_rcpt *rcpt);
/* Give a recipient up for its age. */
void queue_expire(struct queue *q, struct queue_msg *m, struct queue_rcpt *rcpt);
/* Mark those of whose delay the sender is to be told. */
void queue_warn(struct queue_msg *m);
/* Put the reports that are due into the open batch. */
enum err queue_put_reports(struct queue *q, struct queue_msg *m);

/* ---- accepting ---- */

/*
 * Judge an envelope and put the message into the open batch.
 *
 * body, sp   one of them holds the body; sp NULL for body
 * returns    what to answer once the batch is committed; anything but PUT_OK at once, with *out_why
 */
enum put_status queue_accept(struct queue *q, span envelope, span body, struct store_spool *sp,
                             const char **out_why);

/*
 * Put a message of our own into the open batch; e->id may be moved on to one that is free.
 *
 * returns  ERR_OK, also when it was left out because it cannot be stored at all; else the batch is
 * spoiled
 */
enum err queue_put_own(struct queue *q, struct envelope *e, span body);

/* ---- the whole ---- */

/* A producer that waits for the commit. */
struct queue_answer {
    struct queue_link *link; /* NULL: gone */
    uint32_t tag;
};

struct queue {
    const struct config *config;
    struct schedule schedule;
    struct store *store; /* NULL: not open yet */
    struct queue_msg **msgs;
    size_t msg_count;
    struct queue_job **jobs; /* under way, by tag */
    size_t job_count;
    uint32_t next_tag;
    struct queue_dest **dests;
    size_t dest_count;
    struct queue_dest *run_first, **run_last; /* destinations that have something to send */
    struct queue_msg *dirty;
    bool batch;      /* is open */
    bool behind;     /* messages that are due wait in the store for room in memory */
    bool quiet;      /* nothing is dispatched: no server, or it drains */
    uint64_t *fresh; /* messages of the open batch */
    size_t fresh_n, fresh_cap;
    int64_t wake_q;              /* the next message that is due */
    struct buf scratch;          /* a record or a job */
    struct buf block;            /* recipients */
    struct buf names;            /* addresses that aliases gave */
    struct route_entry *entries; /* RECORD_RCPTS_MAX */

    /* of the process; unused by `herald queue` */
    struct proc *proc;
    struct loop *loop;
    struct queue_link *links;
    struct queue_answer *answers;
    size_t answer_n, answer_cap;
    struct loop_task commit_task;
    bool commit_listed;
    struct loop_timer open_timer;
    struct loop_timer due_timer;
    struct loop_timer sweep_timer;
    struct loop_timer retry_timer; /* of a failed commit */
    struct loop_timer drain_timer;
    struct listener control;
    struct queue_named named;
    struct queue_own own;
    struct queue_ledger *ledger; /* NULL: none (server/queue_ledger.h) */
    struct store_due due_at;     /* where the walk along due messages is */
    unsigned commit_failures;
    bool full; /* was said in the log */
    int64_t space_checked_ms;
    bool draining;
    bool replaced; /* by a process of a new configuration, which waits for the store */
};

/* Memory and tables; the store is opened by the caller. */
void queue_init(struct queue *q, const struct config *config);
void queue_finish(struct queue *q);
/* A message of the open batch: to be activated after the commit. */
bool queue_add_fresh(struct queue *q, uint64_t id);
/* Open the batch when it is not; false when the store refuses. */
bool queue_batch(struct queue *q);
/* Commit, and tell and do what follows from it; what failed is tried again in a second. */
enum err queue_flush(struct queue *q);
/* Work at the end of this loop turn; nothing without a loop. */
void queue_wake(struct queue *q);
/* Write what changed and commit; on failure all of it stays to be written. */
enum err queue_commit(struct queue *q);
/* The commit was taken well or not; activates what is new (queue_msg.c). */
void queue_settle(struct queue *q);

/* ---- herald queue ---- */

/* Answer one question, at once; the reply's texts lie in q->scratch, q->block and the store. */
void queue_ctl(struct queue *q, const struct ctl_request *request, struct buf *out);

/* Work in a loop: timers and the task at the end of each turn. */
void queue_attach(struct queue *q, struct loop *loop);
/* Open the store and begin; later by itself when another process has it. False: there is no hope.
 */
bool queue_open(struct queue *q);

/* The process (a run function of struct proc_spec). */
int queue_run(struct proc *p);

#endif
