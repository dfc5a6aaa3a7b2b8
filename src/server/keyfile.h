/* SPDX-License-Identifier: ISC */
/*
 * server/keyfile.h - files of the configuration that only the supervisor can read.
 *
 * Certificates, authorities, private keys and passwords are read before privileges are dropped, so
 * that they may belong to root alone; children inherit what came of them.
 */
#ifndef SERVER_KEYFILE_H
#define SERVER_KEYFILE_H

#include "base/diag.h"
#include "net/tls.h"
#include "os/heap.h"

#define KEYFILE_CA_BYTES (4u << 20) /* of a file of authorities */

/*
 * Read a whole file into out, which is empty and says how long the file may be.
 *
 * returns ERR_OK; else *d has the path and the reason
 */
MUSTUSE enum err keyfile_read(const char *path, struct heap_buf *out, struct diag *d);

/*
 * The same for a secret: ERR_CONF when others than its owner can use the file, or its owner is
 * neither root nor who runs this. Give what was read back by keyfile_wipe, also after a failure.
 */
MUSTUSE enum err keyfile_read_secret(const char *path, struct heap_buf *out, struct diag *d);
void keyfile_wipe(struct heap_buf *h);

/*
 * The first line of a secret file, which is all that counts there: a password.
 *
 * out  NUL-terminated; room for cap octets with the NUL
 */
MUSTUSE enum err keyfile_read_line(const char *path, char *out, size_t cap, struct diag *d);

/* A client's side of TLS that trusts the authorities in a file. */
MUSTUSE enum err keyfile_read_trust(const char *path, struct tls_side **out_side, struct diag *d);

#endif
