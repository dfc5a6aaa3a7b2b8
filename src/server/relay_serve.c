/* SPDX-License-Identifier: ISC */
#include "server/relay_fit.h"
#include "server/relay_name.h"
#include "server/relay_secure.h"

static span mta_of(const struct relay_conn *c)
{
    return span_of(c->mta, c->mta_n);
}

static void forget_job(struct relay_conn *c, const struct relay_job *j)
{
    size_t kept = 0;

    for (size_t i = 0; i < c->job_count; i++) {
        if (c->jobs[i] != j)
            c->jobs[kept++] = c->jobs[i];
    }
    c->job_count = kept;
}

/* ---- failing ---- */

/* A mail met a connection that the server had closed before it came. */
static bool is_stale(const struct relay_conn *c, const struct smtp_client_event *ev,
                     const struct relay_job *j)
{
    bool begun = ev->stage != SMTP_STAGE_MAIL && ev->stage != SMTP_STAGE_RSET &&
                 ev->stage != SMTP_STAGE_IDLE;
    bool closed = ev->end == SMTP_CLIENT_END_LOST || ev->end == SMTP_CLIENT_END_421;

    return c->done > 0 && closed && !begun && !j->retried && j->settled == 0;
}

static void put_why(struct buf *b, const struct smtp_client_event *ev)
{
    buf_printf(b, "%s at %s", smtp_client_end_text(ev->end), smtp_stage_text(ev->stage));
    if (ev->end == SMTP_CLIENT_END_PROTOCOL) {
        buf_put(b, SPAN(": "));
        buf_put(b, ev->reply.text);
    }
    if (ev->maybe_delivered)
        buf_put(b, SPAN("; the message may arrive twice"));
}

