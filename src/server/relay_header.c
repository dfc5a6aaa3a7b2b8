/* SPDX-License-Identifier: ISC */
#include "server/relay_header.h"

#include "server/relay_fit.h"
#include "server/transaction.h"
#include "smtp/meter.h"

static size_t most_of(const struct config *c)
{
    size_t most = (size_t)c->limits.header_size;

    return TRANSACTION_OWN_BYTES + (most > HEADER_MAX_BYTES ? most : HEADER_MAX_BYTES);
}

/* The message from its beginning to behind its header, and what else was read with that. */
static bool gather(const struct relay *r, const struct relay_job *j, size_t most,
                   struct heap_buf *out)
{
    static const struct smtp_meter_limits none = {0};
    struct smtp_meter m = {0};
    span piece;

    do {
        if (!relay_read_body(r, j, out->n, &piece) || !heap_put(out, piece))
            return false;
        (void)smtp_meter_put(&m, &none, piece);
    } while (piece.n > 0 && !smtp_meter_has_header(&m, most));
    return true;
}

static bool any_field(span text, size_t most, relay_field_fn *holds)
{
    struct header_walk w = header_walk_over(text, most, SIZE_MAX);
    struct header_field f;

    while (header_next(&w, &f))
        if (holds(&f))
            return true;
    return false;
}

bool relay_header_has(const struct relay *r, const struct relay_job *j, relay_field_fn *holds,
                      bool *out_has)
{
    size_t most = most_of(r->config);
    struct heap_buf text;
    bool done;

    heap_init(&text, most + RELAY_SCRATCH_BYTES);
    done = gather(r, j, most, &text);
    if (done)
        *out_has = any_field(heap_span(&text), most, holds);
    heap_release(&text);
    return done;
}
