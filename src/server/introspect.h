/* SPDX-License-Identifier: ISC */
/*
 * server/introspect.h - the question about a token and what its answer says (RFC 7662).
 *
 * The question is one request of HTTP/1.1 that ends its connection; its reply is read by
 * server/http_reply.h. The answer is JSON of a server that we trust to say who somebody is: what
 * it leaves in doubt is a refusal of the token, what is no answer is nobody's fault but the
 * operator's (454).
 */
#ifndef SERVER_INTROSPECT_H
#define SERVER_INTROSPECT_H

#include "base/buf.h"
#include "config/config.h"

#define INTROSPECT_NAME_BYTES 320 /* of a token's owner */

/* authorization: the value of the field, or empty. */
void introspect_put(struct buf *b, const struct config_url *url, span authorization, span token);

/* As in application/x-www-form-urlencoded; three octets for each at most. */
void introspect_put_escaped(struct buf *b, span s);

enum introspect_verdict {
    INTROSPECT_OWNER,    /* the token is good */
    INTROSPECT_REFUSED,  /* it is not */
    INTROSPECT_NO_ANSWER /* the question was not answered */
};

/*
 * Read the body of the answer.
 *
 * want       what the token must be, and who of it is its owner
 * now_s      wall clock, seconds since 1970: a token whose "exp" has passed is not valid
 * out_owner  set with INTROSPECT_OWNER: an address; INTROSPECT_NAME_BYTES
 * out_why    set without it: why, in static words
 */
MUSTUSE enum introspect_verdict introspect_read(span body, const struct config_introspection *want,
                                                int64_t now_s, struct buf *out_owner,
                                                const char **out_why);

/* What it means when HTTP answers something else than 200, and what to do; static. */
const char *introspect_status_text(unsigned status);

#endif
