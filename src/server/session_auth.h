/* SPDX-License-Identifier: ISC */
/*
 * server/session_auth.h - logging in, within a session.
 *
 * AUTH is offered at submission ports only: under TLS, and to clients of this machine without it
 * when auth.plaintext says so. The exchange itself is the auth process's (server/login.h); here
 * are the replies, the count of failures, and what somebody who logged in may do: relay, and send
 * as themselves.
 */
#ifndef SERVER_SESSION_AUTH_H
#define SERVER_SESSION_AUTH_H

#include "server/smtpd.h"

struct session;

/* Fill port->logins from port->smtp. */
void session_auth_port(struct smtpd_port *port);

/*
 * The engine's configuration that fits this session as it is now: with or without TLS (its
 * handshake done), and with the mechanisms that it may use.
 */
const struct smtp_server_conf *session_auth_conf(const struct session *ss);

/* SMTP_EVENT_AUTH and AUTH_STEP; AUTH_CANCEL. As the functions of session_event.c. */
bool session_on_auth(struct session *ss, const struct smtp_event *ev);
bool session_on_auth_cancel(struct session *ss, const struct smtp_event *ev);

/* Who is logged in; empty: nobody. */
span session_login(const struct session *ss);

/* The session begins anew: nobody is logged in. How often it failed is not forgotten. */
void session_auth_forget(struct session *ss);
/* It ends. */
void session_auth_free(struct session *ss);

/* The answer to a sender that somebody who logged in names; code 0: it is theirs. */
struct smtp_reply session_auth_sender(const struct session *ss, const struct path *sender);

#endif
