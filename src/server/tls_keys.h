/* SPDX-License-Identifier: ISC */
/*
 * server/tls_keys.h - the certificates and keys of a configuration, read from their files.
 *
 * Read by the supervisor before privileges are dropped; smtpd inherits what came of it, every
 * other process wipes it first. A private key that others can read is refused (server/keyfile.h).
 */
#ifndef SERVER_TLS_KEYS_H
#define SERVER_TLS_KEYS_H

#include "config/config.h"
#include "config/problem.h"
#include "net/tls.h"

#define TLS_KEYS_FILE_BYTES (1u << 20)               /* of a PEM file */
#define TLS_KEYS_RENEW_MS   (INT64_C(30) * 86400000) /* our own certificate, before it ends */

struct tls_tickets;

struct tls_keys_how {
    struct tls_tickets *tickets; /* as in struct tls_server_conf */
    /* None given: use that of data_dir/tls, and make it when there is none. Else *out_side is NULL.
     */
    bool make;
    struct config_problems *doubts; /* what works but should be looked at is added; may be NULL */
};

/*
 * Make the server's side of a configuration.
 *
 * returns ERR_OK; else *d has the file and the reason
 */
MUSTUSE enum err tls_keys_load(const struct config *c, const struct tls_keys_how *how,
                               struct tls_side **out_side, struct diag *d);

#endif
