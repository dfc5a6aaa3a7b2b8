/* SPDX-License-Identifier: ISC */
/*
 * net/tls_ticket.h - the keys of session tickets.
 *
 * The keys come from one secret that is made in the supervisor, so that what one worker issues
 * every worker, and every later generation, can resume. Each TLS_TICKET_PERIOD_MS the secret is
 * replaced by its own hash and the one before the last forgotten: a ticket is good for the period
 * it was made in and the next one, and who learns today's secret cannot open what was recorded
 * before.
 */
#ifndef NET_TLS_TICKET_H
#define NET_TLS_TICKET_H

#include "base/base.h"

#define TLS_TICKET_PERIOD_MS    (INT64_C(12) * 60 * 60 * 1000)
#define TLS_TICKET_SECRET_BYTES 32
#define TLS_TICKET_NAME_BYTES   16

/* What one period's tickets are named and sealed with. */
struct tls_ticket_key {
    uint8_t name[TLS_TICKET_NAME_BYTES];
    uint8_t cipher[32];
    uint8_t mac[32];
};

struct tls_tickets {
    int64_t period; /* of `now`, in TLS_TICKET_PERIOD_MS since 1970 */
    uint8_t secret[TLS_TICKET_SECRET_BYTES];
    struct tls_ticket_key now;
    struct tls_ticket_key before;
    bool has_before;
};

void tls_tickets_init(struct tls_tickets *t, const uint8_t secret[TLS_TICKET_SECRET_BYTES],
                      int64_t wall_ms);

/* Take new keys when it is time; the clock set back changes nothing. */
void tls_tickets_turn(struct tls_tickets *t, int64_t wall_ms);

/*
 * The key of this name; *out_renew: it is not the newest, issue a new ticket.
 *
 * returns NULL when there is none (any more)
 */
const struct tls_ticket_key *tls_tickets_find(const struct tls_tickets *t, const uint8_t *name,
                                              bool *out_renew);

/* Wipe all. NULL: nothing. */
void tls_tickets_finish(struct tls_tickets *t);

#endif
