/* SPDX-License-Identifier: ISC */
/*
 * From an envelope to a record in the open batch. smtpd may be in the hands of an attacker: what it
 * says is judged here once more.
 */
#include "base/hash.h"
#include "config/find.h"
#include "config/idn.h"
#include "message/header.h"
#include "name/path.h"
#include "os/idn.h"
#include "os/log.h"
#include "server/queue.h"

#define IDS_TRIED 64 /* for a message of our own */

/* ---- recipients ---- */

static bool fit(span address, unsigned allow)
{
    struct path path;

    return path_parse_address(address, allow, &path) == PATH_FINE;
}

/* Every address must be one that smtpd could have taken from a client. */
static bool addresses_fit(const struct envelope *e)
{
    unsigned allow = (e->flags & ENVELOPE_SMTPUTF8) != 0 ? PATH_ALLOW_UTF8 : 0;
    struct unpack u = unpack_over(e->rcpts);
    struct envelope_rcpt r;

    if (e->sender.n != 0 && !fit(e->sender, allow))
        return false;
    while (envelope_next_rcpt(&u, &r))
        if (!fit(r.address, allow) || !fit(r.canonical, allow))
            return false;
    return true;
}

static enum err add(struct route_list *l, const struct envelope_rcpt *r, span address,
                    span canonical)
{
    struct envelope_rcpt to = *r;

    to.address = address;
    to.canonical = canonical;
    return route_list_add(l, &to, r->address);
}

/* In its canonical form, with the domain in A-labels; it lies in q->names. Empty: no room. */
static span put_canonical(struct queue *q, const struct path *path)
{
    size_t start = q->names.n;

    config_idn_put_path(&q->names, path);
    return q->names.overflow ? SPAN_NONE : span_of(q->names.p + start, q->names.n - start);
}

/* An address from the configuration, in its canonical form; empty when it is none. */
static span canonical_of(struct queue *q, span address)
{
    struct path path;

    if (path_parse_address(address, PATH_ALLOW_UTF8, &path) != PATH_FINE)
        return SPAN_NONE;
    return put_canonical(q, &path);
}

static enum err add_targets(struct queue *q, struct route_list *l, const struct envelope_rcpt *r,
                            const span *targets, size_t n)
{
    enum err e = ERR_OK;

    for (size_t i = 0; i < n && e == ERR_OK; i++) {
        span canonical = canonical_of(q, targets[i]);

        if (canonical.n == 0)
            log_text(LOG_CONFIG_WARNING, LOG_WARNING, SPAN("an alias gives what is no address"));
        else
            e = add(l, r, canonical, canonical);
    }
    return e;
}

/*
 * An alias of several addresses (RFC 3461 5.2.7.1): that it was expanded is the success that the
 * sender hears of; the addresses themselves are then reported on only when they fail or wait.
 */
static enum err add_expansion(struct queue *q, struct route_list *l, const struct envelope_rcpt *r,
                              const span *targets, size_t n)
{
    struct envelope_rcpt to = *r;
    enum err e;

    to.notify &= ~(unsigned)ENVELOPE_NOTIFY_SUCCESS;
    if (to.notify == 0)
        to.notify = ENVELOPE_NOTIFY_NEVER; /* none at all would mean the usual */
    e = add_targets(q, l, &to, targets, n);
    return e == ERR_OK ? route_list_add_expanded(l, r) : e;
}

static enum err expand_alias(struct queue *q, struct route_list *l, const struct envelope_rcpt *r,
                             span local, span domain)
{
    static span targets[CONFIG_ALIAS_TARGETS_MAX];
    size_t n =
        config_alias_expand(q->config, local, domain, targets, CONFIG_ALIAS_TARGETS_MAX, &q->names);

    if (n == 0)
        return ERR_LIMIT;
    if (n > 1 && (r->notify & ENVELOPE_NOTIFY_SUCCESS) != 0)
        return add_expansion(q, l, r, targets, n);
    return add_targets(q, l, r, targets, n);
}

