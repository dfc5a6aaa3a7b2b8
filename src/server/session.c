/* SPDX-License-Identifier: ISC */
#include "server/session.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/num.h"
#include "config/find.h"
#include "net/conn.h"
#include "os/clock.h"
#include "os/heap.h"
#include "os/log.h"

#define SESSION_UNSENT_BYTES (64u << 10) /* replies the client has not taken yet */
#define SESSION_UNSENT_MS    60000       /* how long it may leave them */
#define NO_SLOT              UINT32_MAX

struct session {
    struct session *next, **at; /* in smtpd.sessions */
    struct session *next_stalled, **at_stalled;
    struct smtpd *d;
    const struct smtpd_port *port;
    struct conn conn;
    struct net_addr client;
    uint64_t id;
    uint32_t slot; /* in the census; NO_SLOT: not counted */
    char *greeting;
    size_t greeting_n;
    struct transaction *transaction;
    struct heap_buf rest;   /* input that waits behind an event */
    struct heap_buf unsent; /* output that waits for the socket */
    uint32_t messages;
    uint32_t unknown_rcpts;
    bool trusted;
    bool waiting;  /* for the queue: read nothing */
    bool stalled;  /* the queue does not keep up: read nothing */
    bool draining; /* end when no transaction is under way */
    bool closing;  /* close once all is written */
    struct smtp_server smtp;
};

static void run(struct session *ss, span input);

struct session *session_next(const struct session *ss)
{
    return ss->next;
}

/* ---- text for logs and headers ---- */

#define CLIENT_TEXT_BYTES 64

static span client_text(const struct session *ss, char *memory)
{
    struct buf b = buf_over(memory, CLIENT_TEXT_BYTES);

    net_addr_put_host(&b, &ss->client);
    return buf_span(&b);
}

static span greeting_of(const struct session *ss)
{
    return span_of(ss->greeting, ss->greeting_n);
}

static struct log_line log_session(const struct session *ss, enum log_event ev,
                                   enum log_level level)
{
    char memory[CLIENT_TEXT_BYTES];
    struct log_line l = log_begin(ev, level);

    log_id(&l, KEY_SESSION, ss->id);
    if (ss->transaction != NULL)
        log_id(&l, KEY_MESSAGE, transaction_id(ss->transaction));
    log_str(&l, KEY_CLIENT, client_text(ss, memory));
    return l;
}

/* ---- the end ---- */

static void set_stalled(struct session *ss, bool stalled)
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

static void uncount(struct session *ss)
{
    if (ss->slot != NO_SLOT)
        census_leave(&ss->d->census, ss->slot);
    ss->slot = NO_SLOT;
}

static void drop_transaction(struct session *ss)
{
    transaction_free(ss->transaction);
    ss->transaction = NULL;
    ss->waiting = false;
}

static void end(struct session *ss, const char *why)
{
    struct smtpd *d = ss->d;
    struct log_line l = log_session(ss, LOG_SESSION_CLOSE, LOG_INFO);

    log_cstr(&l, KEY_REASON, why);
    log_num(&l, KEY_MESSAGES, ss->messages);
    log_num(&l, KEY_ERRORS, ss->smtp.errors);
    log_end(&l);
    drop_transaction(ss);
    set_stalled(ss, false);
    uncount(ss);
    conn_close(&ss->conn);
    heap_release(&ss->rest);
    heap_release(&ss->unsent);
    *ss->at = ss->next;
    if (ss->next != NULL)
        ss->next->at = ss->at;
    d->session_count--;
    free(ss->greeting);
    free(ss);
    if (d->draining && d->session_count == 0)
        proc_done(d->proc, PROC_EXIT_OK);
}

/* The engine writes into the process's scratch buffer, which is empty between two turns. */
static void lend_output(struct session *ss)
{
    buf_reset(&ss->d->output);
    ss->smtp.out = &ss->d->output;
}

/* ---- what each event means; false: the answer comes later ---- */

