/* SPDX-License-Identifier: ISC */
/*
 * server/relay_keys.h - the authorities and passwords of the routes, read from their files.
 *
 * Read by the supervisor before privileges are dropped; relay inherits what came of it, every
 * other child wipes the passwords first (relay_keys_forget).
 */
#ifndef SERVER_RELAY_KEYS_H
#define SERVER_RELAY_KEYS_H

#include "config/config.h"
#include "net/tls.h"

#define RELAY_SECRET_BYTES 256 /* of a password and its NUL */

/* A route of the configuration with what its files hold. */
struct relay_route {
    const struct config_route *conf;
    struct tls_side *side;             /* NULL: there is no TLS */
    struct tls_side *own_side;         /* the same when it has a ca_file, else NULL */
    char password[RELAY_SECRET_BYTES]; /* NUL-terminated */
};

struct relay_keys {
    const char *doubt; /* why the system's authorities are not believed; NULL: they are */
    struct tls_side *system_side;
    size_t n_routes;
    struct relay_route routes[]; /* of the configuration, in their order */
};

/*
 * Read what the routes name; the configuration must outlive it.
 *
 * returns ERR_OK; else *d has the file and the reason
 */
MUSTUSE enum err relay_keys_load(const struct config *c, struct relay_keys **out_keys,
                                 struct diag *d);

/* Wipe the passwords. NULL: nothing. */
void relay_keys_forget(struct relay_keys *keys);
/* Wipe and free. NULL: nothing. */
void relay_keys_free(struct relay_keys *keys);

#endif
