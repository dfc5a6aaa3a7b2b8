/* SPDX-License-Identifier: ISC */
/*
 * server/context.h - what the supervisor hands to all of its processes beside descriptors.
 *
 * One a configuration, made before the processes are forked; struct proc.config
 * points to it.
 */
#ifndef SERVER_CONTEXT_H
#define SERVER_CONTEXT_H

#include "config/config.h"
#include "server/backoff.h"
#include "server/census.h"

struct tls_side;    /* net/tls.h */
struct tls_tickets; /* net/tls_ticket.h */
struct relay_keys;  /* server/relay_keys.h */
struct auth_keys;   /* server/auth_keys.h */

struct context {
    const struct config *config;
    bool guard_only;               /* herald guard: there is no queue process */
    struct tls_side *tls;          /* of the listeners; in smtpd alone, elsewhere NULL */
    struct tls_tickets *tickets;   /* the keys of what `tls` issues; as tls */
    struct relay_keys *relay_keys; /* of the routes; in relay alone, elsewhere wiped */
    struct auth_keys *auth_keys;   /* of the introspection server; in auth alone, as above */
    struct census_table *census;   /* shared memory of the smtpd processes */
    struct backoff_table *backoff; /* shared memory of the auth processes */
};

#endif
