/* SPDX-License-Identifier: ISC */
/*
 * Life of a connection:
 *
 *     OPENING -220, EHLO-> SERVING <-> IDLE -RELAY_IDLE_MS-> QUITTING -> gone
 *        |  refused, timed out: the next address; after the last the destination fails
 *     SERVING, lost: a job that met a dead connection goes to another one, once
 */
#include "server/relay.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/escape.h"
#include "os/log.h"

#define JOBS_IN_FLIGHT 2 /* the engine may begin a mail while the one before awaits its answer */
#define WHY_BYTES      JOB_REPLY_BYTES
#define QUIT_MS        5000

enum state { OPENING, SERVING, IDLE, QUITTING };

struct relay_conn {
    struct relay_conn *next, **at;
    struct relay *relay;
    struct relay_dest *dest;
    enum state state;
    struct conn conn;
    size_t target; /* index in dest->targets */
    struct relay_job *jobs[JOBS_IN_FLIGHT];
    size_t job_count;
    size_t done; /* mails that were carried */
    bool gone;   /* free it when the engine is left */
    struct heap_buf unsent;
    size_t mta_n;
    size_t why_n;
    unsigned why_code;
    char mta[JOB_MTA_BYTES]; /* "mx.example.net [192.0.2.1]" */
    char why[WHY_BYTES];     /* how the last address failed */
    struct smtp_client_conf conf;
    struct smtp_client smtp;
};

static void open_target(struct relay_conn *c);
static void run(struct relay_conn *c, span input);

static span mta_of(const struct relay_conn *c)
{
    return span_of(c->mta, c->mta_n);
}

/* ---- states ---- */

static void enter(struct relay_conn *c, enum state state)
{
    if (c->state == OPENING && state != OPENING)
        c->dest->opening--;
    c->state = state;
}

static void conn_free(struct relay_conn *c)
{
    struct relay_dest *d = c->dest;

    if (c->state == OPENING)
        d->opening--;
    conn_close(&c->conn);
    heap_release(&c->unsent);
    *c->at = c->next;
    if (c->next != NULL)
        c->next->at = c->at;
    d->conn_count--;
    c->relay->conns--;
    relay_check_drained(c->relay);
    free(c);
}

static void forget_job(struct relay_conn *c, const struct relay_job *j)
{
    for (size_t i = 0; i < c->job_count; i++) {
        if (c->jobs[i] != j)
            continue;
        c->job_count--;
        memmove(&c->jobs[i], &c->jobs[i + 1], (c->job_count - i) * sizeof(c->jobs[0]));
        return;
    }
}

/* ---- failing ---- */

static void note_why(struct relay_conn *c, const char *stage, const char *what, span reply)
{
    struct buf b = BUF_OVER(c->why);

    buf_printf(&b, "%s: %s", stage, what);
    escape_text(&b, reply, WHY_BYTES / 2);
    c->why_n = b.n;
}

/* The address is of no use: the next one, or the end of this connection. */
static void next_target(struct relay_conn *c)
{
    struct relay_dest *d = c->dest;
    struct relay_verdict v = {.verdict = JOB_DEFERRED, .status = SPAN("4.4.1")};
    char why[WHY_BYTES];
    char mta[JOB_MTA_BYTES];

    conn_close(&c->conn);
    heap_reset(&c->unsent);
    if (++c->target < d->target_count) {
        open_target(c);
        return;
    }
    /* Others are connected: the host only wants no more of us. */
    if (d->proven && d->conn_count > 1) {
        d->ceiling = d->conn_count - 1;
        c->gone = true;
        return;
    }
    memcpy(why, c->why, c->why_n);
    memcpy(mta, c->mta, c->mta_n);
    v.reply = span_of(why, c->why_n);
    v.mta = span_of(mta, c->mta_n);
    v.code = c->why_code;
    c->gone = true;
    d->planned_ms = d->planned_ms == INT64_MAX ? INT64_MAX : INT64_MIN;
    relay_dest_fail(d, &v, JOB_UNREACHABLE);
}

