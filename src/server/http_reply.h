/* SPDX-License-Identifier: ISC */
/*
 * server/http_reply.h - the reply to a request of HTTP/1.1 that was the only one of its connection.
 *
 * Its end is where its framing says: the last chunk, Content-Length, or the end of the connection
 * (RFC 9112 6.3). Of a reply that is not 200 only the status is read.
 *
 * Limits: HTTP_HEAD_BYTES, HTTP_CHUNK_LINE_BYTES. Not here: content codings (none is asked for).
 */
#ifndef SERVER_HTTP_REPLY_H
#define SERVER_HTTP_REPLY_H

#include "base/buf.h"

#define HTTP_HEAD_BYTES       16384 /* of the status line and the header fields */
#define HTTP_CHUNK_LINE_BYTES 256   /* of the line before a chunk */

enum http_progress {
    HTTP_MORE,  /* the end has not come yet */
    HTTP_WHOLE, /* *out_reply is set */
    HTTP_BROKEN /* no HTTP, or framing that nobody can trust */
};

struct http_reply {
    unsigned status; /* 200 to 599 */
    span body;       /* of a 200; else empty */
};

/*
 * Look at all octets that came so far.
 *
 * ended    nothing more will come
 * room     for a body in chunks to be put together in; as large as octets
 * borrows  the body lies in octets or in room
 */
MUSTUSE enum http_progress http_reply_read(span octets, bool ended, struct buf *room,
                                           struct http_reply *out_reply);

#endif
