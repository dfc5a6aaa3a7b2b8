/* SPDX-License-Identifier: ISC */
/*
 * server/census.h - how many sessions there are, in all and for each client, over all workers.
 *
 * The workers share one piece of memory, made before they are forked. Each counts
 * in its own column, so a worker that dies takes its count with it when its
 * successor clears the column. Addresses are hashed with a secret key into a fixed
 * table; when the neighbourhood of a slot is full of other clients the client
 * is counted with its neighbour: the limit is then strict, never loose.
 * IPv6 clients are counted by their /64, which one client has for itself.
 */
#ifndef SERVER_CENSUS_H
#define SERVER_CENSUS_H

#include "base/hash.h"
#include "net/addr.h"

#define CENSUS_SLOTS  4096 /* clients at once; a power of two */
#define CENSUS_PROBES 16   /* neighbours looked at */

struct census_table;

struct census {
    struct census_table *table;
    unsigned column;
};

/* Shared memory for `columns` workers; NULL when there is none. Made once, never freed. */
struct census_table *census_table_new(struct hash_key key, unsigned columns);

/* Join as a worker; what the column held is cleared. */
void census_join(struct census *c, struct census_table *table, unsigned column);

struct census_limits {
    uint64_t sessions;
    uint64_t per_client;
};

enum census_verdict { CENSUS_FINE, CENSUS_TOO_MANY, CENSUS_TOO_MANY_OF_CLIENT };

/* Count one session more, unless a limit is reached; out_slot goes to census_leave. */
enum census_verdict census_enter(struct census *c, const struct net_addr *client,
                                 const struct census_limits *limits, uint32_t *out_slot);
/* Sessions at the moment, of all workers. */
uint64_t census_total(const struct census *c);
void census_leave(struct census *c, uint32_t slot);

#endif
