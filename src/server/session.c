/* SPDX-License-Identifier: ISC */
#include <stdlib.h>
#include <unistd.h>

#include "os/clock.h"
#include "server/session_inner.h"

#define SESSION_UNSENT_BYTES (64u << 10) /* replies the client has not taken yet */
#define SESSION_UNSENT_MS    60000       /* how long it may leave them */

struct session *session_next(const struct session *ss)
{
    return ss->next;
}

/* ---- text for logs and headers ---- */

span session_client(const struct session *ss, char *memory)
{
    struct buf b = buf_over(memory, SESSION_CLIENT_TEXT);

    net_addr_put_host(&b, &ss->client);
    return buf_span(&b);
}

struct log_line session_log(const struct session *ss, enum log_event ev, enum log_level level)
{
    char memory[SESSION_CLIENT_TEXT];
    struct log_line l = log_begin(ev, level);

    log_id(&l, KEY_SESSION, ss->id);
    if (ss->transaction != NULL)
        log_id(&l, KEY_MESSAGE, transaction_id(ss->transaction));
    log_str(&l, KEY_CLIENT, session_client(ss, memory));
    return l;
}

/* ---- the end ---- */

void session_stall(struct session *ss, bool stalled)
{
    if (stalled == ss->stalled)
        return;
    ss->stalled = stalled;
    if (stalled) {
        ss->next_stalled = ss->d->stalled;
        ss->at_stalled = &ss->d->stalled;
        if (ss->next_stalled != NULL)
            ss->next_stalled->at_stalled = &ss->next_stalled;
        ss->d->stalled = ss;
    } else {
        *ss->at_stalled = ss->next_stalled;
        if (ss->next_stalled != NULL)
            ss->next_stalled->at_stalled = ss->at_stalled;
    }
}

void session_uncount(struct session *ss)
{
    if (ss->slot != SESSION_NO_SLOT)
        census_leave(&ss->d->census, ss->slot);
    ss->slot = SESSION_NO_SLOT;
}

void session_drop_transaction(struct session *ss)
{
    if (ss->greet != NULL)
        greet_from_drop(ss->greet);
    transaction_free(ss->transaction);
    ss->transaction = NULL;
    ss->waiting = false;
}

/* It held a password. */
void session_free_auth_line(struct session *ss)
{
    if (ss->auth_line != NULL)
        explicit_bzero(ss->auth_line, SMTP_AUTH_LINE_BYTES);
    free(ss->auth_line);
    ss->auth_line = NULL;
}

static void end(struct session *ss, const char *why)
{
    struct smtpd *d = ss->d;
    struct log_line l = session_log(ss, LOG_SESSION_CLOSE, LOG_INFO);

    log_cstr(&l, KEY_REASON, why);
    log_num(&l, KEY_MESSAGES, ss->messages);
    log_num(&l, KEY_ERRORS, ss->smtp.errors);
    log_end(&l);
    session_ledger_end(ss, span_cstr(why));
    session_drop_transaction(ss);
    session_stall(ss, false);
    session_uncount(ss);
    conn_close(&ss->conn);
    heap_release(&ss->rest);
    heap_release(&ss->unsent);
    smtp_server_finish(&ss->smtp);
    session_free_auth_line(ss);
    session_auth_free(ss);
    *ss->at = ss->next;
    if (ss->next != NULL)
        ss->next->at = ss->at;
    d->session_count--;
    greet_free(ss->greet);
    greet_free(ss->greet_next);
    free(ss);
    if (d->draining && d->session_count == 0)
        smtpd_leave(d);
}

void session_end(struct session *ss, const char *why)
{
    end(ss, why);
}

void session_lend_output(struct session *ss)
{
    buf_reset(&ss->d->output);
    ss->smtp.out = &ss->d->output;
}

void session_forget_client(struct session *ss)
{
    session_drop_transaction(ss);
    session_auth_forget(ss);
    greet_free(ss->greet);
    greet_free(ss->greet_next);
    ss->greet = NULL;
    ss->greet_next = NULL;
    ss->asking = false;
    ss->judged = false;
    ss->told = false;
    ss->changed = false;
}

/* ---- octets in and out ---- */

/* Write replies; what the client does not take now is kept. False: the connection is gone. */
static bool flush(struct session *ss)
{
    span out = buf_span(&ss->d->output);
    size_t n = 0;

    if (ss->unsent.n == 0 && out.n > 0 && conn_write(&ss->conn, out, &n) != ERR_OK)
        return false;
    out = span_skip(out, n);
    buf_reset(&ss->d->output);
    return out.n == 0 || heap_put(&ss->unsent, out);
}

static const char *why_closed(struct session *ss)
{
    struct smtp_event ev;

    return smtp_server_next(&ss->smtp, &ev) && ev.kind == SMTP_EVENT_CLOSE ? smtp_close_text(ev.why)
                                                                           : "shut down";
}