static void refuse(struct session *ss, const struct smtp_event *ev, struct smtp_reply reply)
{
    struct log_line l = log_session(ss, LOG_SESSION_REFUSED, LOG_INFO);

    log_cstr(&l, KEY_STAGE, smtp_server_state_text(ss->smtp.state));
    log_str(&l, KEY_GREETING, greeting_of(ss));
    if (ev->path.text.n != 0)
        log_str(&l, KEY_ADDRESS, ev->path.text);
    log_num(&l, KEY_CODE, reply.code);
    log_str(&l, KEY_REPLY, reply.text);
    log_end(&l);
    smtp_server_answer(&ss->smtp, reply);
}

static bool on_connect(struct session *ss, const struct smtp_event *ev)
{
    static const struct {
        span text;
    } words[] = {
        [CENSUS_TOO_MANY] = {SPAN_INIT("Too many sessions at the moment; try again later")},
        [CENSUS_TOO_MANY_OF_CLIENT] = {SPAN_INIT("Too many sessions from your address; try later")},
    };
    const struct config_limits *limits = &ss->d->config->limits;
    /* The share of one client does not bind those who may relay: they are our own. */
    struct census_limits census = {limits->sessions,
                                   ss->trusted ? UINT64_MAX : limits->sessions_per_client};
    enum census_verdict verdict = census_enter(&ss->d->census, &ss->client, &census, &ss->slot);

    if (verdict == CENSUS_FINE)
        smtp_server_answer(&ss->smtp, ev->reply);
    else
        refuse(ss, ev, smtp_reply_of(421, SPAN("4.7.0"), words[verdict].text));
    return true;
}

static bool on_greeting(struct session *ss, const struct smtp_event *ev)
{
    char *name = malloc(ev->argument.n + 1);

    if (name == NULL) {
        refuse(ss, ev, smtp_reply_of(421, SPAN("4.3.0"), SPAN("No memory; try again later")));
        return true;
    }
    if (ev->argument.n > 0)
        memcpy(name, ev->argument.p, ev->argument.n);
    drop_transaction(ss);
    free(ss->greeting);
    ss->greeting = name;
    ss->greeting_n = ev->argument.n;
    smtp_server_answer(&ss->smtp, ev->reply);
    return true;
}

static bool on_mail(struct session *ss, const struct smtp_event *ev)
{
    char memory[CLIENT_TEXT_BYTES];
    int64_t now = clock_wall_ms();
    struct transaction_start start = {
        .id = ident_next(&ss->d->ident, now),
        .session = ss->id,
        .received_ms = now,
        .sender = ev->path.text,
        .client = client_text(ss, memory),
        .greeting = greeting_of(ss),
        .eight_bit = ev->mail.body == SMTP_BODY_8BITMIME,
        .size_hint = ev->mail.size_bytes,
    };

    if (ss->port->config->role == CONFIG_ROLE_SUBMISSION && !ss->trusted) {
        refuse(ss, ev, smtp_reply_of(530, SPAN("5.7.0"), SPAN("Authentication required")));
        return true;
    }
    ss->transaction = transaction_new(&ss->d->queue, ss->d->config, &start);
    if (ss->transaction == NULL)
        refuse(ss, ev, smtp_reply_of(451, SPAN("4.3.0"), SPAN("No memory; try again later")));
    else
        smtp_server_answer(&ss->smtp, ev->reply);
    return true;
}

/* Code 0: the recipient is welcome. */
static struct smtp_reply judge_rcpt(struct session *ss, const struct path *path)
{
    char memory[PATH_MAX_BYTES];
    struct buf local = BUF_OVER(memory);

    path_put_local(&local, path);
    switch (config_recipient_find(ss->d->config, buf_span(&local), path->domain)) {
    case CONFIG_RECIPIENT_UNKNOWN:
        ss->unknown_rcpts++;
        return smtp_reply_of(550, SPAN("5.1.1"), SPAN("No such mailbox here"));
    case CONFIG_RECIPIENT_REMOTE:
        if (!ss->trusted)
            return smtp_reply_of(550, SPAN("5.7.1"),
                                 SPAN("Relaying denied: this server does not take mail for that "
                                      "domain from your address"));
        break;
    case CONFIG_RECIPIENT_MAILBOX:
    case CONFIG_RECIPIENT_ALIAS:
    case CONFIG_RECIPIENT_CATCHALL:
    case CONFIG_RECIPIENT_RELAY:
        break;
    }
    return (struct smtp_reply){0};
}

