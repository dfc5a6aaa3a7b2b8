/* SPDX-License-Identifier: ISC */
/*
 * server/introspect.h - the question about a token and its answer, as octets (RFC 7662 over HTTP).
 *
 * One question a connection, HTTP/1.0, so that the reply is neither in chunks nor followed by
 * another one: it ends where the server closes.
 */
#ifndef SERVER_INTROSPECT_H
#define SERVER_INTROSPECT_H

#include "base/buf.h"

#define INTROSPECT_NAME_BYTES 320

/* host: as in a URL, with its port. */
void introspect_put(struct buf *b, span host, span path, span token);

/*
 * Read a whole reply.
 *
 * now_s      wall clock, seconds since 1970: a token whose "exp" has passed is not valid
 * out_owner  who the token belongs to; empty: it is not valid
 * returns    false when this is no answer to the question: not HTTP, not 200, no JSON
 */
MUSTUSE bool introspect_read(span reply, int64_t now_s, struct buf *out_owner);

#endif
