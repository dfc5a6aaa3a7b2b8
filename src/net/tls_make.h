/* SPDX-License-Identifier: ISC */
/* net/tls_make.h - a certificate of our own making, for those who have none yet. */
#ifndef NET_TLS_MAKE_H
#define NET_TLS_MAKE_H

#include "base/diag.h"
#include "os/heap.h"

#define TLS_MAKE_DAYS 3650

/*
 * Make an ECDSA P-256 key and a certificate signed by itself.
 *
 * name     what it is for: dNSName, and CN when that has room; under TLS_NAME_BYTES octets
 * out_...  PEM; initialised by the caller
 */
MUSTUSE enum err tls_make(span name, struct heap_buf *out_chain, struct heap_buf *out_key,
                          struct diag *d);

/* When the first certificate of a PEM text ends, in milliseconds since 1970; false: there is none.
 */
bool tls_chain_end(span pem, int64_t *out_wall_ms);

/* The first certificate of a PEM text is for this host name (RFC 9525). */
bool tls_chain_is_for(span pem, span name);

#endif
