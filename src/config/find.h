/* SPDX-License-Identifier: ISC */
/*
 * config/find.h - questions about a configuration that the server asks all the time.
 *
 * Each answers in constant time (routes: in the number of labels), changes
 * nothing and never touches a file. Domains may come in any case.
 */
#ifndef CONFIG_FIND_H
#define CONFIG_FIND_H

#include "config/config.h"

bool config_is_local_domain(const struct config *c, span domain);
bool config_is_relay_domain(const struct config *c, span domain);

/* How a name stands to the domains of both lists: one of them, below one, or neither. */
enum greeting_local config_local_domain(const struct config *c, span name);

/* Is the address in one of the prefixes? IP_NONE: no. */
bool config_prefixes_have(const struct config_prefixes *prefixes, struct ip_addr client);

/* Did the operator answer for this client greeting with this normal name (empty: an address)? */
bool config_is_vouched(const struct config *c, struct ip_addr client, span name);

/* Is this normal name, or one above it as "*.", on the operator's list of unwelcome ones? */
bool config_is_listed(const struct config *c, span name);

/* May a client at this address relay? IP_NONE: no. */
bool config_is_trusted(const struct config *c, struct ip_addr client);

enum config_recipient {
    CONFIG_RECIPIENT_MAILBOX,  /* a mailbox here */
    CONFIG_RECIPIENT_ALIAS,    /* stands for others: config_alias_expand */
    CONFIG_RECIPIENT_CATCHALL, /* unknown; goes to config.catchall */
    CONFIG_RECIPIENT_UNKNOWN, /* of a local domain (or a relay domain with listed users), but nobody
                               */
    CONFIG_RECIPIENT_RELAY,   /* of a relay domain */
    CONFIG_RECIPIENT_REMOTE,  /* of a domain that is not ours at all */
};

/*
 * The domain of <postmaster> said without one: the first of ours, or else our own name.
 * The postmaster of a local domain is always taken (RFC 5321 4.5.1).
 */
span config_postmaster_domain(const struct config *c);

/* What is this address to us? local and domain as in the path, unquoted. */
enum config_recipient config_recipient_find(const struct config *c, span local, span domain);

/*
 * May this login send as local@domain? It may as itself, as every alias that leads to it, and as
 * what auth.senders lists for it.
 */
bool config_may_send_as(const struct config *c, span login, span local, span domain);

#define CONFIG_ALIAS_TARGETS_MAX 1000

/*
 * The addresses an alias finally stands for.
 *
 * Aliases of aliases are followed, each address is visited once, so that loops end.
 * Names without a domain get `domain`.
 *
 * out      room for max addresses; spans live as long as the scratch buf's memory
 * scratch  memory for the addresses
 * returns  how many; 0 when local@domain is no alias or when they do not fit
 */
size_t config_alias_expand(const struct config *c, span local, span domain, span *out, size_t max,
                           struct buf *scratch);

/* The route of a domain: the exact one, else the longest "*.domain", else "*". Never NULL. */
const struct config_route *config_route_find(const struct config *c, span domain);

#endif
