/* SPDX-License-Identifier: ISC */
/* Any octets as the reply of an introspection server: what is believed lies within them. */
#include "fuzz.h"

#include <jansson.h>

#include "server/http_reply.h"
#include "server/introspect.h"

#define BODY_BYTES 65536

static void read_answer(span body, bool strict)
{
    const struct config_introspection any = {0};
    const struct config_introspection want = {
        .claim = SPAN("mail"), .scope = SPAN("smtp"), .audience = SPAN("herald")};
    char memory[INTROSPECT_NAME_BYTES];
    struct buf owner = BUF_OVER(memory);
    const char *why = NULL;
    enum introspect_verdict v = introspect_read(body, strict ? &want : &any, 1000, &owner, &why);

    BUG_IF(owner.overflow || (v == INTROSPECT_OWNER) != (owner.n > 0) ||
               (v == INTROSPECT_OWNER) != (why == NULL),
           "an owner of no good token");
    BUG_IF(owner.n > 0 && !span_has(buf_span(&owner), '@'), "an owner who is no address");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static char memory[BODY_BYTES];
    struct buf room = BUF_OVER(memory);
    struct http_reply reply;
    span s;

    if (n < 2)
        return 0;
    json_object_seed(1);
    s = fuzz_place(span_of(data + 2, n - 2));
    if (http_reply_read(s, (data[0] & 1) != 0, &room, &reply) != HTTP_WHOLE)
        return 0;
    BUG_IF(reply.status < 200 || reply.status > 599 || reply.body.n > s.n, "out of bounds");
    BUG_IF(reply.status != 200 && reply.body.n > 0, "a body of no answer");
    if (reply.status == 200)
        read_answer(reply.body, (data[0] & 2) != 0);
    return 0;
}
