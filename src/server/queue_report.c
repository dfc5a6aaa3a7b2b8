/* SPDX-License-Identifier: ISC */
/*
 * Reports to senders (RFC 3464), put into the queue in the same transaction as the state they are
 * about: there is never a failure without its report, nor a report without its failure. The
 * report's id is made of the message's and of whom it is about, so making it again gives the same
 * one.
 */
#include <stdlib.h>

#include "base/ascii.h"
#include "base/hash.h"
#include "base/num.h"
#include "config/idn.h"
#include "message/dsn.h"
#include "os/clock.h"
#include "os/file.h"
#include "os/log.h"
#include "server/queue.h"
#include "smtp/param.h"

#define COUNTER_BITS  22 /* below the time in an id */
#define EXPIRED_WORDS "It could not be delivered in the time that this server keeps trying."

/* "5.1.1" as numbers; `class` stands in when there is none of that class. */
static void status_of(span text, unsigned class, unsigned out[3])
{
    uint64_t number[3] = {0, 0, 0};
    size_t n = 0;

    while (n < 3 && num_take_u64(&text, 999, &number[n])) {
        n++;
        if (text.n != 0 && text.p[0] == '.')
            text = span_skip(text, 1);
    }
    out[0] = class;
    out[1] = n == 3 && number[0] == class ? (unsigned)number[1] : 0;
    out[2] = n == 3 && number[0] == class ? (unsigned)number[2] : 0;
}

/* Which report each belongs to, and what it says of the recipient. */
static const struct {
    enum dsn_kind kind;
    enum dsn_action action;
    unsigned class; /* of the status */
} rows[] = {
    [QUEUE_REPORT_NOTHING] = {0},
    [QUEUE_REPORT_FAILED] = {DSN_FAILED, DSN_ACTION_FAILED, 5},
    [QUEUE_REPORT_DELAYED] = {DSN_DELAYED, DSN_ACTION_DELAYED, 4},
    [QUEUE_REPORT_DELIVERED] = {DSN_SUCCEEDED, DSN_ACTION_DELIVERED, 2},
    [QUEUE_REPORT_RELAYED] = {DSN_SUCCEEDED, DSN_ACTION_RELAYED, 2},
    [QUEUE_REPORT_EXPANDED] = {DSN_SUCCEEDED, DSN_ACTION_EXPANDED, 2},
};

static const char *const kind_words[] = {
    [DSN_FAILED] = "failed", [DSN_DELAYED] = "delayed", [DSN_SUCCEEDED] = "succeeded"};

static bool is_about(const struct queue_rcpt *rcpt, enum dsn_kind kind)
{
    return rcpt->report != QUEUE_REPORT_NOTHING && rows[rcpt->report].kind == kind;
}

/* The reply with its code in front, as the remote server said it. */
static span reply_of(const struct record_rcpt *r, struct buf *texts)
{
    size_t start = texts->n;

    if (r->mta.n == 0)
        return SPAN_NONE;
    if (r->code != 0)
        buf_printf(texts, "%u ", (unsigned)r->code);
    buf_put(texts, r->reply);
    return texts->overflow ? SPAN_NONE : span_of(texts->p + start, texts->n - start);
}

/* ORCPT as it was meant (RFC 3461 4). */
static span decoded(span xtext, struct buf *texts)
{
    size_t start = texts->n;

    smtp_xtext_put_decoded(texts, xtext);
    return texts->overflow ? SPAN_NONE : span_of(texts->p + start, texts->n - start);
}

static struct dsn_recipient entry_of(const struct queue_rcpt *rcpt, struct buf *texts)
{
    const struct record_rcpt *r = &rcpt->r;
    struct dsn_recipient to = {.address = r->address,
                               .original = decoded(r->orcpt, texts),
                               .action = rows[rcpt->report].action,
                               .remote = r->mta,
                               .reply = reply_of(r, texts)};