static bool on_rcpt(struct session *ss, const struct smtp_event *ev)
{
    struct smtp_reply no = judge_rcpt(ss, &ev->path);

    if (no.code == 0 && !transaction_rcpt(ss->transaction, &ev->path))
        no = smtp_reply_of(452, SPAN("4.5.3"), SPAN("Too many recipients"));
    if (ss->unknown_rcpts > ss->d->config->limits.unknown_recipients)
        no = smtp_reply_of(421, SPAN("4.7.0"), SPAN("Too many unknown recipients"));
    if (no.code != 0)
        refuse(ss, ev, no);
    else
        smtp_server_answer(&ss->smtp, ev->reply);
    return true;
}

static span protocol_of(const struct session *ss)
{
    static const span names[] = {
        [SMTP_GREETING_HELO] = SPAN_INIT("SMTP"),
        [SMTP_GREETING_EHLO] = SPAN_INIT("ESMTP"),
        [SMTP_GREETING_LHLO] = SPAN_INIT("LMTP"),
    };

    return names[ss->smtp.verb];
}

static bool on_data(struct session *ss, const struct smtp_event *ev)
{
    char memory[CLIENT_TEXT_BYTES];
    struct buf address = BUF_OVER(memory);
    struct received received = {.host = ss->d->config->hostname, .with = protocol_of(ss)};

    if (net_addr_octets(&ss->client).n == 16)
        buf_put(&address, SPAN("IPv6:"));
    if (net_addr_octets(&ss->client).n != 0)
        net_addr_put_host(&address, &ss->client);
    received.address = buf_span(&address);
    if (transaction_data(ss->transaction, &received))
        smtp_server_answer(&ss->smtp, ev->reply);
    else
        refuse(ss, ev, smtp_reply_of(451, SPAN("4.3.0"), SPAN("No memory; try again later")));
    return true;
}

static bool on_chunk(struct session *ss, const struct smtp_event *ev)
{
    if (put_is_full(&ss->d->queue)) {
        set_stalled(ss, true);
        return false;
    }
    transaction_chunk(ss->transaction, ev->chunk);
    smtp_server_took(&ss->smtp);
    return true;
}

static void refuse_message(struct session *ss, struct smtp_reply reply, span why)
{
    struct log_line l = log_session(ss, LOG_MESSAGE_REFUSED, LOG_INFO);

    log_str(&l, KEY_GREETING, greeting_of(ss));
    log_str(&l, KEY_SENDER, transaction_sender(ss->transaction));
    log_num(&l, KEY_SIZE, (int64_t)transaction_size(ss->transaction));
    log_num(&l, KEY_CODE, reply.code);
    log_str(&l, KEY_REPLY, reply.text);
    if (why.n != 0)
        log_str(&l, KEY_REASON, why);
    log_end(&l);
}

static void accept_message(struct session *ss)
{
    struct log_line l = log_session(ss, LOG_MESSAGE_ACCEPTED, LOG_INFO);

    ss->messages++;
    log_str(&l, KEY_GREETING, greeting_of(ss));
    log_str(&l, KEY_SENDER, transaction_sender(ss->transaction));
    log_num(&l, KEY_RECIPIENTS, transaction_rcpts(ss->transaction));
    log_num(&l, KEY_SIZE, (int64_t)transaction_size(ss->transaction));
    log_end(&l);
}

/* The last answer of a transaction; under LMTP the engine asks for each recipient again. */
static void finish_data(struct session *ss, struct smtp_reply reply)
{
    struct smtp_event ev;

    smtp_server_answer(&ss->smtp, reply);
    while (smtp_server_next(&ss->smtp, &ev) && ev.kind == SMTP_EVENT_DATA_END)
        smtp_server_answer(&ss->smtp, reply);
    drop_transaction(ss);
}