static enum err expand_one(struct queue *q, struct route_list *l, const struct envelope_rcpt *r)
{
    char memory[PATH_LOCAL_MAX_BYTES * 2];
    struct buf local = BUF_OVER(memory);
    struct path path;

    if (path_parse_address(r->canonical, PATH_ALLOW_UTF8, &path) != PATH_FINE)
        return ERR_SYNTAX;
    path_put_local(&local, &path);
    switch (config_recipient_find(q->config, buf_span(&local), path.domain)) {
    case CONFIG_RECIPIENT_ALIAS:
        return expand_alias(q, l, r, buf_span(&local), path.domain);
    case CONFIG_RECIPIENT_CATCHALL:
        return add_targets(q, l, r, &q->config->catchall, 1);
    case CONFIG_RECIPIENT_MAILBOX:
    case CONFIG_RECIPIENT_UNKNOWN:
    case CONFIG_RECIPIENT_RELAY:
    case CONFIG_RECIPIENT_REMOTE:
        break;
    }
    if (idn_is_needed(path.domain)) {
        span canonical = put_canonical(q, &path);

        return canonical.n != 0 ? add(l, r, r->address, canonical) : ERR_LIMIT;
    }
    return add(l, r, r->address, r->canonical);
}

static enum err expand(struct queue *q, const struct envelope *e, struct route_list *l)
{
    struct unpack u = unpack_over(e->rcpts);
    struct envelope_rcpt r;
    enum err err = ERR_OK;

    buf_reset(&q->names);
    while (err == ERR_OK && envelope_next_rcpt(&u, &r))
        err = expand_one(q, l, &r);
    return err;
}

/* ---- the record ---- */

static enum record_state state_of(struct queue *q, const struct route_entry *entry)
{
    if (entry->expanded)
        return RECORD_EXPANDED;
    return queue_route(q->config, entry->rcpt.canonical).kind == ROUTE_HOLD ? RECORD_HELD
                                                                            : RECORD_WAITING;
}

static void put_rcpts(struct queue *q, const struct route_list *l, int64_t now_q, bool *out_waits)
{
    *out_waits = false;
    buf_reset(&q->block);
    for (size_t i = 0; i < l->n; i++) {
        const struct route_entry *entry = &l->entries[i];
        enum record_state state = state_of(q, entry);

        *out_waits |= state != RECORD_HELD;
        record_put_rcpt(&q->block, &(struct record_rcpt){.address = entry->rcpt.address,
                                                         .canonical = entry->rcpt.canonical,
                                                         .original = entry->original,
                                                         .orcpt = entry->rcpt.orcpt,
                                                         .notify = entry->rcpt.notify,
                                                         .state = state,
                                                         .next_q = now_q,
                                                         .dest = state == RECORD_HELD ? SPAN("hold")
                                                                                      : SPAN_NONE});
    }
}

/* In q->scratch; empty when it is longer than a record may be. */
static span make_record(struct queue *q, uint64_t id, span envelope, const struct route_list *l,
                        span body, const struct store_spool *sp)
{
    int64_t now_q = store_now_q(q->store);
    bool waits;
    struct record r = {
        .id = id,
        .accepted_q = now_q,
        .expires_q = now_q + q->schedule.lifetime_ms,
        .size = sp != NULL ? sp->size : body.n,
        .body_crc = sp != NULL ? sp->crc : hash_crc32c(0, body),
        .flags = sp != NULL ? RECORD_BODY_FILE : 0,
        .envelope = envelope,
        .rcpt_count = (uint32_t)l->n,
    };

    put_rcpts(q, l, now_q, &waits);
    r.due_q = waits ? now_q : RECORD_NEVER;
    r.rcpts = buf_span(&q->block);
    buf_reset(&q->scratch);
    record_put(&q->scratch, &r);
    return q->block.overflow || q->scratch.overflow ? SPAN_NONE : buf_span(&q->scratch);
}

