/* SPDX-License-Identifier: ISC */
/*
 * server/transaction.h - one message on its way in: from MAIL to the queue's answer.
 *
 * It gathers sender and recipients, puts our Received field on top, keeps the header (at most
 * limits.header_size) and up to QUEUE_INLINE_BYTES of the body, and hands all over to the queue
 * process; a longer body is passed on as it comes. It is allocated at MAIL and freed when
 * the transaction ends, so that an idle session costs nothing for it.
 *
 * Also here: what can only be judged with the header at hand (RFC 5321 6.3, loops).
 * Not here: who may send to whom (server/session.c), the dialogue (smtp/server.h).
 */
#ifndef SERVER_TRANSACTION_H
#define SERVER_TRANSACTION_H

#include "config/config.h"
#include "message/authres.h"
#include "message/received.h"
#include "server/put.h"
#include "server/submission.h"
#include "smtp/server.h"

#define TRANSACTION_CHUNK_BYTES (64u << 10) /* the most that transaction_chunk takes at once */
#define TRANSACTION_OWN_BYTES                                                                      \
    (RECEIVED_MAX_BYTES + AUTHRES_MAX_BYTES + SUBMISSION_MAX_BYTES) /* of fields of ours */

struct transaction;

/* The queue has answered; only after transaction_end returned TRANSACTION_WAITS. */
typedef void transaction_fn(void *arg, const struct put_result *result);

/* What is known when a sender has been named. Borrowed for the call only. */
struct transaction_start {
    uint64_t id;
    uint64_t session;
    int64_t received_ms; /* wall clock */
    span sender;         /* without brackets; empty: the null sender */
    span client;         /* address as text */
    span greeting;
    span login;      /* who is logged in; empty: nobody */
    bool submission; /* what a message lacks is added (RFC 6409 8) */
    span envid;      /* ENVID as given, xtext; empty: none */
    unsigned flags;  /* set of enum envelope_flag */
};

/* NULL when there is no memory. */
struct transaction *transaction_new(struct put_client *queue, const struct config *config,
                                    const struct transaction_start *start);
/* Ends it, also while the queue's answer is still to come. NULL: nothing. */
void transaction_free(struct transaction *t);

uint64_t transaction_id(const struct transaction *t);
span transaction_sender(const struct transaction *t);
bool transaction_is_utf8(const struct transaction *t); /* MAIL had SMTPUTF8 */
uint32_t transaction_rcpts(const struct transaction *t);

/* Add a recipient, with its NOTIFY and ORCPT; false when there is no room for it. */
MUSTUSE bool transaction_rcpt(struct transaction *t, const struct path *path,
                              const struct smtp_rcpt_params *params);

/*
 * Put our fields on top: `results` (Authentication-Results, empty for none) and Received, in which
 * the recipient's name is filled in when there is only one.
 *
 * With results, fields of that kind that claim to be ours are taken out of the message's header.
 */
MUSTUSE bool transaction_data(struct transaction *t, struct received *received, span results);

/* More of the body. Faults are kept until transaction_end. */
void transaction_chunk(struct transaction *t, span octets);

enum transaction_end {
    TRANSACTION_WAITS,  /* handed over: the callback will come */
    TRANSACTION_REFUSED /* it will not: say *out_reply */
};

/* The body is whole. */
enum transaction_end transaction_end(struct transaction *t, transaction_fn *fn, void *arg,
                                     struct smtp_reply *out_reply);

/* What the client hears for the queue's answer (spans are static). */
struct smtp_reply transaction_reply(enum put_status status);

/* Octets of the message with our field. */
uint64_t transaction_size(const struct transaction *t);

#endif
