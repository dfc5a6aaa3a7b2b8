/* SPDX-License-Identifier: ISC */
/* server/unbound.h - a libunbound context that suits the resolver process. */
#ifndef SERVER_UNBOUND_H
#define SERVER_UNBOUND_H

#include "server/resolver.h"

struct ub_ctx;
struct event_base;

/*
 * Make a context on base that forwards to the servers of conf and needs no more files: it has
 * answered a first question of its own already.
 *
 * grants   room for RESOLVER_SERVERS_MAX; the TCP ports of the servers
 * returns NULL with *d on failure
 */
struct ub_ctx *unbound_open(struct event_base *base, const struct resolver_conf *conf,
                            struct sandbox_grant *grants, size_t *out_grant_count, struct diag *d);

#endif
