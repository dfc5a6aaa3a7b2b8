/* SPDX-License-Identifier: ISC */
/*
 * server/ledger_client.h - smtpd's way to the ledger: records are gathered and sent together.
 *
 * Nobody waits for it. What was gathered goes to the queue process after LEDGER_SEND_MS, or
 * earlier when a frame is full; sessions that are alike within that time are one record
 * (ledger_record_merge). When the queue process does not keep up, records are dropped and counted.
 */
#ifndef SERVER_LEDGER_CLIENT_H
#define SERVER_LEDGER_CLIENT_H

#include "base/hash.h"
#include "queue/ledger_record.h"
#include "server/put.h"

#define LEDGER_SEND_MS 250
#define LEDGER_RECENT  64u /* records among which a like one is looked for; a power of two */

struct ledger_client {
    bool on;
    struct put_client *queue;
    struct loop_timer timer;
    struct hash_key key;
    struct buf gathered; /* QUEUE_LEDGER_BYTES */
    struct {
        size_t at; /* behind its length in `gathered`; 0: none */
        size_t n;
    } recent[LEDGER_RECENT];
    uint64_t records; /* in `gathered` */
    uint64_t dropped; /* not yet said in the log */
};

void ledger_client_init(struct ledger_client *c, struct loop *loop, struct put_client *queue,
                        bool on);
/* A record that is too long is left out. */
void ledger_client_add(struct ledger_client *c, const struct ledger_record *r);
/* Send what was gathered, now. */
void ledger_client_flush(struct ledger_client *c);
/* A reference that nobody can guess: a keyed hash of who and which. */
uint64_t ledger_client_ref(const struct ledger_client *c, uint64_t session, uint64_t number);

#endif