static void on_stored(void *arg, const struct put_result *result)
{
    struct session *ss = arg;
    struct smtp_reply reply = transaction_reply(result->status);
    char memory[64];
    struct buf text = BUF_OVER(memory);

    if (result->status == PUT_OK) {
        buf_printf(&text, "Message accepted as %s",
                   num_id_text(transaction_id(ss->transaction)).text);
        reply.text = buf_span(&text);
        accept_message(ss);
    } else {
        refuse_message(ss, reply, result->why);
    }
    ss->waiting = false;
    lend_output(ss);
    finish_data(ss, reply);
    run(ss, SPAN_NONE);
}

static bool on_data_end(struct session *ss, const struct smtp_event *ev)
{
    struct smtp_reply reply = ev->reply;

    if (ev->fault == SMTP_DATA_WHOLE &&
        transaction_end(ss->transaction, on_stored, ss, &reply) == TRANSACTION_WAITS) {
        ss->waiting = true;
        return false;
    }
    refuse_message(ss, reply, SPAN_NONE);
    finish_data(ss, reply);
    return true;
}

static bool on_rset(struct session *ss, const struct smtp_event *ev)
{
    drop_transaction(ss);
    smtp_server_answer(&ss->smtp, ev->reply);
    return true;
}

static bool on_plain(struct session *ss, const struct smtp_event *ev)
{
    smtp_server_answer(&ss->smtp, ev->reply);
    return true;
}

static bool on_close(struct session *ss, const struct smtp_event *ev)
{
    (void)ev;
    ss->closing = true;
    return false;
}

typedef bool event_fn(struct session *ss, const struct smtp_event *ev);

static event_fn *const handlers[] = {
    [SMTP_EVENT_CONNECT] = on_connect,   [SMTP_EVENT_GREETING] = on_greeting,
    [SMTP_EVENT_MAIL] = on_mail,         [SMTP_EVENT_RCPT] = on_rcpt,
    [SMTP_EVENT_DATA] = on_data,         [SMTP_EVENT_CHUNK] = on_chunk,
    [SMTP_EVENT_DATA_END] = on_data_end, [SMTP_EVENT_RSET] = on_rset,
    [SMTP_EVENT_VRFY] = on_plain,        [SMTP_EVENT_HELP] = on_plain,
    [SMTP_EVENT_NOOP] = on_plain,        [SMTP_EVENT_CLOSE] = on_close,
};

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

static bool is_idle(const struct session *ss)
{
    return !ss->waiting && !ss->stalled && ss->unsent.n == 0;
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
    int64_t deadline = ss->waiting ? INT64_MAX : smtp_server_deadline(&ss->smtp, now);

    if (ss->closing && ss->unsent.n == 0) {
        end(ss, why_closed(ss));
        return;
    }
    if (ss->unsent.n > 0)
        deadline = now + SESSION_UNSENT_MS;
    conn_timeout(&ss->conn, deadline == INT64_MAX ? 0 : deadline - now + 1);
    conn_want(&ss->conn, ss->unsent.n > 0 ? LOOP_WRITE : is_idle(ss) ? LOOP_READ : 0);
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
            if (!handlers[ev.kind](ss, &ev))
                return;
        }
        if (!smtp_server_wants_room(&ss->smtp) || !flush(ss) || ss->unsent.n > 0)
            return;
    }
}

static bool may_end(const struct session *ss)
{
    return ss->draining && ss->transaction == NULL && !ss->closing && ss->rest.n == 0;
}

static void say_goodbye(struct session *ss)
{
    smtp_reply_put(&ss->d->output,
                   smtp_reply_of(421, SPAN("4.3.2"), SPAN("Service shutting down; come again")),
                   SMTP_REPLY_ENHANCED);
    ss->closing = true;
}