/* A mail met a connection that the server had closed before it came. */
static bool is_stale(const struct relay_conn *c, const struct smtp_client_event *ev,
                     const struct relay_job *j)
{
    return c->done > 0 && !j->retried && j->settled == 0 && !ev->maybe_delivered &&
           ev->stage == SMTP_STAGE_MAIL;
}

static void fail_job(struct relay_conn *c, const struct smtp_client_event *ev, struct relay_job *j)
{
    char memory[WHY_BYTES];
    struct buf why = BUF_OVER(memory);
    struct relay_verdict v = {
        .verdict = JOB_DEFERRED, .code = ev->reply.code, .status = SPAN("4.4.2"), .mta = mta_of(c)};

    if (ev->reply.code != 0) {
        v.reply = ev->reply.text;
        v.status = ev->reply.enhanced;
    } else {
        buf_printf(&why, "%s at %s%s", smtp_client_end_text(ev->end), smtp_stage_text(ev->stage),
                   ev->maybe_delivered ? "; the message may arrive twice" : "");
        v.reply = buf_span(&why);
    }
    relay_job_settle(j, SMTP_ALL_RCPTS, &v);
    relay_job_finish(j, 0);
}

/* ---- events of the engine; false: leave it, the connection waits or is gone ---- */

/* The job goes to this connection; false when it cannot be sent by SMTP at all. */
static bool begin_job(struct relay_conn *c, struct relay_job *j)
{
    static const struct relay_verdict bad = {
        .verdict = JOB_FAILED,
        .status = SPAN_INIT("5.1.3"),
        .reply = SPAN_INIT("an address of the envelope cannot be said in SMTP")};

    j->at = 0;
    if (smtp_client_mail(&c->smtp, &j->mail) != ERR_OK) {
        relay_job_settle(j, SMTP_ALL_RCPTS, &bad);
        relay_job_finish(j, 0);
        return false;
    }
    c->jobs[c->job_count++] = j;
    return true;
}

static bool on_ready(struct relay_conn *c, const struct smtp_client_event *ev)
{
    struct relay_job *j;

    (void)ev;
    enter(c, SERVING);
    c->dest->proven = true;
    if (c->job_count == JOBS_IN_FLIGHT)
        return false;
    if (c->done + c->job_count < RELAY_MAILS_MAX) {
        while ((j = relay_dest_take(c->dest)) != NULL) {
            if (begin_job(c, j))
                return true;
        }
    }
    if (c->job_count > 0)
        return false;
    if (c->done >= RELAY_MAILS_MAX || c->relay->draining) {
        enter(c, QUITTING);
        smtp_client_quit(&c->smtp);
        return true;
    }
    enter(c, IDLE);
    return false;
}

static bool on_refused(struct relay_conn *c, const struct smtp_client_event *ev)
{
    char what[32];
    struct buf b = BUF_OVER(what);

    buf_printf(&b, "refused with %u ", ev->reply.code);
    (void)buf_cstr(&b);
    note_why(c, smtp_stage_text(ev->stage), what, ev->reply.text);
    c->why_code = ev->reply.code;
    return true;
}

static struct relay_verdict verdict_of(const struct relay_conn *c,
                                       const struct smtp_client_event *ev)
{
    return (struct relay_verdict){
        .verdict = relay_verdict_of(ev->reply.code),
        .code = ev->reply.code,
        .status = ev->reply.enhanced,
        .mta = ev->reply.local ? SPAN_NONE : mta_of(c),
        .reply = ev->reply.text,
    };
}

static bool on_mail_result(struct relay_conn *c, const struct smtp_client_event *ev)
{
    struct relay_verdict v = verdict_of(c, ev);

    if (v.verdict != JOB_DELIVERED)
        relay_job_settle(ev->mail->owner, SMTP_ALL_RCPTS, &v);
    return true;
}

static bool on_rcpt_result(struct relay_conn *c, const struct smtp_client_event *ev)
{
    struct relay_verdict v = verdict_of(c, ev);

    if (v.verdict != JOB_DELIVERED)
        relay_job_settle(ev->mail->owner, ev->rcpt, &v);
    return true;
}

