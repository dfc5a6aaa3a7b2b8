/* SPDX-License-Identifier: ISC */
/*
 * server/auth.h - the auth process: the only one that knows passwords and tokens.
 *
 * smtpd asks (queue/auth.h), auth reads what the client sent, checks it and answers. An exchange
 * with several steps is kept here under its tag, for AUTH_EXCHANGE_MS at most. Checking a
 * password costs some 20 ms, so such checks wait in a line and run one a turn of the loop, between
 * them everything else; and there are several auth processes, among which smtpd spreads its
 * questions. What they share is the memory of failures (server/backoff.h).
 *
 * Nobody learns from answer or time whether a name exists: an unknown one is checked against a
 * known one's password, always the same, and for SCRAM gets a salt that stays the same.
 *
 * The process opens no file and connects nowhere but to the introspection server, if there is one;
 * that server's name is looked up by the resolver process, which caches it as long as DNS says.
 * Limits: AUTH_EXCHANGES_MAX, AUTH_CHECKS_MAX, AUTH_QUESTIONS_MAX; beyond them 454.
 */
#ifndef SERVER_AUTH_H
#define SERVER_AUTH_H

#include "config/config.h"
#include "server/proc.h"

#define AUTH_EXCHANGES_MAX 4096 /* under way at once */
#define AUTH_EXCHANGE_MS   120000
#define AUTH_CHECKS_MAX    256   /* passwords that wait to be checked */
#define AUTH_QUESTIONS_MAX 64    /* of the introspection server at once */
#define AUTH_QUESTION_MS   10000 /* for one, from the look-up of the name on */
#define AUTH_CONNECT_MS    2000  /* for each address of it */
#define AUTH_ADDRESSES_MAX 4     /* of its name that are tried, half of them of each family */
#define AUTH_REPLY_BYTES   65536 /* of its reply */

/* Processes of this kind for so many smtpd; 0 when nobody can log in by this configuration. */
unsigned auth_count(const struct config *c, unsigned workers);

/* The mechanisms that this configuration has (set of 1u << enum sasl_mechanism). */
unsigned auth_mechanisms(const struct config *c);

/* The process (a run function of struct proc_spec). */
int auth_run(struct proc *p);

#endif
