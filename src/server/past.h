/* SPDX-License-Identifier: ISC */
/*
 * server/past.h - asking the queue process what is known of a greeting (greeting/past.h).
 *
 * The answer is worth a short wait and no more: past_ask gives up after PAST_WAIT_MS, and then
 * nothing is known.
 */
#ifndef SERVER_PAST_H
#define SERVER_PAST_H

#include "greeting/facts.h"
#include "server/put.h"

#define PAST_WAIT_MS 1000 /* it comes in well under one, unless the queue process is held up */
#define PAST_SLOTS   256u /* a power of two */

typedef void past_fn(void *arg, const struct greeting_history *history);

struct past_query {
    struct past_client *client; /* NULL: nothing is under way */
    struct past_query *next;
    struct loop_timer timer;
    uint32_t tag;
    past_fn *fn;
    void *arg;
};

struct past_client {
    struct loop *loop;
    struct put_client *queue;
    struct past_query *slots[PAST_SLOTS];
    uint32_t next_tag;
};

/* Answers come over the client's link: it is given past_told. */
void past_client_init(struct past_client *c, struct loop *loop, struct put_client *queue);

/*
 * Ask; fn is called once, later, with all 0 when there was no answer in time.
 *
 * returns  false, without a callback, when nobody can be asked
 */
MUSTUSE bool past_ask(struct past_client *c, struct past_query *q, struct ip_addr client, span name,
                      past_fn *fn, void *arg);
/* Nothing under way: nothing. */
void past_cancel(struct past_query *q);

#endif