/* Wait for whatever is next: the client, the socket's room, the queue, or the end. */
static void settle(struct session *ss)
{
    int64_t now = loop_now_ms(ss->d->loop);
    int64_t deadline = INT64_MAX;

    if (ss->closing && ss->unsent.n == 0) {
        end(ss, why_closed(ss));
        return;
    }
    if (ss->smtp.state == SMTP_SERVER_TLS && ss->unsent.n == 0) {
        session_tls_begin(ss, SPAN_NONE);
        return;
    }
    if (!ss->waiting && !ss->asking)
        deadline = smtp_server_deadline(&ss->smtp, now);
    if (ss->unsent.n > 0)
        deadline = now + SESSION_UNSENT_MS;
    conn_timeout(&ss->conn, deadline == INT64_MAX ? 0 : deadline - now + 1);
    conn_want(&ss->conn, ss->unsent.n > 0 ? LOOP_WRITE : session_is_idle(ss) ? LOOP_READ : 0);
}

/* Keep what the engine has not read, which lies in scratch memory or in `rest` itself. */
static void keep_rest(struct session *ss, bool in_rest)
{
    span left = smtp_server_rest(&ss->smtp);

    if (in_rest)
        heap_drop(&ss->rest, ss->rest.n - left.n);
    else
        (void)heap_put(&ss->rest, left);
    if (ss->rest.n == 0)
        heap_release(&ss->rest);
    smtp_server_feed(&ss->smtp, SPAN_NONE, loop_now_ms(ss->d->loop));
}

static void serve(struct session *ss)
{
    struct smtp_event ev;

    for (;;) {
        while (smtp_server_next(&ss->smtp, &ev)) {
            if (!session_event(ss, &ev))
                return;
        }
        if (!smtp_server_wants_room(&ss->smtp) || !flush(ss) || ss->unsent.n > 0)
            return;
    }
}

static bool may_end(const struct session *ss)
{
    return ss->draining && ss->transaction == NULL && !ss->closing && ss->rest.n == 0 &&
           ss->smtp.state != SMTP_SERVER_TLS;
}

static void say_goodbye(struct session *ss)
{
    smtp_reply_put(&ss->d->output,
                   smtp_reply_of(421, SPAN("4.3.2"), SPAN("Service shutting down; come again")),
                   SMTP_REPLY_ENHANCED);
    ss->closing = true;
}

/*
 * Hold back what is to be said for so long more; nothing is read meanwhile. What comes from the
 * queue, say, while something is held back already, waits with it (0 ms). False: the client does
 * not read.
 */
static bool hold_back(struct session *ss, int64_t ms)
{
    bool held = heap_put(&ss->unsent, buf_span(&ss->d->output));

    buf_reset(&ss->d->output);
    ss->late = held;
    if (ms > 0)
        conn_timeout(&ss->conn, ms);
    conn_want(&ss->conn, 0);
    return held;
}

void session_run(struct session *ss, span input)
{
    bool in_rest = ss->rest.n > 0;
    unsigned refusals = session_refusals(ss);
    int64_t late_ms;

    if (in_rest && !heap_put(&ss->rest, input)) {
        end(ss, "no memory");
        return;
    }
    ss->smtp.out = &ss->d->output;
    smtp_server_feed(&ss->smtp, in_rest ? heap_span(&ss->rest) : input, loop_now_ms(ss->d->loop));
    serve(ss);
    keep_rest(ss, in_rest);
    ss->d->input_is_secret |= ss->smtp.saw_secret;
    ss->smtp.saw_secret = false;
    if (!smtp_server_borrows(&ss->smtp))
        session_free_auth_line(ss);
    if (may_end(ss))
        say_goodbye(ss);
    late_ms = session_lateness(ss, refusals);
    if (late_ms > 0 || ss->late ? !hold_back(ss, late_ms) : !flush(ss))
        end(ss, "connection lost");
    else if (!ss->late)
        settle(ss);
}

static void on_readable(struct session *ss)
{
    struct smtpd *d = ss->d;
    size_t n;
    enum err e = conn_read(&ss->conn, d->input, TRANSACTION_CHUNK_BYTES, &n);

    if (e != ERR_OK) {
        end(ss, session_tls_end(ss, e));
        return;
    }
    if (n == 0)
        return;
    session_lend_output(ss);
    if (ss->headless)
        session_trust_header(ss, span_of(d->input, n));
    else
        session_run(ss, span_of(d->input, n));
    /* ss may be gone; what it read of a login must not wait here for the next message. */
    if (d->input_is_secret)
        explicit_bzero(d->input, n);
    d->input_is_secret = false;
}

