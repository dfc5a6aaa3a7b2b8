/* SPDX-License-Identifier: ISC */
/*
 * server/resolver.h - the resolver process: everybody's DNS questions, one cache.
 *
 * Questions come over channels (net/resolve.h) and go to the configured servers
 * through libunbound on the process's own event loop. The same question asked
 * by several is asked once. Packets are read by dns/wire; a bogus answer
 * counts as "could not ask". Limits: RESOLVER_QUESTIONS_MAX questions under way,
 * RESOLVER_ASKERS_MAX waiting for them; beyond that the answer is SERVFAIL.
 */
#ifndef SERVER_RESOLVER_H
#define SERVER_RESOLVER_H

#include "server/proc.h"

#define RESOLVER_QUESTIONS_MAX 4096
#define RESOLVER_ASKERS_MAX    65536
#define RESOLVER_SERVERS_MAX   8
#define RESOLVER_TIMEOUT_MS    60000 /* no question waits longer, whatever it says */

struct resolver_conf {
    /* "192.0.2.1", "127.0.0.1@5353", "2001:db8::1@53"; none: those of /etc/resolv.conf */
    const char *const *servers;
    size_t server_count;
    const char *trust_anchor_file; /* NULL: no DNSSEC validation, nothing is `secure` */
};

/* The run function of the process, once the configuration is at hand. */
int resolver_run(struct proc *p, const struct resolver_conf *conf);

#endif
