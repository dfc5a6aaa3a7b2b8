/* SPDX-License-Identifier: ISC */
/* config/own.h - who this server is, as all keys together say it. */
#ifndef CONFIG_OWN_H
#define CONFIG_OWN_H

#include "config/config.h"
#include "greeting/choose.h"

/* Room that the two lists below need at most. */
size_t config_own_names_max(const struct config *c);
size_t config_own_addresses_max(const struct config *c);

/* Put an address into the list, unless it is there, is none, or is one that every machine has. */
void config_own_add(struct ip_addr *list, size_t *n, size_t max, struct ip_addr a);

/*
 * The names: hostname first, those of egresses, greeting.own_names; each once. They belong to the
 * configuration. At most max are written.
 *
 * returns  how many
 */
size_t config_own_names(const struct config *c, span *out, size_t max);

/* The addresses: of egresses, greeting.own_addresses, listeners; each once, none of loopback. */
size_t config_own_addresses(const struct config *c, struct ip_addr *out, size_t max);

/* Every server that the routes of an egress name is in our own network, or knows us by a login. */
bool config_own_stays_inside(const struct config *c, const struct config_egress *egress);

/*
 * What could be said from an egress: the operator's names and the machine's, and whether all its
 * servers may be such that take whatever we say. The rest of out is cleared.
 *
 * seen    the address as the world sees it; IP_NONE: not known
 * socket  the local address
 */
void config_own_candidates(const struct config *c, const struct config_egress *egress,
                           struct ip_addr seen, struct ip_addr socket,
                           struct greeting_candidates *out);

#endif