static enum put_status status_of(enum err e, const char **out_why)
{
    *out_why = err_text(e);
    return e == ERR_NOSPACE ? PUT_FULL : PUT_FAILED;
}

/* A worker whose queue process died sends again what was not answered, stored or not. */
static bool is_stored(struct queue *q, uint64_t id, span record)
{
    struct record now, then;
    span stored;

    return store_get(q->store, id, &stored) == ERR_OK && record_get(stored, &then) == ERR_OK &&
           record_get(record, &now) == ERR_OK && span_eq(now.envelope, then.envelope) &&
           now.size == then.size && now.body_crc == then.body_crc;
}

static enum put_status store_it(struct queue *q, uint64_t id, span record, span body,
                                struct store_spool *sp, const char **out_why)
{
    enum err e;

    if (!queue_batch(q)) {
        *out_why = "the store cannot be written";
        return PUT_FAILED;
    }
    e = store_put(q->store, record, body, sp);
    if (e == ERR_EXISTS) {
        *out_why = "another message of that id is in the queue already";
        return is_stored(q, id, record) ? PUT_OK : PUT_FAILED;
    }
    if (e != ERR_OK)
        return status_of(e, out_why);
    if (!queue_add_fresh(q, id))
        q->behind = true;
    return PUT_OK;
}

enum put_status queue_accept(struct queue *q, span envelope, span body, struct store_spool *sp,
                             const char **out_why)
{
    struct route_list l = {q->entries, 0, RECORD_RCPTS_MAX};
    struct envelope e;
    enum err err = envelope_get(envelope, &e);
    span record;

    *out_why = err_text(err);
    if (err != ERR_OK)
        return PUT_REFUSED;
    *out_why = "an address of the envelope is malformed";
    if (!addresses_fit(&e) || (sp != NULL && sp->id != e.id))
        return PUT_REFUSED;
    err = expand(q, &e, &l);
    *out_why = "aliases give too many recipients";
    if (err != ERR_OK || l.n == 0)
        return PUT_REFUSED;
    record = make_record(q, e.id, envelope, &l, body, sp);
    *out_why = "the envelope is too large";
    if (record.n == 0)
        return PUT_REFUSED;
    return store_it(q, e.id, record, body, sp, out_why);
}

/* ---- messages of our own ---- */

static enum err spool_own(struct queue *q, uint64_t id, span body, struct store_spool *out_sp)
{
    enum err e = store_spool_begin(q->store, id, out_sp);

    return e == ERR_OK ? store_spool_write(out_sp, body) : e;
}

/* An id that no message has: the same one again when it is made for the same reason. */
static bool find_id(struct queue *q, struct envelope *e)
{
    span ignored;

    for (unsigned i = 0; i < IDS_TRIED; i++, e->id++)
        if (store_get(q->store, e->id, &ignored) == ERR_ABSENT)
            return true;
    return false;
}

enum err queue_put_own(struct queue *q, struct envelope *e, span body)
{
    char memory[2048];
    struct buf packed = BUF_OVER(memory);
    struct route_list l = {q->entries, 0, RECORD_RCPTS_MAX};
    struct store_spool sp = {.fd = -1};
    bool in_file = body.n > QUEUE_INLINE_BYTES;
    enum err err;
    span record;

    if (!find_id(q, e))
        return ERR_LIMIT;
    envelope_put(&packed, e);
    if (packed.overflow || expand(q, e, &l) != ERR_OK || l.n == 0)
        return ERR_OK;
    err = in_file ? spool_own(q, e->id, body, &sp) : ERR_OK;
    if (err == ERR_OK) {
        record = make_record(q, e->id, buf_span(&packed), &l, body, in_file ? &sp : NULL);
        err = store_put(q->store, record, body, in_file ? &sp : NULL);
    }
    store_spool_abort(&sp);
    if (err == ERR_OK && !queue_add_fresh(q, e->id))
        q->behind = true;
    return err;
}
