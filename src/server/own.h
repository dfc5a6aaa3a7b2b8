/* SPDX-License-Identifier: ISC */
/*
 * server/own.h - this server as DNS and the configuration know it: its names and addresses.
 *
 * Own names are the host name, the greetings of the egresses and greeting.own_names; own addresses
 * those of the machine and of the configuration (listeners, egresses, greeting.own_addresses) and
 * what DNS has for the first GREETING_OWN_NAMES_MAX names and their MX. A process asks DNS once, at
 * its first greeting, and again every OWN_FRESH_MS; what it knew stays valid while it asks. Until
 * all is known, judgements ask for themselves (greeting_server.addresses_known). What relay learned
 * of our address behind NAT comes from the queue process (own_hear).
 */
#ifndef SERVER_OWN_H
#define SERVER_OWN_H

#include "config/config.h"
#include "greeting/gather.h"
#include "net/resolve.h"
#include "server/put.h"

#define OWN_FRESH_MS      (INT64_C(600) * 1000)
#define OWN_RETRY_MS      (INT64_C(30) * 1000) /* after a look-up that failed */
#define OWN_ADDRESSES_MAX 64u                  /* kept of DNS and of the machine each */
#define OWN_LEARNED_MAX   8u
#define OWN_QUERIES_MAX   (GREETING_OWN_NAMES_MAX * (3u + 2u * GREETING_OWN_MX_MAX))

struct own;

struct own_query {
    struct resolve_query query;
    struct own *own;
};

struct own {
    struct loop *loop;
    struct resolve_client *resolver;
    int64_t timeout_ms;
    struct greeting_server server;
    span *names;
    struct ip_addr *addresses;
    size_t max_addresses;
    size_t n_fixed; /* of configuration and machine; the others are from DNS */
    struct ip_addr fresh[OWN_ADDRESSES_MAX];
    size_t n_fresh;
    struct ip_addr learned[OWN_LEARNED_MAX];
    size_t n_learned;
    struct own_query queries[OWN_QUERIES_MAX];
    size_t n_queries;
    size_t pending;
    bool failed;     /* one of the answers was "could not ask" */
    int64_t next_ms; /* when to ask again */
};

/* config is borrowed for the life of o; nothing is asked yet. Before the sandbox: it looks at the
 * machine's interfaces. */
void own_init(struct own *o, struct loop *loop, struct resolve_client *resolver,
              const struct config *config);

/* Believe what the queue process says of our address, over this client. */
void own_hear(struct own *o, struct put_client *queue);

/* This server as it is known now; begins to ask when that is due. Lives as long as o. */
const struct greeting_server *own_server(struct own *o);

/* Forget what is under way. */
void own_finish(struct own *o);

#endif
