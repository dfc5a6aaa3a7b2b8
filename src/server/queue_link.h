/* SPDX-License-Identifier: ISC */
/* server/queue_link.h - the channels of the queue process. */
#ifndef SERVER_QUEUE_LINK_H
#define SERVER_QUEUE_LINK_H

#include "net/chan.h"
#include "server/queue.h"

/* A large body on its way from an smtpd. */
struct queue_upload {
    struct queue_upload *next;
    uint32_t tag;
    bool refused; /* was answered; the rest is thrown away */
    struct store_spool spool;
    size_t envelope_n;
    char envelope[];
};

enum queue_link_kind {
    QUEUE_LINK_SMTPD,
    QUEUE_LINK_RELAY,
    QUEUE_LINK_DELIVER,
    QUEUE_LINK_CONTROL,
    QUEUE_LINK_GUARD,
};

struct queue_link {
    struct queue_link *next;
    struct queue *queue;
    enum queue_link_kind kind;
    struct chan chan;
    bool leaving; /* it drains: it gets no more jobs */
    size_t jobs;  /* under way there */
    uint64_t bytes;
    struct queue_upload *uploads;
};

/* Who can take the job now; NULL: nobody. */
struct queue_link *queue_link_for(struct queue *q, const struct queue_job *j);

/* Send the job that j->link has; false when its channel has no room. fd is taken. */
bool queue_link_send(struct queue *q, struct queue_job *j, span head, span body, int fd);

/* Take a channel to another process into use (fd taken). */
void queue_link_add(struct queue *q, enum queue_link_kind kind, int fd);

/* Tell the producers of the batch what became of it. */
void queue_link_answer_all(struct queue *q, enum put_status status, span why);

/* Stop or go on reading from all. */
void queue_links_hold(struct queue *q, bool hold);

/* Producers are still sending. */
bool queue_links_busy(const struct queue *q);

/* Write what was queued, now. */
void queue_links_flush(struct queue *q);

#endif
