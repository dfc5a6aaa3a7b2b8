/* SPDX-License-Identifier: ISC */
/*
 * server/relay_secure.h - TLS and AUTH of outgoing connections.
 *
 * What a route says of them (`tls`, `ca_file`, `user`, `password_file`) was read by the supervisor
 * (server/relay_keys.h). A connection asks for its policy, shakes hands when its engine or its port
 * says so, and logs in where a route has a user.
 *
 *     off      no TLS
 *     try      STARTTLS where it is offered; when the handshake fails, once more without
 *     require  STARTTLS or implicit TLS, and a certificate that names the host
 *
 * REQUIRETLS (RFC 8689) makes it `require` for its messages, "TLS-Required: No" makes
 * `require` of a route by MX into `try`. Passwords go over TLS only, or to this machine,
 * and are shown (PLAIN, LOGIN) only to a server whose certificate verifies.
 */
#ifndef SERVER_RELAY_SECURE_H
#define SERVER_RELAY_SECURE_H

#include "config/find.h"
#include "server/relay_conn.h"

/* Begin with GNU SASL, before the sandbox. */
bool relay_auth_start(struct relay *r);
void relay_auth_stop(struct relay *r);

/* The route of a destination's mail; NULL: it needs none (LMTP to mailboxes, a socket). */
const struct relay_route *relay_route_of(const struct relay *r, const struct job *j);

/* How a message's own wish changes the policy: a letter of its destination's key. */
enum relay_wish relay_wish_of(const struct relay *r, const struct relay_job *j);

/* What the engine of this connection shall do; `plain` connections never do TLS. */
enum smtp_client_tls relay_policy_of(const struct relay_conn *c);

/* Begin TLS; false: it failed at once, and the next address is being tried. */
bool relay_tls_begin(struct relay_conn *c);
/* The socket is ready for more of the handshake; false: it failed, as above. */
bool relay_tls_go_on(struct relay_conn *c);
/* The handshake failed for this reason. */
void relay_tls_fail(struct relay_conn *c, const char *why);

/* ---- events of the engine (relay_serve.c) ---- */
bool relay_on_handshake(struct relay_conn *c, const struct smtp_client_event *ev);
bool relay_on_wants_auth(struct relay_conn *c, const struct smtp_client_event *ev);
bool relay_on_challenge(struct relay_conn *c, const struct smtp_client_event *ev);
bool relay_on_auth_result(struct relay_conn *c, const struct smtp_client_event *ev);
/* Give the exchange of AUTH back. */
void relay_auth_free(struct relay_conn *c);

#endif