static bool on_data_result(struct relay_conn *c, const struct smtp_client_event *ev)
{
    struct relay_verdict v = verdict_of(c, ev);

    /* A 354 is no success: DATA itself answered 2yz is as wrong as anything. */
    if (ev->stage == SMTP_STAGE_DATA && v.verdict == JOB_DELIVERED)
        v.verdict = JOB_DEFERRED;
    if (ev->rcpt == SMTP_ALL_RCPTS)
        relay_job_settle_accepted(ev->mail->owner, &v);
    else
        relay_job_settle(ev->mail->owner, ev->rcpt, &v);
    return true;
}

/* The next piece of the body, from the frame or the spool file into scratch memory. */
static enum err read_body(struct relay_conn *c, const struct relay_job *j, span *out)
{
    ssize_t n;

    if (j->fd < 0) {
        *out = span_skip(j->job.body, (size_t)j->at);
        return ERR_OK;
    }
    n = pread(j->fd, c->relay->input, RELAY_SCRATCH_BYTES, (off_t)j->at);
    if (n <= 0)
        return ERR_IO;
    *out = span_of(c->relay->input, (size_t)n);
    return ERR_OK;
}

static bool on_wants_body(struct relay_conn *c, const struct smtp_client_event *ev)
{
    struct relay_job *j = ev->mail->owner;
    span piece;
    size_t used;

    while (j->at < j->job.size) {
        if (read_body(c, j, &piece) != ERR_OK) {
            smtp_client_abort(&c->smtp);
            return true;
        }
        used = smtp_client_body(&c->smtp, piece);
        j->at += used;
        if (used < piece.n)
            return false;
    }
    return smtp_client_body_end(&c->smtp);
}

static bool on_mail_done(struct relay_conn *c, const struct smtp_client_event *ev)
{
    struct relay_job *j = ev->mail->owner;

    c->done++;
    forget_job(c, j);
    relay_job_finish(j, 0);
    return true;
}

static bool on_closed(struct relay_conn *c, const struct smtp_client_event *ev)
{
    if (c->state == OPENING) {
        if (ev->end != SMTP_CLIENT_END_REFUSED)
            note_why(c, smtp_stage_text(ev->stage), smtp_client_end_text(ev->end), ev->reply.text);
        next_target(c);
        return false;
    }
    while (c->job_count > 0) {
        struct relay_job *j = c->jobs[--c->job_count];

        /* Only the oldest had anything of it read by the server for sure. */
        if (c->job_count == 0 && !is_stale(c, ev, j)) {
            fail_job(c, ev, j);
        } else {
            j->retried = true;
            relay_dest_give_back(c->dest, j);
        }
    }
    c->gone = true;
    return false;
}

typedef bool event_fn(struct relay_conn *c, const struct smtp_client_event *ev);

static event_fn *const handlers[] = {
    [SMTP_CLIENT_READY] = on_ready,
    [SMTP_CLIENT_REFUSED] = on_refused,
    [SMTP_CLIENT_MAIL_RESULT] = on_mail_result,
    [SMTP_CLIENT_RCPT_RESULT] = on_rcpt_result,
    [SMTP_CLIENT_WANTS_BODY] = on_wants_body,
    [SMTP_CLIENT_DATA_RESULT] = on_data_result,
    [SMTP_CLIENT_MAIL_DONE] = on_mail_done,
    [SMTP_CLIENT_CLOSED] = on_closed,
};

/* ---- octets ---- */

/* Write what the engine wrote; what the socket does not take is kept. */
static bool flush(struct relay_conn *c)
{
    span out = buf_span(&c->relay->output);
    size_t n = 0;

    if (c->unsent.n == 0 && out.n > 0 && conn_write(&c->conn, out, &n) != ERR_OK)
        return false;
    out = span_skip(out, n);
    buf_reset(&c->relay->output);
    return out.n == 0 || heap_put(&c->unsent, out);
}

