/* SPDX-License-Identifier: ISC */
#include "server/transaction.h"

#include <stdlib.h>

#include "base/ascii.h"
#include "config/find.h"
#include "config/idn.h"
#include "message/header.h"
#include "os/heap.h"
#include "smtp/meter.h"

/* A piece of a long body is passed on when this much has come together. */
#define PIECE_BYTES (32u << 10)
/* Fields of ours that count for no limit: Authentication-Results, Received, Message-ID, Date. */
#define OWN_FIELDS 4

struct transaction {
    struct put_client *queue;
    const struct config *config;
    struct transaction_start start; /* its spans point into text */
    struct heap_buf rcpts;          /* packed by envelope_put_rcpt */
    struct heap_buf body;
    struct heap_buf envelope; /* packed as a string, from the handing over on */
    struct put put;
    transaction_fn *fn;
    void *arg;
    uint64_t size;
    size_t own_n; /* octets of our own fields on top */
    struct smtp_meter meter;
    uint32_t rcpt_count;
    bool judges_results;             /* one of them is Authentication-Results */
    bool passing;                    /* the body is long: it goes to the queue as it comes */
    bool answered;                   /* before it was whole */
    enum put_status early;           /* the answer then */
    struct smtp_reply reject;        /* code 0: nothing is wrong with the message */
    char first[ENVELOPE_ADDR_BYTES]; /* the first recipient, for the Received field; empty: not
                                        ASCII */
    size_t first_n;
    char text[]; /* sender, client, greeting and ENVID */
};

static span keep(char **at, span s)
{
    span kept = span_of(*at, s.n);

    if (s.n > 0)
        memcpy(*at, s.p, s.n);
    *at += s.n;
    return kept;
}

struct transaction *transaction_new(struct put_client *queue, const struct config *config,
                                    const struct transaction_start *start)
{
    size_t text =
        start->sender.n + start->client.n + start->greeting.n + start->envid.n + start->login.n;
    struct transaction *t = calloc(1, sizeof(*t) + text);
    char *at;

    if (t == NULL)
        return NULL;
    at = t->text;
    t->queue = queue;
    t->config = config;
    t->start = *start;
    t->start.sender = keep(&at, start->sender);
    t->start.client = keep(&at, start->client);
    t->start.greeting = keep(&at, start->greeting);
    t->start.envid = keep(&at, start->envid);
    t->start.login = keep(&at, start->login);
    heap_init(&t->rcpts, ENVELOPE_BYTES_MAX);
    heap_init(&t->body, config->limits.header_size + QUEUE_INLINE_BYTES + TRANSACTION_CHUNK_BYTES +
                            TRANSACTION_OWN_BYTES);
    return t;
}

void transaction_free(struct transaction *t)
{
    if (t == NULL)
        return;
    put_cancel(&t->put);
    heap_release(&t->rcpts);
    heap_release(&t->body);
    heap_release(&t->envelope);
    free(t);
}

uint64_t transaction_id(const struct transaction *t)
{
    return t->start.id;
}

span transaction_sender(const struct transaction *t)
{
    return t->start.sender;
}

bool transaction_is_utf8(const struct transaction *t)
{
    return (t->start.flags & ENVELOPE_SMTPUTF8) != 0;
}

uint32_t transaction_rcpts(const struct transaction *t)
{
    return t->rcpt_count;
}

uint64_t transaction_size(const struct transaction *t)
{
    return t->size;
}

/* NOTIFY has the same bits on both sides. */
_Static_assert((int)SMTP_NOTIFY_NEVER == (int)ENVELOPE_NOTIFY_NEVER &&
                   (int)SMTP_NOTIFY_SUCCESS == (int)ENVELOPE_NOTIFY_SUCCESS &&
                   (int)SMTP_NOTIFY_FAILURE == (int)ENVELOPE_NOTIFY_FAILURE &&
                   (int)SMTP_NOTIFY_DELAY == (int)ENVELOPE_NOTIFY_DELAY,
               "NOTIFY is handed on as it was read");

