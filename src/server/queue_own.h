/* SPDX-License-Identifier: ISC */
/*
 * server/queue_own.h - what relay learned of our own address is told to those who judge greetings.
 *
 * Behind NAT no configuration and no look-up need know the address that the world sees; relay hears
 * of it (server/relay_name.h) and says so with QUEUE_OWN. It is passed on to each smtpd and guard,
 * at once and when a new one comes. Nothing of it outlives the process: relay says it again to a
 * new queue process.
 */
#ifndef SERVER_QUEUE_OWN_H
#define SERVER_QUEUE_OWN_H

#include "name/addr.h"

struct queue;
struct queue_link;

#define QUEUE_OWN_MAX 8u

struct queue_own {
    struct ip_addr address[QUEUE_OWN_MAX];
    size_t n;
};

/* The payload of QUEUE_OWN, from relay. One that is not of the Internet, or too many, is dropped.
 */
void queue_own_take(struct queue *q, span payload);
/* A channel was opened: say there what is known, where somebody judges. */
void queue_own_tell(struct queue_link *link);

#endif
