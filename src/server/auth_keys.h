/* SPDX-License-Identifier: ISC */
/*
 * server/auth_keys.h - what we show the introspection server, and whom we take for it.
 *
 * Read by the supervisor before privileges are dropped; auth inherits what came of it, every
 * other child wipes the secret first (auth_keys_forget).
 */
#ifndef SERVER_AUTH_KEYS_H
#define SERVER_AUTH_KEYS_H

#include "config/config.h"
#include "net/tls.h"

#define AUTH_SECRET_BYTES 512 /* of a client id or a secret, with its NUL */

/* "Basic " and both in base64, each octet of them as "%XX" */
#define AUTH_AUTHORIZATION_BYTES (6 + (3 * 2 * AUTH_SECRET_BYTES + 2) / 3 * 4 + 1)

struct auth_keys {
    struct tls_side *side;     /* NULL: it is asked without TLS, or there is none */
    struct tls_side *own_side; /* the same when there is an introspection_ca, else NULL */
    /* The value of Authorization, NUL-terminated; empty: nothing is shown. */
    char authorization[AUTH_AUTHORIZATION_BYTES];
};

/*
 * Read what the configuration names.
 *
 * system_side  trusts the system's authorities; outlives the keys
 * returns      ERR_OK; else *d has the reason, and the file if there is one
 */
MUSTUSE enum err auth_keys_load(const struct config *c, struct tls_side *system_side,
                                struct auth_keys **out_keys, struct diag *d);

/* Wipe the secret. NULL: nothing. */
void auth_keys_forget(struct auth_keys *keys);
/* Wipe and free. NULL: nothing. */
void auth_keys_free(struct auth_keys *keys);

#endif
