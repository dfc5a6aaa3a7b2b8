/* SPDX-License-Identifier: ISC */
/* server/forward.h - a libunbound context that suits the resolver process. */
#ifndef SERVER_FORWARD_H
#define SERVER_FORWARD_H

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
struct ub_ctx *forward_open(struct event_base *base, const struct resolver_conf *conf,
                            struct sandbox_grant *grants, size_t *out_grant_count, struct diag *d);

#endif
