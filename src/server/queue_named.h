/* SPDX-License-Identifier: ISC */
/*
 * server/queue_named.h - mail that waited for a name to greet with goes as soon as there is one.
 *
 * relay says of which egress it knows what to say (QUEUE_NAMED): at its start, so after each
 * reload, and when DNS has come to confirm a name. Messages whose last try failed for want of
 * configuration (4.3.5) and that would go out there are then due at once. The whole queue is looked
 * through for them, a step at a time, between other work.
 */
#ifndef SERVER_QUEUE_NAMED_H
#define SERVER_QUEUE_NAMED_H

#include "base/span.h"
#include "net/loop.h"

struct queue;

#define QUEUE_NAMED_STEP     500 /* records looked at in one turn */
#define QUEUE_NAMED_PAUSE_MS 5   /* between two turns */

struct queue_named {
    bool *egress;   /* of the configuration, in its order: named since; NULL: none yet */
    uint64_t after; /* the last message that was looked at */
    bool walking;
    struct loop_timer timer;
};

void queue_named_attach(struct queue *q);
/* The payload of QUEUE_NAMED: the name of an egress. */
void queue_named_take(struct queue *q, span egress);

#endif