static void on_writable(struct session *ss)
{
    size_t n;

    if (conn_write(&ss->conn, heap_span(&ss->unsent), &n) != ERR_OK) {
        end(ss, "connection lost");
        return;
    }
    heap_drop(&ss->unsent, n);
    if (ss->unsent.n > 0)
        return;
    heap_release(&ss->unsent);
    session_lend_output(ss);
    if (ss->closing)
        settle(ss);
    else
        session_run(ss, SPAN_NONE);
}

static void on_conn(void *arg, struct conn *c, enum conn_event ev, unsigned ready)
{
    struct session *ss = arg;

    (void)c;
    if (ss->shaking) {
        session_tls_on_conn(ss, ev);
    } else if (ev == CONN_TIMEOUT && ss->late) {
        ss->late = false;
        on_writable(ss);
    } else if (ev == CONN_TIMEOUT && ss->closing) {
        end(ss, "the client does not read");
    } else if (ev == CONN_TIMEOUT && ss->headless) {
        session_trust_timeout(ss);
    } else if (ev == CONN_TIMEOUT) {
        session_lend_output(ss);
        smtp_server_timeout(&ss->smtp, loop_now_ms(ss->d->loop));
        session_run(ss, SPAN_NONE);
    } else if ((ready & LOOP_WRITE) != 0 && ss->unsent.n > 0) {
        on_writable(ss);
    } else if ((ready & LOOP_READ) != 0) {
        on_readable(ss);
    }
}

/* ---- for smtpd ---- */

struct ip_addr session_ip(const struct session *ss)
{
    return net_addr_to_ip(&ss->client);
}

void session_refuse(struct session *ss, struct smtp_reply reply, const char *why)
{
    session_lend_output(ss);
    smtp_reply_put(&ss->d->output, reply, SMTP_REPLY_ENHANCED);
    (void)flush(ss);
    end(ss, why);
}

void session_banner(struct session *ss, span input)
{
    session_lend_output(ss);
    session_auth_forget(ss);
    smtp_server_init(&ss->smtp, session_auth_conf(ss), &ss->d->output);
    session_run(ss, input);
}

void session_begin(struct session *ss, span input)
{
    struct log_line l = session_log(ss, LOG_SESSION_OPEN, LOG_INFO);

    log_str(&l, KEY_LISTENER, ss->port->config->name);
    log_end(&l);
    if (ss->port->config->tls != CONFIG_TLS_IMPLICIT)
        session_banner(ss, input);
    else if (session_count(ss) == CENSUS_FINE)
        session_tls_begin(ss, input);
    else
        end(ss, "too many sessions");
}

void session_start(struct smtpd_port *port, int fd, const struct net_addr *client)
{
    struct smtpd *d = port->smtpd;
    struct session *ss = calloc(1, sizeof(*ss));

    if (ss == NULL) {
        (void)close(fd);
        return;
    }
    *ss = (struct session){.d = d, .port = port, .client = *client, .slot = SESSION_NO_SLOT};
    ss->id = ident_next(&d->ident, clock_wall_ms());
    session_trust_connection(ss);
    heap_init_secret(&ss->rest, 2 * TRANSACTION_CHUNK_BYTES);
    heap_init(&ss->unsent, SESSION_UNSENT_BYTES);
    if (!conn_accept(&ss->conn, d->loop, fd, on_conn, ss)) {
        free(ss);
        return;
    }
    session_ledger_begin(ss);
    ss->next = d->sessions;
    ss->at = &d->sessions;
    if (ss->next != NULL)
        ss->next->at = &ss->next;
    d->sessions = ss;
    d->session_count++;
    if (!ss->headless) {
        session_begin(ss, SPAN_NONE);
        return;
    }
    conn_timeout(&ss->conn, SESSION_HEADER_MS);
    conn_want(&ss->conn, LOOP_READ);
}

void session_resume(struct session *ss)
{
    session_stall(ss, false);
    session_lend_output(ss);
    session_run(ss, SPAN_NONE);
}

void session_on_greet(void *arg)
{
    struct session *ss = arg;

    if (!ss->asking)
        return;
    ss->asking = false;
    session_lend_output(ss);
    session_run(ss, SPAN_NONE);
}

void session_drain(struct session *ss)
{
    ss->draining = true;
    if (ss->shaking)
        end(ss, "shut down");
    else if (may_end(ss) && session_is_idle(ss) && !ss->headless) {
        session_lend_output(ss);
        session_run(ss, SPAN_NONE);
    }
}

void session_linger(struct session *ss)
{
    session_uncount(ss);
}

void session_kill(struct session *ss)
{
    session_lend_output(ss);
    if (ss->unsent.n == 0 && !ss->closing && !ss->shaking && ss->smtp.state != SMTP_SERVER_TLS) {
        say_goodbye(ss);
        (void)flush(ss);
    }
    end(ss, "shut down");
}