/* A field of ours must not be what keeps a message from servers without SMTPUTF8. */
static void keep_first(struct transaction *t, const struct path *path)
{
    struct buf b = BUF_OVER(t->first);

    config_idn_put_path(&b, path);
    t->first_n = b.overflow || ascii_has_high(buf_span(&b)) ? 0 : b.n;
}

bool transaction_rcpt(struct transaction *t, const struct path *path,
                      const struct smtp_rcpt_params *params)
{
    char memory[ENVELOPE_ADDR_BYTES];
    struct buf canonical = BUF_OVER(memory);
    struct envelope_rcpt rcpt = {
        .address = path->text, .orcpt = params->orcpt, .notify = params->notify};
    size_t need = path->text.n + params->orcpt.n + sizeof(memory) + 32;
    struct buf block;
    char *room;

    path_put(&canonical, path);
    if (canonical.overflow || t->rcpt_count >= ENVELOPE_RCPTS_MAX)
        return false;
    if (!span_eq(buf_span(&canonical), path->text))
        rcpt.canonical = buf_span(&canonical);
    room = heap_room(&t->rcpts, need);
    if (room == NULL)
        return false;
    block = buf_over(room, need);
    envelope_put_rcpt(&block, &rcpt);
    if (block.overflow)
        return false;
    heap_added(&t->rcpts, block.n);
    if (t->rcpt_count++ == 0)
        keep_first(t, path);
    return true;
}

bool transaction_data(struct transaction *t, struct received *received, span results)
{
    char memory[RECEIVED_MAX_BYTES];
    struct buf field = BUF_OVER(memory);

    received->greeting = t->start.greeting;
    received->id = t->start.id;
    received->wall_ms = t->start.received_ms;
    if (t->rcpt_count == 1)
        received->recipient = span_of(t->first, t->first_n);
    received_put(&field, received);
    t->own_n = results.n + field.n;
    t->judges_results = results.n != 0;
    t->size = t->own_n;
    return !field.overflow && heap_put(&t->body, results) && heap_put(&t->body, buf_span(&field));
}

/* ---- handing over ---- */

static void on_put(void *arg, const struct put_result *result)
{
    struct transaction *t = arg;

    if (t->fn != NULL) {
        t->fn(t->arg, result);
        return;
    }
    t->answered = true;
    t->early = result->status;
}

static void reject(struct transaction *t, unsigned code, span enhanced, span text)
{
    if (t->reject.code == 0)
        t->reject = smtp_reply_of(code, enhanced, text);
}

/* A line that is no field ends a header (RFC 5322 2.1), but many readers go on behind it. */
static bool pass_over_line(struct header_walk *w)
{
    if (w->end != HEADER_NO_FIELD)
        return false;
    w->at = min_size(w->at + span_find(span_skip(w->text, w->at), '\n') + 1, w->text.n);
    w->end = HEADER_MORE;
    return true;
}

/* RFC 8601 5: what claims to be our own judgement came from outside. */
static void drop_forged_results(struct transaction *t)
{
    const struct config_limits *limits = &t->config->limits;
    span text = span_skip(heap_span(&t->body), t->own_n);
    char *to = t->body.p + t->body.from + t->own_n;
    struct header_walk w =
        header_walk_over(text, limits->header_size, limits->header_fields + OWN_FIELDS);
    struct header_field f;
    size_t kept = 0, done = 0; /* octets of the text: that stay, and that were looked at for it */

    do {
        while (header_next(&w, &f)) {
            size_t at = w.at - f.whole.n;

            if (!authres_claims(f.name, f.value, t->config->hostname))
                continue;
            memmove(to + kept, text.p + done, at - done);
            kept += at - done;
            done = w.at;
        }
    } while (pass_over_line(&w));
    if (done == kept)
        return;
    memmove(to + kept, text.p + done, text.n - done);
    t->body.n -= done - kept;
    t->size -= done - kept;
}

