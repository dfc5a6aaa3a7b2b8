/* SPDX-License-Identifier: ISC */
/*
 * server/session_ledger.h - what a session leaves in the ledger.
 *
 * Notes are gathered as things happen, each kind up to the number that a record may hold
 * (queue/ledger_record.h), and become one record at the end of the session. A greeting that is
 * refused or deferred is recorded at once too, so that its reference leads somewhere while the
 * client is still connected.
 */
#ifndef SERVER_SESSION_LEDGER_H
#define SERVER_SESSION_LEDGER_H

#include "server/ledger_client.h"
#include "server/notes.h"

struct greet;
struct session;

/* Of a session; zeroed is empty. */
struct session_ledger {
    struct notes notes;
    bool early; /* it talked before the banner */
    char ref[LEDGER_REF_BYTES + 1];
};

/* See whether the client talked already; before the banner. */
void session_ledger_begin(struct session *ss);
void session_note(struct session *ss, enum ledger_note_type type, unsigned number, span text);
void session_note_greeting(struct session *ss, const struct greet *g, unsigned code);
/* TLS has begun. */
void session_note_tls(struct session *ss);
void session_note_message(struct session *ss, uint64_t id, unsigned code);
/* Facts, findings and what was decided. */
void session_note_verdict(struct session *ss, const struct greet *g,
                          const struct greeting_verdict *v);
/* Record the session as it is now, with a verdict that is no consent and its reply. */
void session_record_verdict(struct session *ss);
/* A new reference for a verdict of this session; in ss->ledger.ref until the next. */
void session_new_ref(struct session *ss);
/* The record of the session. */
void session_ledger_end(struct session *ss, span why);

#endif