static void fail_job(struct relay_conn *c, const struct smtp_client_event *ev, struct relay_job *j)
{
    char memory[JOB_REPLY_BYTES];
    struct buf why = BUF_OVER(memory);
    struct relay_verdict v = {.verdict = JOB_DEFERRED, .status = SPAN("4.4.2"), .mta = mta_of(c)};

    put_why(&why, ev);
    v.reply = buf_span(&why);
    if (ev->end == SMTP_CLIENT_END_ABORTED) {
        v.status = SPAN("4.3.0");
        v.mta = SPAN_NONE;
        v.reply = ev->reply.text;
    } else if (ev->reply.code != 0) {
        v.code = ev->reply.code;
        v.status = ev->reply.enhanced;
        v.reply = ev->reply.text;
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

    if (!relay_fit(c, j)) {
        relay_job_finish(j, 0);
        return false;
    }
    if (smtp_client_mail(&c->smtp, &j->mail) != ERR_OK) {
        relay_job_settle(j, SMTP_ALL_RCPTS, &bad);
        relay_job_finish(j, 0);
        return false;
    }
    c->jobs[c->job_count++] = j;
    return true;
}

/* Begin the mail that waits longest; false when there is none, or this is not the place for it. */
static bool begin_next(struct relay_conn *c)
{
    struct relay_job *j;

    if (c->broken || c->relay->draining || c->job_count == RELAY_JOBS_MAX ||
        c->done + c->job_count >= RELAY_MAILS_MAX)
        return false;
    while ((j = relay_dest_take(c->dest)) != NULL) {
        if (begin_job(c, j))
            return true;
    }
    return false;
}

static bool on_ready(struct relay_conn *c, const struct smtp_client_event *ev)
{
    (void)ev;
    if (c->state == RELAY_OPENING)
        relay_name_heard(c);
    if (c->dest->wish == RELAY_WISH_REQUIRETLS && (c->smtp.ext & SMTP_EXT_REQUIRETLS) == 0) {
        relay_conn_note(c, "ehlo", "the server does not do REQUIRETLS", SPAN_NONE);
        c->lacking++;
        smtp_client_quit(&c->smtp);
        return true;
    }
    relay_conn_enter(c, RELAY_SERVING);
    if (!c->dest->proven)
        relay_dest_push(c->dest); /* more connections may be made now */
    c->dest->proven = true;
    if (begin_next(c))
        return true;
    if (c->job_count > 0)
        return false;
    if (c->done >= RELAY_MAILS_MAX || c->relay->draining) {
        relay_conn_enter(c, RELAY_QUITTING);
        smtp_client_quit(&c->smtp);
        return true;
    }
    relay_conn_enter(c, RELAY_IDLE);
    return false;
}

static bool on_refused(struct relay_conn *c, const struct smtp_client_event *ev)
{
    char what[32];
    struct buf b = BUF_OVER(what);

    if (ev->reply.local)
        buf_printf(&b, "not possible:");
    else
        buf_printf(&b, "refused with %u", ev->reply.code);
    (void)buf_cstr(&b);
    relay_conn_note(c, smtp_stage_text(ev->stage), what, ev->reply.text);
    c->why_code = ev->reply.code;
    if (ev->stage == SMTP_STAGE_STARTTLS) {
        c->why_status = SPAN("4.7.4");
        c->lacking++;
    }
    return true;
}

/* Who reports on a success from here on (RFC 3461 5.2). */
static enum job_verdict success_of(const struct relay_conn *c, const struct relay_job *j)
{
    if (relay_is_lmtp(j->job.transport))
        return JOB_DELIVERED;
    return (c->smtp.ext & SMTP_EXT_DSN) != 0 ? JOB_PASSED : JOB_RELAYED;
}

static struct relay_verdict verdict_of(const struct relay_conn *c,
                                       const struct smtp_client_event *ev)
{
    enum job_verdict verdict = relay_verdict_of(ev->reply.code);

    return (struct relay_verdict){
        .verdict = verdict == JOB_DELIVERED ? success_of(c, ev->mail->owner) : verdict,
        .code = ev->reply.code,
        .status = ev->reply.enhanced,
        .mta = ev->reply.local ? SPAN_NONE : mta_of(c),
        .reply = ev->reply.text,
    };
}

static bool is_success(enum job_verdict v)
{
    return v != JOB_DEFERRED && v != JOB_FAILED;
}

static bool on_mail_result(struct relay_conn *c, const struct smtp_client_event *ev)
{
    struct relay_verdict v = verdict_of(c, ev);

    /* With a 421 the connection ends: CLOSED follows, and the mail may go to another one. */
    if (!is_success(v.verdict) && v.code != 421)
        relay_job_settle(ev->mail->owner, SMTP_ALL_RCPTS, &v);
    return true;
}

static bool on_rcpt_result(struct relay_conn *c, const struct smtp_client_event *ev)
{
    struct relay_verdict v = verdict_of(c, ev);

    if (!is_success(v.verdict))
        relay_job_settle(ev->mail->owner, ev->rcpt, &v);
    return true;
}

static bool on_data_result(struct relay_conn *c, const struct smtp_client_event *ev)
{
    struct relay_verdict v = verdict_of(c, ev);

    /* A 354 is no success: DATA itself answered 2yz is as wrong as anything. */
    if (ev->stage == SMTP_STAGE_DATA && is_success(v.verdict))
        v.verdict = JOB_DEFERRED;
    if (ev->rcpt == SMTP_ALL_RCPTS)
        relay_job_settle_accepted(ev->mail->owner, &v);
    else
        relay_job_settle(ev->mail->owner, ev->rcpt, &v);
    return true;
}

static bool on_wants_body(struct relay_conn *c, const struct smtp_client_event *ev)
{
    struct relay_job *j = ev->mail->owner;
    span piece;
    size_t used;

    while (!c->broken) {
        if (!relay_next_body(c->relay, j, &piece)) {
            smtp_client_abort(&c->smtp);
            return true;
        }
        if (piece.n == 0)
            return smtp_client_body_end(&c->smtp);
        used = smtp_client_body(&c->smtp, piece);
        relay_body_sent(j, used);
        if (used < piece.n)
            return false;
    }
    return false;
}

static bool on_mail_done(struct relay_conn *c, const struct smtp_client_event *ev)
{
    struct relay_job *j = ev->mail->owner;

    c->done++;
    forget_job(c, j);
    relay_job_finish(j, 0);
    return true;
}

/* The connection ends with jobs under way. */
static void drop_jobs(struct relay_conn *c, const struct smtp_client_event *ev)
{
    while (c->job_count > 0) {
        struct relay_job *j = c->jobs[--c->job_count];
        /* Only the oldest had anything of it read by the server for sure. */
        bool again = c->job_count > 0 || is_stale(c, ev, j);

        if (again && j->relay != NULL) {
            j->retried = true;
            relay_dest_give_back(c->dest, j);
        } else {
            fail_job(c, ev, j);
        }
    }
}

static bool on_closed(struct relay_conn *c, const struct smtp_client_event *ev)
{
    if (c->state == RELAY_OPENING) {
        /* After a refusal we said QUIT: what was refused is noted already. */
        if (ev->end != SMTP_CLIENT_END_REFUSED && ev->end != SMTP_CLIENT_END_QUIT)
            relay_conn_note(c, smtp_stage_text(ev->stage), smtp_client_end_text(ev->end),
                            ev->reply.text);
        relay_conn_next_target(c);
        return false;
    }
    drop_jobs(c, ev);
    c->gone = true;
    return false;
}

typedef bool event_fn(struct relay_conn *c, const struct smtp_client_event *ev);

static event_fn *const handlers[] = {
    [SMTP_CLIENT_HANDSHAKE] = relay_on_handshake,
    [SMTP_CLIENT_WANTS_AUTH] = relay_on_wants_auth,
    [SMTP_CLIENT_CHALLENGE] = relay_on_challenge,
    [SMTP_CLIENT_AUTH_RESULT] = relay_on_auth_result,
    [SMTP_CLIENT_READY] = on_ready,
    [SMTP_CLIENT_REFUSED] = on_refused,
    [SMTP_CLIENT_MAIL_RESULT] = on_mail_result,
    [SMTP_CLIENT_RCPT_RESULT] = on_rcpt_result,
    [SMTP_CLIENT_WANTS_BODY] = on_wants_body,
    [SMTP_CLIENT_DATA_RESULT] = on_data_result,
    [SMTP_CLIENT_MAIL_DONE] = on_mail_done,
    [SMTP_CLIENT_CLOSED] = on_closed,
};

void relay_serve(struct relay_conn *c)
{
    struct smtp_client_event ev;
    bool go_on = true;

    while (go_on && smtp_client_next(&c->smtp, &ev))
        go_on = handlers[ev.kind](c, &ev);
}
