/* SPDX-License-Identifier: ISC */
/*
 * server/session.h - one client's session: the wiring between its connection, the SMTP engine,
 * the configuration and the queue.
 *
 * The engine (smtp/server.h) knows grammar and order; the session decides: who may
 * relay, which recipients exist, how many sessions there may be. Each event of
 * the engine has one function in session_event.c's table. An event whose answer has to
 * come from elsewhere (the queue's commit) leaves the session waiting: it reads
 * nothing until session_answer.
 */
#ifndef SERVER_SESSION_H
#define SERVER_SESSION_H

#include "server/smtpd.h"

/* Begin a session on an accepted connection (fd is taken). */
void session_start(struct smtpd_port *port, int fd, const struct net_addr *client);

/* The queue keeps up again: go on with what was held back. */
void session_resume(struct session *ss);

/* The process goes away: end now if no transaction is under way, else after it. */
void session_drain(struct session *ss);

/*
 * Others have taken over after a reload: the session goes on as it began, but it counts no longer
 * (the column of the census is wanted by a later generation).
 */
void session_linger(struct session *ss);

/* Sessions are scarce: end this one if its client has been silent for limits.stress_timeout. */
void session_hurry(struct session *ss);

/* End at once with 421. */
void session_kill(struct session *ss);

/* The next of a list of sessions. */
struct session *session_next(const struct session *ss);

#endif