    status_of(r->status, rows[rcpt->report].class, to.status);
    if (r->state == RECORD_EXPIRED) {
        status_of(SPAN("5.4.7"), 5, to.status); /* RFC 3463: delivery time expired */
        to.words = SPAN(EXPIRED_WORDS);
    } else if (r->mta.n == 0 && rows[rcpt->report].kind != DSN_SUCCEEDED) {
        to.words = r->reply; /* our own words */
    }
    return to;
}

static size_t gather(const struct queue_msg *m, enum dsn_kind kind, struct dsn_recipient *out,
                     struct buf *texts)
{
    size_t n = 0;

    for (uint32_t i = 0; i < m->head.rcpt_count; i++)
        if (is_about(&m->rcpts[i], kind))
            out[n++] = entry_of(&m->rcpts[i], texts);
    return n;
}

static uint64_t id_of(const struct queue_msg *m, enum dsn_kind kind)
{
    uint64_t time = m->head.id >> COUNTER_BITS;
    uint32_t sum = hash_crc32c((uint32_t)kind + 1, span_of(&m->head.id, sizeof(m->head.id)));

    for (uint32_t i = 0; i < m->head.rcpt_count; i++)
        if (is_about(&m->rcpts[i], kind))
            sum = hash_crc32c(sum, span_of(&i, sizeof(i)));
    return time << COUNTER_BITS | (sum & ((1u << COUNTER_BITS) - 1));
}

/*
 * The message as far as the report needs it: all of a failed one whose sender wants that (RFC
 * 3461 4.3), else its beginning, for the header. What cannot be read is left out.
 *
 * memory  of DSN_FULL_MAX_BYTES
 */
static span original_of(struct queue *q, const struct queue_msg *m, char *memory)
{
    uint64_t n = m->head.size < DSN_FULL_MAX_BYTES ? m->head.size : DSN_FULL_MAX_BYTES;
    span body = SPAN_NONE;
    int fd = -1;

    if ((m->head.flags & RECORD_BODY_FILE) == 0)
        return store_body(q->store, m->head.id, &body) == ERR_OK ? body : SPAN_NONE;
    if (store_body_open(q->store, m->head.id, &fd) == ERR_OK &&
        file_read_at(fd, memory, (size_t)n, 0) == ERR_OK)
        body = span_of(memory, (size_t)n);
    file_close(&fd);
    return body;
}

/* What must not travel in the clear does not go back whole (RFC 8689 5). */
static bool gives_all_back(const struct queue_msg *m, enum dsn_kind kind, span original)
{
    unsigned asked = m->envelope.flags & ((unsigned)ENVELOPE_RET_FULL | ENVELOPE_REQUIRETLS);

    return kind == DSN_FAILED && asked == ENVELOPE_RET_FULL && original.n == m->head.size &&
           dsn_can_return(original);
}

static unsigned flags_of(const struct dsn *dsn)
{
    unsigned needs = dsn_needs(dsn);

    return ((needs & DSN_NEEDS_8BIT) != 0 ? (unsigned)ENVELOPE_8BIT : 0u) |
           ((needs & DSN_NEEDS_SMTPUTF8) != 0 ? (unsigned)ENVELOPE_SMTPUTF8 : 0u);
}

static enum err put_report(struct queue *q, const struct queue_msg *m, const struct dsn *dsn)
{
    char rcpt[2 * ENVELOPE_ADDR_BYTES];
    struct buf block = BUF_OVER(rcpt);
    size_t cap = dsn_size_max(dsn);
    struct buf body = buf_over(malloc(cap), cap);
    struct envelope e = {.id = dsn->id,
                         .received_ms = dsn->now_ms,
                         .flags = ENVELOPE_DSN | flags_of(dsn) |
                                  (m->envelope.flags & ENVELOPE_REQUIRETLS),
                         .session = m->envelope.session,
                         .rcpt_count = 1};
    struct log_line l;
    enum err err;

