/* SPDX-License-Identifier: ISC */
/*
 * server/guard_ledger.h - what a question of another mail server leaves in the ledger.
 *
 * A greeting that was judged for another server is one record, as a session of ours would be, so
 * that `herald trace` finds it by its reference and the past of greetings knows it too.
 */
#ifndef SERVER_GUARD_LEDGER_H
#define SERVER_GUARD_LEDGER_H

#include "guard/question.h"
#include "server/greet.h"
#include "server/ledger_client.h"

/* All borrowed. */
struct guard_seen {
    uint64_t id;   /* of the greeting, as the log names it */
    span listener; /* that the server asked at */
    const struct guard_question *question;
    const struct greet *greet;
    const struct greeting_policy *policy;
    const struct greeting_verdict *verdict;
    span reference; /* empty: none was given */
    span reply;     /* empty: accepted */
};

/* Record it; at once when a reference was given. Nothing when there is no ledger. */
void guard_record(struct ledger_client *c, const struct guard_seen *seen);

#endif