static void settle(struct relay_conn *c)
{
    int64_t now = loop_now_ms(c->relay->loop);
    int64_t deadline = smtp_client_deadline(&c->smtp, now);

    if (c->state == IDLE)
        deadline = now + RELAY_IDLE_MS;
    else if (c->state == QUITTING)
        deadline = min_i64(deadline, now + QUIT_MS);
    conn_timeout(&c->conn, deadline == INT64_MAX ? 0 : deadline - now + 1);
    conn_want(&c->conn, c->unsent.n > 0 ? LOOP_READ | LOOP_WRITE : LOOP_READ);
}

static void serve(struct relay_conn *c)
{
    struct smtp_client_event ev;
    bool go_on = true;

    while (go_on && smtp_client_next(&c->smtp, &ev))
        go_on = handlers[ev.kind](c, &ev);
}

/* Let the engine go on; afterwards c may be freed. */
static void run(struct relay_conn *c, span input)
{
    struct relay_dest *d = c->dest;
    size_t wrote;

    buf_reset(&c->relay->output);
    c->smtp.out = &c->relay->output;
    smtp_client_feed(&c->smtp, input);
    do {
        serve(c);
        if (c->gone || c->conn.connecting)
            break;
        wrote = c->relay->output.n;
        if (!flush(c))
            smtp_client_lost(&c->smtp);
    } while (wrote > 0 && c->unsent.n == 0);
    if (c->gone)
        conn_free(c);
    else if (!c->conn.connecting)
        settle(c);
    if (d->first != NULL || d->conn_count == 0)
        relay_dest_push(d);
}

static void on_readable(struct relay_conn *c)
{
    size_t n;

    if (conn_read(&c->conn, c->relay->input, RELAY_SCRATCH_BYTES, &n) != ERR_OK) {
        smtp_client_lost(&c->smtp);
        run(c, SPAN_NONE);
    } else if (n > 0) {
        run(c, span_of(c->relay->input, n));
    }
}

static void on_writable(struct relay_conn *c)
{
    size_t n = 0;

    if (conn_write(&c->conn, heap_span(&c->unsent), &n) != ERR_OK)
        smtp_client_lost(&c->smtp);
    else
        heap_drop(&c->unsent, n);
    if (c->unsent.n == 0 || n == 0)
        run(c, SPAN_NONE);
}

static void on_timeout(struct relay_conn *c)
{
    if (c->state == IDLE) {
        enter(c, QUITTING);
        smtp_client_quit(&c->smtp);
    } else if (c->state == QUITTING) {
        c->gone = true;
    } else {
        smtp_client_timeout(&c->smtp, loop_now_ms(c->relay->loop));
    }
    run(c, SPAN_NONE);
}

static void on_refused_connect(struct relay_conn *c, const char *why)
{
    struct relay_dest *d = c->dest;

    note_why(c, "connect", why, SPAN_NONE);
    c->why_code = 0;
    next_target(c);
    if (!c->gone)
        return;
    conn_free(c);
    relay_dest_push(d);
}

static void on_conn(void *arg, struct conn *conn, enum conn_event ev, unsigned ready)
{
    struct relay_conn *c = arg;

    switch (ev) {
    case CONN_CONNECTED:
        run(c, SPAN_NONE);
        break;
    case CONN_REFUSED:
        on_refused_connect(c, strerror(conn->error));
        break;
    case CONN_TIMEOUT:
        on_timeout(c);
        break;
    case CONN_READY:
        if ((ready & LOOP_WRITE) != 0 && c->unsent.n > 0)
            on_writable(c);
        else if ((ready & LOOP_READ) != 0)
            on_readable(c);
        break;
    }
}

/* ---- beginning ---- */

static void describe(struct relay_conn *c, const struct relay_target *t)
{
    struct buf b = BUF_OVER(c->mta);

    escape_text(&b, span_cstr(t->name), JOB_HOST_BYTES / 4 * 3);
    if (net_addr_family(&t->addr) != AF_UNIX) {
        buf_put(&b, SPAN(" ["));
        net_addr_put_host(&b, &t->addr);
        buf_putc(&b, ']');
    }
    c->mta_n = b.n;
}

