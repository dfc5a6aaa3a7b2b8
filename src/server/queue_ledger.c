/* SPDX-License-Identifier: ISC */
#include "server/queue_ledger.h"

#include <fcntl.h>

#include "os/clock.h"
#include "os/heap.h"
#include "os/log.h"
#include "os/random.h"

#define PATH_BYTES 4096

int queue_ledger_prepare(struct queue *q)
{
    char path[PATH_BYTES];
    struct buf b = BUF_OVER(path);
    struct queue_ledger *l;
    int fd;

    if (q->config->ledger.enabled == CONFIG_LEDGER_NO)
        return -1;
    buf_printf(&b, "%.*s/" LEDGER_DIR, SPAN_ARG(q->config->data_dir));
    fd = buf_cstr(&b) != NULL ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (fd < 0) {
        log_text(LOG_LEDGER_FAILED, LOG_WARNING, SPAN("the directory cannot be opened"));
        return -1;
    }
    l = x_alloc(sizeof(*l));
    l->dir_fd = fd;
    q->ledger = l;
    return fd;
}

/* ---- the past ---- */

static void remember(struct queue_ledger *l, const struct ledger_record *r)
{
    struct unpack u = unpack_over(r->notes);
    struct greeting_seen seen = {
        .client = r->client, .time_s = r->time_ms / 1000, .times = r->count};
    struct ledger_note n;
    bool refused = ledger_note_find(r->notes, LEDGER_REF, &n);

    if (r->kind != LEDGER_SESSION ||
        (r->flags & (LEDGER_TRUSTED | LEDGER_SUBMISSION | LEDGER_LMTP)) != 0)
        return;
    seen.refused = refused ? r->count : 0;
    while (ledger_note_next(&u, &n)) {
        if (n.type != LEDGER_GREETING)
            continue;
        seen.name = n.text;
        greeting_past_add(l->past, &seen);
    }
}

static bool on_old(void *arg, const struct ledger_record *r)
{
    remember(arg, r);
    return true;
}

/* ---- commits ---- */

static void failed(struct queue_ledger *l, enum err e)
{
    struct log_line line;

    if (l->failed)
        return;
    l->failed = true;
    line = log_begin(LOG_LEDGER_FAILED, LOG_WARNING);
    log_cstr(&line, KEY_ERROR, err_text(e));
    log_end(&line);
}

static void commit(struct queue_ledger *l)
{
    bool any = ledger_pending(l->ledger) != 0;
    enum err e = ledger_commit(l->ledger, clock_wall_ms());

    if (e != ERR_OK)
        failed(l, e);
    else if (any)
        l->failed = false;
    loop_timer_set(&l->timer, QUEUE_LEDGER_TIDY_MS);
}

static void on_time(void *arg)
{
    commit(arg);
}

static void add(struct queue_ledger *l, span packed, const struct ledger_record *r)
{
    if (!ledger_add(l->ledger, packed, r)) {
        commit(l);
        if (!ledger_add(l->ledger, packed, r))
            failed(l, ERR_LIMIT);
    }
    if (ledger_pending(l->ledger) == packed.n + 4)
        loop_timer_set(&l->timer, QUEUE_LEDGER_COMMIT_MS);
}

/* ---- for the process ---- */

void queue_ledger_open(struct queue *q)
{
    const struct config_ledger *c = &q->config->ledger;
    struct ledger_conf conf = {c->size, (int64_t)c->age_ms};
    struct queue_ledger *l = q->ledger;
    struct diag d = {0};
    struct log_line line;

    if (l == NULL)
        return;
    loop_timer_init(&l->timer, q->loop, on_time, l);
    l->past = x_alloc(sizeof(*l->past));
    os_random(&l->past->key, sizeof(l->past->key));
    if (ledger_open(l->dir_fd, &conf, &l->ledger, &d) == ERR_OK) {
        (void)!ledger_read_newest(l->dir_fd, QUEUE_LEDGER_PAST, on_old, l);
        loop_timer_set(&l->timer, QUEUE_LEDGER_TIDY_MS);
        return;
    }
    line = log_begin(LOG_LEDGER_FAILED, LOG_WARNING);
    log_diag(&line, &d);
    log_end(&line);
    q->ledger = NULL;
}

void queue_ledger_take(struct queue *q, span records)
{
    struct unpack u = unpack_over(records);
    struct ledger_record r;

    while (q->ledger != NULL && u.rest.n != 0 && !u.failed) {
        span packed = unpack_span(&u, LEDGER_RECORD_BYTES);

        if (u.failed || !ledger_record_get(packed, &r) || r.kind == LEDGER_DELIVERY)
            continue;
        remember(q->ledger, &r);
        add(q->ledger, packed, &r);
    }
}

void queue_ledger_ask(struct queue *q, const struct past_question *question,
                      struct greeting_history *out)
{
    *out = (struct greeting_history){0};
    if (q->ledger != NULL)
        greeting_past_ask(q->ledger->past, question->client, question->name, clock_wall_ms() / 1000,
                          out);
}

static void note(struct buf *b, enum ledger_note_type type, unsigned number, span text)
{
    if (text.n != 0 || number != 0)
        ledger_note_put(b, &(struct ledger_note){.type = type, .number = number, .text = text});
}

void queue_ledger_outcome(struct queue *q, const struct queue_msg *m, const struct queue_rcpt *rcpt)
{
    const struct record_rcpt *to = &rcpt->r;
    char memory[LEDGER_RECORD_BYTES], packed[LEDGER_RECORD_BYTES];
    struct buf notes = BUF_OVER(memory), b = BUF_OVER(packed);
    struct ledger_record r = {
        .kind = LEDGER_DELIVERY,
        .id = m->head.id,
        .last_id = m->envelope.session,
        .count = 1,
        .time_ms = clock_wall_ms(),
    };

    if (q->ledger == NULL)
        return;
    ledger_note_put(&notes, &(struct ledger_note){.type = LEDGER_STATE, .detail = to->state});
    note(&notes, LEDGER_SENDER, 0, m->envelope.sender);
    note(&notes, LEDGER_RCPT, 0, to->address);
    note(&notes, LEDGER_DESTINATION, 0, to->dest);
    note(&notes, LEDGER_REMOTE, 0, to->mta);
    note(&notes, LEDGER_ATTEMPTS, to->attempts < UINT16_MAX ? to->attempts : UINT16_MAX, SPAN_NONE);
    note(&notes, LEDGER_REPLY, to->code, to->reply);
    r.notes = buf_span(&notes);
    ledger_record_put(&b, &r);
    /* What is taken is what a reader would take. */
    if (!b.overflow && ledger_record_get(buf_span(&b), &r))
        add(q->ledger, buf_span(&b), &r);
}

void queue_ledger_flush(struct queue *q)
{
    if (q->ledger != NULL)
        commit(q->ledger);
}