    if (body.p == NULL)
        return ERR_NOMEM;
    envelope_put_rcpt(
        &block, &(struct envelope_rcpt){.address = dsn->sender, .notify = ENVELOPE_NOTIFY_NEVER});
    e.rcpts = buf_span(&block);
    dsn_put(&body, dsn);
    BUG_IF(body.overflow || block.overflow, "a report does not fit");
    err = queue_put_own(q, &e, buf_span(&body));
    free(body.p);
    if (err != ERR_OK)
        return err;
    l = log_begin(LOG_DSN_SENT, LOG_INFO);
    log_id(&l, KEY_MESSAGE, e.id);
    log_str(&l, KEY_RECIPIENT, dsn->sender);
    log_num(&l, KEY_COUNT, (int64_t)dsn->n_recipients);
    log_cstr(&l, KEY_TYPE, kind_words[dsn->kind]);
    log_end(&l);
    return ERR_OK;
}

/* With its domain in A-labels, where that makes it ASCII: then any server can take the report. */
static span plainest(span sender, struct buf *b)
{
    struct path path;

    if (path_parse_address(sender, PATH_ALLOW_UTF8, &path) != PATH_FINE)
        return sender;
    config_idn_put_path(b, &path);
    return b->overflow || ascii_has_high(buf_span(b)) ? sender : buf_span(b);
}

static enum err report_of(struct queue *q, const struct queue_msg *m, enum dsn_kind kind)
{
    size_t max = m->head.rcpt_count;
    struct dsn_recipient *rcpts = calloc(max + 1, sizeof(*rcpts));
    size_t room = (max + 1) * (JOB_REPLY_BYTES + 8 + ENVELOPE_ORCPT_BYTES);
    struct buf texts = buf_over(malloc(room), room);
    char *memory = malloc(DSN_FULL_MAX_BYTES);
    char envid[ENVELOPE_ENVID_BYTES], address[CONFIG_ADDRESS_BYTES];
    struct buf id = BUF_OVER(envid), sender = BUF_OVER(address);
    int64_t left = m->head.expires_q - store_now_q(q->store);
    struct dsn dsn = {
        .kind = kind,
        .id = id_of(m, kind),
        .about_id = m->head.id,
        .host = q->config->hostname,
        .sender = plainest(m->envelope.sender, &sender),
        .arrived_ms = m->envelope.received_ms,
        .now_ms = clock_wall_ms(),
        .retry_until_ms = kind == DSN_DELAYED ? clock_wall_ms() + left : 0,
        .recipients = rcpts,
    };
    enum err e = rcpts != NULL && texts.p != NULL && memory != NULL ? ERR_OK : ERR_NOMEM;

    smtp_xtext_put_decoded(&id, m->envelope.envid);
    dsn.envelope_id = buf_span(&id);
    if (e == ERR_OK) {
        dsn.n_recipients = gather(m, kind, rcpts, &texts);
        dsn.original = original_of(q, m, memory);
        dsn.whole = gives_all_back(m, kind, dsn.original);
    }
    if (e == ERR_OK && dsn.n_recipients != 0)
        e = put_report(q, m, &dsn);
    free(rcpts);
    free(texts.p);
    free(memory);
    return e;
}

enum err queue_put_reports(struct queue *q, struct queue_msg *m)
{
    bool due[COUNT(kind_words)] = {false};
    enum err e = ERR_OK;

    if (m->tell_delay)
        queue_warn(m);
    for (uint32_t i = 0; i < m->head.rcpt_count; i++)
        if (m->rcpts[i].report != QUEUE_REPORT_NOTHING)
            due[rows[m->rcpts[i].report].kind] = true;
    for (size_t kind = 0; e == ERR_OK && kind < COUNT(due); kind++)
        if (due[kind])
            e = report_of(q, m, (enum dsn_kind)kind);
    return e;
}