/* Add what the message of a submission lacks, between our own fields and its own. */
static void complete(struct transaction *t, const struct submission *s)
{
    char memory[SUBMISSION_MAX_BYTES];
    struct buf fields = BUF_OVER(memory);
    char *at;

    submission_put_missing(&fields, s, &t->start, t->config->hostname);
    if (fields.n == 0 || fields.overflow || heap_room(&t->body, fields.n) == NULL)
        return;
    at = t->body.p + t->body.from + t->own_n;
    memmove(at + fields.n, at, t->body.n - t->own_n);
    memcpy(at, fields.p, fields.n);
    heap_added(&t->body, fields.n);
    t->own_n += fields.n;
    t->size += fields.n;
}

/* RFC 6409: what comes to a submission port is a new message, and its author is the one who sends.
 */
static void judge_submission(struct transaction *t)
{
    const struct config_limits *limits = &t->config->limits;
    span text = span_skip(heap_span(&t->body), t->own_n);
    struct submission s;

    submission_judge(&s, t->config, t->start.login,
                     header_walk_over(text, limits->header_size, limits->header_fields));
    if (s.reply.code != 0)
        reject(t, s.reply.code, s.reply.enhanced, s.reply.text);
    else if (s.whole)
        complete(t, &s);
}

/* RFC 9228: whoever it is for has had it before, every one of them; only then is a refusal right.
 */
static bool was_delivered(const struct transaction *t, span header)
{
    struct unpack u = unpack_over(heap_span(&t->rcpts));
    struct envelope_rcpt rcpt;

    while (envelope_next_rcpt(&u, &rcpt)) {
        span domain = span_skip(rcpt.canonical, span_rfind(rcpt.canonical, '@') + 1);

        if (!config_is_local_domain(t->config, domain) ||
            !header_was_delivered_to(header, rcpt.canonical))
            return false;
    }
    return true;
}

static struct header_summary summarize(const struct transaction *t)
{
    const struct config_limits *limits = &t->config->limits;

    return header_summarize(heap_span(&t->body), limits->header_size + t->own_n,
                            limits->header_fields + OWN_FIELDS);
}

/* Look at the header, once it is whole or longer than it may be. */
static void judge_header(struct transaction *t)
{
    const struct config_limits *limits = &t->config->limits;
    struct header_summary h;

    if (t->start.submission)
        judge_submission(t);
    h = summarize(t);
    if (t->judges_results && h.n_results > 1) { /* not ours alone */
        drop_forged_results(t);
        h = summarize(t);
    }
    if (h.n_received > limits->received_hops)
        reject(t, 554, SPAN("5.4.6"),
               SPAN("The message has passed too many servers: it goes round in a loop"));
    if (was_delivered(t, span_head(heap_span(&t->body), h.bytes)))
        reject(
            t, 554, SPAN("5.4.6"),
            SPAN("The message has been delivered to that mailbox before: it goes round in a loop"));
    if (h.end == HEADER_LIMIT)
        reject(t, 552, SPAN("5.3.4"), SPAN("The header of the message is too large"));
}

/*
 * The envelope as a string (length in front), into h.
 *
 * returns false when there is no memory
 */
static bool pack_envelope(const struct transaction *t, struct heap_buf *h)
{
    struct envelope e = {
        .id = t->start.id,
        .received_ms = t->start.received_ms,
        .flags = t->start.flags,
        .session = t->start.session,
        .sender = t->start.sender,
        .client = t->start.client,
        .greeting = t->start.greeting,
        .envid = t->start.envid,
        .auth = span_head(t->start.login, ENVELOPE_AUTH_BYTES),
        .rcpt_count = t->rcpt_count,
        .rcpts = heap_span(&t->rcpts),
    };
    size_t need = envelope_size(&e) + sizeof(uint32_t);
    struct buf b;
    char *room;

    heap_init(h, need);
    room = heap_room(h, need);
    if (room == NULL)
        return false;
    b = buf_over(room + sizeof(uint32_t), need - sizeof(uint32_t));
    envelope_put(&b, &e);
    if (b.overflow)
        return false;
    need = b.n;
    b = buf_over(room, sizeof(uint32_t));
    pack_u32(&b, (uint32_t)need);
    heap_added(h, need + sizeof(uint32_t));
    return true;
}