/* The address to send from, when the egress names one of the target's family. */
static bool source_of(const struct relay_dest *d, const struct relay_target *t,
                      struct net_addr *out)
{
    const struct ip_addr *from = &d->egress->address;

    if (from->family == IP_NONE)
        return false;
    *out = net_addr_ip(span_of(from->octet, ip_addr_bytes(*from)), 0);
    return net_addr_family(out) == net_addr_family(&t->addr);
}

static bool begin_engine(struct relay_conn *c)
{
    const struct relay_dest *d = c->dest;

    c->conf = (struct smtp_client_conf){
        .name = d->egress->greeting.n != 0 ? d->egress->greeting : c->relay->config->hostname,
        .lmtp = d->transport == JOB_LMTP_UNIX || d->transport == JOB_LMTP_TCP,
        .use = ~0u,
    };
    return smtp_client_init(&c->smtp, &c->conf, &c->relay->output) == ERR_OK;
}

/* Connect to the current target. */
static void open_target(struct relay_conn *c)
{
    const struct relay_target *t = &c->dest->targets[c->target];
    struct net_addr from;
    struct conn_target to = {.to = &t->addr, .timeout_ms = RELAY_CONNECT_MS};

    describe(c, t);
    if (source_of(c->dest, t, &from))
        to.from = &from;
    if (!begin_engine(c)) {
        note_why(c, "ehlo", "the greeting name is not fit to be said", SPAN_NONE);
        next_target(c);
    } else if (!conn_connect(&c->conn, c->relay->loop, &to, on_conn, c)) {
        note_why(c, "connect", strerror(c->conn.error), SPAN_NONE);
        next_target(c);
    }
}

void relay_conn_start(struct relay_dest *d)
{
    struct relay_conn *c = calloc(1, sizeof(*c));
    static const struct relay_verdict no_memory = {
        .verdict = JOB_DEFERRED, .status = SPAN_INIT("4.3.0"), .reply = SPAN_INIT("no memory")};

    if (c == NULL) {
        relay_dest_fail(d, &no_memory, 0);
        return;
    }
    c->relay = d->relay;
    c->dest = d;
    c->conn.fd = -1;
    heap_init(&c->unsent, RELAY_SCRATCH_BYTES);
    c->next = d->conns;
    c->at = &d->conns;
    if (c->next != NULL)
        c->next->at = &c->next;
    d->conns = c;
    d->conn_count++;
    d->opening++;
    d->relay->conns++;
    open_target(c);
    if (c->gone)
        conn_free(c);
}

static void each_conn(struct relay_dest *d, void (*fn)(struct relay_conn *c))
{
    struct relay_conn *next;

    for (struct relay_conn *c = d->conns; c != NULL; c = next) {
        next = c->next;
        fn(c);
    }
}

static void wake(struct relay_conn *c)
{
    if (c->state == IDLE && c->dest->first != NULL)
        run(c, SPAN_NONE);
}

void relay_conn_wake(struct relay_dest *d)
{
    each_conn(d, wake);
}

static void close_idle(struct relay_conn *c)
{
    if (c->state == IDLE)
        on_timeout(c);
}

void relay_conns_close_idle(struct relay_dest *d)
{
    each_conn(d, close_idle);
}

/* The job's answer will be read by nobody: break off unless the server may have it already. */
static void orphan(struct relay_conn *c)
{
    bool sent = c->job_count > 0 && c->jobs[0]->at == c->jobs[0]->job.size;

    for (size_t i = 0; i < c->job_count; i++)
        c->jobs[i]->relay = NULL;
    if (c->job_count == 0 || sent)
        return;
    smtp_client_abort(&c->smtp);
    run(c, SPAN_NONE);
}

void relay_conns_orphan(struct relay_dest *d)
{
    each_conn(d, orphan);
}
