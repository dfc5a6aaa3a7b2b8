/* SPDX-License-Identifier: ISC */
#include "queue/route.h"

#include "base/hash.h"

static const char *const schemes[JOB_TRANSPORT_COUNT] = {
    [JOB_MAILDIR] = "maildir", [JOB_LMTP_UNIX] = "lmtp:", [JOB_LMTP_TCP] = "lmtp:",
    [JOB_SMARTHOST] = "smtp:", [JOB_MX] = "mx:",
};

void route_put_dest(struct buf *b, const struct route_target *t)
{
    if (t->kind == ROUTE_HOLD) {
        buf_put(b, SPAN("hold"));
        return;
    }
    buf_put(b, span_cstr(schemes[t->transport]));
    /* The path of a socket is no name: its letters stay as they are. */
    if (t->transport == JOB_LMTP_UNIX)
        buf_put(b, t->host);
    else
        buf_put_lower(b, t->host);
    if (t->port != 0) {
        buf_putc(b, ':');
        buf_put_u64(b, t->port);
    }
    if (t->egress.n != 0) {
        buf_putc(b, '+');
        buf_put(b, t->egress);
    }
}

span route_domain(span address)
{
    return span_skip(address, span_rfind(address, '@') + 1);
}

span route_local(span address)
{
    return span_head(address, span_rfind(address, '@'));
}

enum err route_list_add(struct route_list *l, const struct envelope_rcpt *r, span original)
{
    /* No secret key: the list is short-lived and a collision costs one comparison. */
    uint64_t hash = hash_keyed_icase((struct hash_key){0, 0}, r->canonical);

    for (size_t i = 0; i < l->n; i++)
        if (!l->entries[i].expanded && l->entries[i].hash == hash &&
            span_ieq(l->entries[i].rcpt.canonical, r->canonical))
            return ERR_OK;
    if (l->n == l->cap)
        return ERR_LIMIT;
    l->entries[l->n++] = (struct route_entry){*r, original, false, hash};
    return ERR_OK;
}

enum err route_list_add_expanded(struct route_list *l, const struct envelope_rcpt *r)
{
    if (l->n == l->cap)
        return ERR_LIMIT;
    l->entries[l->n++] = (struct route_entry){*r, r->address, true, 0};
    return ERR_OK;
}