/* Let the engine go on, with `input` behind what it had not read yet. */
static void run(struct session *ss, span input)
{
    bool in_rest = ss->rest.n > 0;

    if (in_rest && !heap_put(&ss->rest, input)) {
        end(ss, "no memory");
        return;
    }
    ss->smtp.out = &ss->d->output;
    smtp_server_feed(&ss->smtp, in_rest ? heap_span(&ss->rest) : input, loop_now_ms(ss->d->loop));
    serve(ss);
    keep_rest(ss, in_rest);
    if (may_end(ss))
        say_goodbye(ss);
    if (flush(ss))
        settle(ss);
    else
        end(ss, "connection lost");
}

static void on_readable(struct session *ss)
{
    size_t n;
    enum err e = conn_read(&ss->conn, ss->d->input, TRANSACTION_CHUNK_BYTES, &n);

    if (e != ERR_OK) {
        end(ss, e == ERR_CLOSED ? "closed by the client" : "connection lost");
        return;
    }
    if (n == 0)
        return;
    lend_output(ss);
    run(ss, span_of(ss->d->input, n));
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
    lend_output(ss);
    if (ss->closing)
        settle(ss);
    else
        run(ss, SPAN_NONE);
}

static void on_conn(void *arg, struct conn *c, enum conn_event ev, unsigned ready)
{
    struct session *ss = arg;

    (void)c;
    if (ev == CONN_TIMEOUT && ss->closing) {
        end(ss, "the client does not read");
    } else if (ev == CONN_TIMEOUT) {
        lend_output(ss);
        smtp_server_timeout(&ss->smtp, loop_now_ms(ss->d->loop));
        run(ss, SPAN_NONE);
    } else if ((ready & LOOP_WRITE) != 0 && ss->unsent.n > 0) {
        on_writable(ss);
    } else if ((ready & LOOP_READ) != 0) {
        on_readable(ss);
    }
}

/* ---- for smtpd ---- */

static struct ip_addr ip_of(span octets)
{
    const uint8_t *p = (const uint8_t *)octets.p;

    return octets.n == 16 ? ip_addr_v6(p) : ip_addr_v4(p);
}

void session_start(struct smtpd_port *port, int fd, const struct net_addr *client)
{
    struct smtpd *d = port->smtpd;
    struct session *ss = calloc(1, sizeof(*ss));
    span octets = net_addr_octets(client);
    struct log_line l;

    if (ss == NULL) {
        (void)close(fd);
        return;
    }
    *ss = (struct session){.d = d, .port = port, .client = *client, .slot = NO_SLOT};
    ss->id = ident_next(&d->ident, clock_wall_ms());
    ss->trusted = octets.n == 0 || config_is_trusted(d->config, ip_of(octets));
    heap_init(&ss->rest, 2 * TRANSACTION_CHUNK_BYTES);
    heap_init(&ss->unsent, SESSION_UNSENT_BYTES);
    if (!conn_accept(&ss->conn, d->loop, fd, on_conn, ss)) {
        free(ss);
        return;
    }
    ss->next = d->sessions;
    ss->at = &d->sessions;
    if (ss->next != NULL)
        ss->next->at = &ss->next;
    d->sessions = ss;
    d->session_count++;
    lend_output(ss);
    smtp_server_init(&ss->smtp, &port->smtp, &d->output);
    l = log_session(ss, LOG_SESSION_OPEN, LOG_INFO);
    log_str(&l, KEY_LISTENER, port->config->name);
    log_end(&l);
    run(ss, SPAN_NONE);
}

void session_resume(struct session *ss)
{
    set_stalled(ss, false);
    lend_output(ss);
    run(ss, SPAN_NONE);
}

void session_drain(struct session *ss)
{
    ss->draining = true;
    if (may_end(ss) && is_idle(ss)) {
        lend_output(ss);
        run(ss, SPAN_NONE);
    }
}

void session_linger(struct session *ss)
{
    uncount(ss);
}

void session_kill(struct session *ss)
{
    lend_output(ss);
    if (ss->unsent.n == 0 && !ss->closing) {
        say_goodbye(ss);
        (void)flush(ss);
    }
    end(ss, "shut down");
}