static bool hand_over(struct transaction *t, bool whole)
{
    bool done = pack_envelope(t, &t->envelope);
    span packed = heap_span(&t->envelope);

    put_init(&t->put, on_put, t);
    if (done && whole)
        put_whole(t->queue, &t->put, packed, heap_span(&t->body));
    else if (done)
        done = put_open(t->queue, &t->put, span_skip(packed, sizeof(uint32_t)));
    if (!done)
        reject(t, 451, SPAN("4.3.0"), SPAN("The queue cannot take the message now; try again"));
    return done;
}

static void pass_on(struct transaction *t)
{
    if (t->reject.code == 0 && !t->answered)
        put_chunk(&t->put, heap_span(&t->body));
    heap_reset(&t->body);
}

/* A long body is passed on as it comes, but only behind a header that was judged. */
static void begin_passing(struct transaction *t)
{
    judge_header(t);
    t->passing = t->reject.code == 0 && hand_over(t, false);
}

void transaction_chunk(struct transaction *t, span octets)
{
    static const struct smtp_meter_limits none = {0};

    t->size += octets.n;
    if (t->reject.code != 0 || t->answered)
        return;
    if (!heap_put(&t->body, octets)) {
        reject(t, 451, SPAN("4.3.0"), SPAN("No memory for the message now; try again"));
        return;
    }
    (void)smtp_meter_put(&t->meter, &none, octets);
    if (!t->passing && t->body.n > QUEUE_INLINE_BYTES &&
        smtp_meter_has_header(&t->meter, t->config->limits.header_size))
        begin_passing(t);
    if (t->passing && t->body.n >= PIECE_BYTES)
        pass_on(t);
}

enum transaction_end transaction_end(struct transaction *t, transaction_fn *fn, void *arg,
                                     struct smtp_reply *out_reply)
{
    if (!t->passing && t->body.n > QUEUE_INLINE_BYTES)
        begin_passing(t);
    else if (!t->passing)
        judge_header(t);
    /* What is refused is not ended but taken back, with the transaction. */
    if (t->passing && t->reject.code == 0) {
        pass_on(t);
        put_close(&t->put);
    } else if (t->reject.code == 0) {
        (void)hand_over(t, true);
    }
    /* An answer that came before the end is a refusal, whatever it says. */
    if (t->answered && t->reject.code == 0)
        t->reject = transaction_reply(t->early == PUT_OK ? PUT_FAILED : t->early);
    t->fn = fn;
    t->arg = arg;
    *out_reply = t->reject;
    return t->reject.code == 0 ? TRANSACTION_WAITS : TRANSACTION_REFUSED;
}

struct smtp_reply transaction_reply(enum put_status status)
{
    static const struct {
        unsigned code;
        span enhanced;
        span text;
    } replies[PUT_STATUS_COUNT] = {
        [PUT_OK] = {250, SPAN_INIT("2.0.0"), SPAN_INIT("Message accepted")},
        [PUT_FULL] = {452, SPAN_INIT("4.3.1"), SPAN_INIT("No space for the message; try later")},
        [PUT_FAILED] = {451, SPAN_INIT("4.3.0"),
                        SPAN_INIT("The message could not be stored; try again")},
        [PUT_REFUSED] = {554, SPAN_INIT("5.6.0"), SPAN_INIT("The message cannot be stored")},
    };

    BUG_IF((unsigned)status >= PUT_STATUS_COUNT, "a put status that is none");
    return smtp_reply_of(replies[status].code, replies[status].enhanced, replies[status].text);
}
