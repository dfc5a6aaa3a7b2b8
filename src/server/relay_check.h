/* SPDX-License-Identifier: ISC */
/*
 * server/relay_check.h - the egresses looked at by the clock, what servers say of our address,
 * and the log lines about both. For relay_name.c and relay_check.c alone.
 */
#ifndef SERVER_RELAY_CHECK_H
#define SERVER_RELAY_CHECK_H

#include "server/relay_name.h"

/* relay_name.c: the identity of that address, made when missing; NULL: too many, or no memory. */
struct relay_identity *relay_identity_of(struct relay *r, const struct config_egress *egress,
                                         struct ip_addr socket);
/* The address as the world sees it; IP_NONE when that is not known. */
struct ip_addr relay_identity_address(const struct relay_identity *id);
/* Ask DNS anew, unless that is under way. May end at once, when there is nothing to ask. */
void relay_identity_refresh(struct relay_identity *id);
/* What there is to choose from; borrows from id until its next look-up. */
void relay_identity_candidates(struct relay_identity *id, struct greeting_candidates *c);

/* A look-up has ended: say what came of it, if that is new. */
void relay_check_tell(struct relay_identity *id);
/* A server sees us come from `seen`. */
void relay_check_heard(struct relay_identity *id, struct ip_addr seen, struct ip_addr peer,
                       span mta);

#endif
