/* SPDX-License-Identifier: ISC */
/*
 * server/queue_ledger.h - the ledger in the queue process: records come in, are committed within
 * QUEUE_LEDGER_COMMIT_MS, and are counted for the past of greetings. No mail waits for it, and
 * whatever is wrong with it is one log line.
 */
#ifndef SERVER_QUEUE_LEDGER_H
#define SERVER_QUEUE_LEDGER_H

#include "greeting/past.h"
#include "server/queue.h"
#include "store/ledger.h"

#define QUEUE_LEDGER_COMMIT_MS 500
#define QUEUE_LEDGER_TIDY_MS   60000      /* when nothing comes */
#define QUEUE_LEDGER_PAST      (4u << 20) /* octets that are read again at the start */

struct queue_ledger {
    struct ledger *ledger;
    struct greeting_past *past;
    struct loop_timer timer;
    int dir_fd;
    bool failed; /* was said in the log */
};

/*
 * Open the directory, which must be done before the sandbox.
 *
 * returns the descriptor to grant; -1: there is no ledger
 */
int queue_ledger_prepare(struct queue *q);
/* Begin to write, and read the newest part of what is there. */
void queue_ledger_open(struct queue *q);
/* Records from a process that talks with strangers: each is judged, bad ones are left out. */
void queue_ledger_take(struct queue *q, span records);
/* The history of a greeting; all 0 when there is no ledger. */
void queue_ledger_ask(struct queue *q, const struct past_question *question,
                      struct greeting_history *out);
/* A recipient is done with, for good or not. */
void queue_ledger_outcome(struct queue *q, const struct queue_msg *m,
                          const struct queue_rcpt *rcpt);
/* Write what was gathered, now. */
void queue_ledger_flush(struct queue *q);

#endif
