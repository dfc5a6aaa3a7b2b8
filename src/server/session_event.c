/* SPDX-License-Identifier: ISC */
#include <stdlib.h>

#include "base/num.h"
#include "config/find.h"
#include "net/tls.h"
#include "os/clock.h"
#include "server/session_inner.h"

/* The name is the one in force, or the one that is refused itself. */
static void refuse_as(struct session *ss, const struct smtp_event *ev, span greeting,
                      struct smtp_reply reply)
{
    struct log_line l = session_log(ss, LOG_SESSION_REFUSED, LOG_INFO);

    log_cstr(&l, KEY_STAGE, smtp_server_state_text(ss->smtp.state));
    log_str(&l, KEY_GREETING, greeting);
    if (ev->path.text.n != 0)
        log_str(&l, KEY_ADDRESS, ev->path.text);
    log_num(&l, KEY_CODE, reply.code);
    log_str(&l, KEY_REPLY, reply.text);
    log_end(&l);
    if (ev->kind == SMTP_EVENT_RCPT)
        session_note(ss, LEDGER_RCPT, reply.code, ev->path.text);
    session_note(ss, LEDGER_REPLY, reply.code, reply.text);
    smtp_server_answer(&ss->smtp, session_count_refusal(ss, reply));
}

enum census_verdict session_count(struct session *ss)
{
    const struct config_limits *limits = &ss->d->config->limits;
    /* The share of one client does not bind those who may relay: they are our own. */
    struct census_limits census = {limits->sessions,
                                   ss->trusted ? UINT64_MAX : limits->sessions_per_client};

    if (ss->slot != SESSION_NO_SLOT)
        return CENSUS_FINE;
    return census_enter(&ss->d->census, &ss->client, &census, &ss->slot);
}

static void refuse(struct session *ss, const struct smtp_event *ev, struct smtp_reply reply)
{
    refuse_as(ss, ev, session_greeting(ss), reply);
}

static bool on_connect(struct session *ss, const struct smtp_event *ev)
{
    static const struct {
        span text;
    } words[] = {
        [CENSUS_TOO_MANY] = {SPAN_INIT("Too many sessions at the moment; try again later")},
        [CENSUS_TOO_MANY_OF_CLIENT] = {SPAN_INIT("Too many sessions from your address; try later")},
    };
    enum census_verdict verdict = session_count(ss);

    smtpd_watch_stress(ss->d);
    if (verdict == CENSUS_FINE)
        smtp_server_answer(&ss->smtp, ev->reply);
    else
        refuse(ss, ev, smtp_reply_of(421, SPAN("4.7.0"), words[verdict].text));
    return true;
}

/* ---- the greeting ---- */

static void tell_verdict(struct session *ss, const struct greet *g,
                         const struct greeting_verdict *v)
{
    struct log_line l = session_log(ss, LOG_GREETING_JUDGED, LOG_INFO);

    greet_log(g, v, &l);
    if (v->action != GREETING_ACCEPT) {
        session_new_ref(ss);
        log_cstr(&l, KEY_REFERENCE, ss->ledger.ref);
    }
    log_end(&l);
    if (greet_has_stale(g)) {
        l = session_log(ss, LOG_TABLE_STALE, LOG_WARNING);
        greet_log_stale(g, &l);
        log_end(&l);
    }
    session_note_verdict(ss, g, v);
    if (v->action != GREETING_ACCEPT)
        session_note(ss, LEDGER_REF, 0, span_cstr(ss->ledger.ref));
}

static void refuse_greeting(struct session *ss, const struct smtp_event *ev, const struct greet *g,
                            const struct greeting_verdict *v)
{
    char memory[GREET_REPLY_BYTES];
    struct buf words = BUF_OVER(memory);

    refuse_as(ss, ev, greet_name(g), greet_reply(g, v, span_cstr(ss->ledger.ref), &words));
}

static struct greet *new_greet(struct session *ss, const struct smtp_event *ev)
{
    enum config_role role = ss->port->config->role;
    struct greet_start start = {
        .name = ev->argument,
        .is_helo = ev->verb == SMTP_GREETING_HELO,
        .client = session_ip(ss),
        .trusted = ss->trusted,
        .submission = role == CONFIG_ROLE_SUBMISSION,
        .lmtp = role == CONFIG_ROLE_LMTP,
        .authenticated = session_login(ss).n != 0,
        .changed = ss->changed,
        .early = ss->ledger.early,
        .gave_up = ss->greet != NULL && greet_gave_up(ss->greet),
        .fn = session_on_greet,
        .arg = ss,
    };

    if (ss->greet != NULL && !span_ieq(greet_name(ss->greet), ev->argument))
        start.changed = true;
    return greet_new(&ss->d->greets, &start);
}

static void put_in_force(struct session *ss, struct greet *g, bool judged)
{
    session_drop_transaction(ss);
    ss->changed =
        ss->changed || (ss->greet != NULL && !span_ieq(greet_name(ss->greet), greet_name(g)));
    greet_free(ss->greet);
    ss->greet = g;
    ss->judged = judged;
    ss->told = judged;
    session_trust_greeted(ss);
}

/*
 * Judge the greeting that waits for its answer, as far as that is due at HELO. A refused one
 * leaves the former in force.
 */
static bool judge_next(struct session *ss, const struct smtp_event *ev)
{
    bool due = ss->d->config->greeting.policy.refuse_at == STAGE_HELO;
    struct greet *g = ss->greet_next;
    struct greeting_verdict v;

    greet_judge_name(g, &v);
    if (v.action == GREETING_ACCEPT && due) {
        if (!greet_is_ready(g)) {
            ss->asking = true;
            return false;
        }
        greet_judge(g, &v);
    }
    ss->greet_next = NULL;
    session_note_greeting(ss, g, v.action == GREETING_ACCEPT ? ev->reply.code : v.code);
    if (due || v.action != GREETING_ACCEPT)
        tell_verdict(ss, g, &v);
    if (v.action == GREETING_ACCEPT) {
        put_in_force(ss, g, due);
        smtp_server_answer(&ss->smtp, ev->reply);
        return true;
    }
    refuse_greeting(ss, ev, g, &v);
    session_record_verdict(ss);
    greet_free(g);
    return true;
}

static bool on_greeting(struct session *ss, const struct smtp_event *ev)
{
    bool is_helo = ev->verb == SMTP_GREETING_HELO;

    if (ss->greet_next == NULL && ss->greet != NULL &&
        greet_is_same(ss->greet, ev->argument, is_helo)) {
        session_drop_transaction(ss);
        smtp_server_answer(&ss->smtp, ev->reply);
        return true;
    }
    if (ss->greet_next == NULL)
        ss->greet_next = new_greet(ss, ev);
    if (ss->greet_next != NULL)
        return judge_next(ss, ev);
    refuse(ss, ev, smtp_reply_of(421, SPAN("4.3.0"), SPAN("No memory; try again later")));
    return true;
}

enum gate {
    GATE_OPEN,   /* go on */
    GATE_WAITS,  /* DNS is still asked */
    GATE_REFUSED /* and answered */
};

/* The greeting in force, at the command at which the policy wants it judged. */
static enum gate judge_greeting(struct session *ss, const struct smtp_event *ev,
                                enum greeting_stage stage)
{
    struct greeting_verdict v;

    if (ss->judged || ss->d->config->greeting.policy.refuse_at != stage)
        return GATE_OPEN;
    if (!greet_is_ready(ss->greet)) {
        ss->asking = true;
        return GATE_WAITS;
    }
    greet_judge(ss->greet, &v);
    if (!ss->told && (v.exempt == EXEMPT_NOT || v.action != GREETING_ACCEPT))
        tell_verdict(ss, ss->greet, &v);
    ss->judged = v.action == GREETING_ACCEPT;
    if (!ss->judged)
        refuse_greeting(ss, ev, ss->greet, &v);
    if (!ss->judged && !ss->told)
        session_record_verdict(ss);
    ss->told = true;
    if (ss->judged)
        return GATE_OPEN;
    return GATE_REFUSED;
}

/* ---- the envelope ---- */

static unsigned envelope_flags(const struct smtp_mail_params *p)
{
    static const unsigned bodies[] = {[SMTP_BODY_8BITMIME] = ENVELOPE_8BIT,
                                      [SMTP_BODY_BINARYMIME] = ENVELOPE_8BIT | ENVELOPE_BINARY};
    static const unsigned rets[] = {
        [SMTP_RET_FULL] = ENVELOPE_RET_FULL, [SMTP_RET_HDRS] = ENVELOPE_RET_HDRS};

    return bodies[p->body] | rets[p->ret] | (p->smtputf8 ? ENVELOPE_SMTPUTF8 : 0u) |
           (p->requiretls ? ENVELOPE_REQUIRETLS : 0u);
}

/* A trusted network, or somebody who logged in. */
static bool may_relay(const struct session *ss)
{
    return ss->trusted || session_login(ss).n != 0;
}

static bool on_mail(struct session *ss, const struct smtp_event *ev)
{
    char memory[SESSION_CLIENT_TEXT];
    int64_t now = clock_wall_ms();
    struct transaction_start start = {
        .id = ident_next(&ss->d->ident, now),
        .session = ss->id,
        .received_ms = now,
        .sender = ev->path.text,
        .client = session_client(ss, memory),
        .greeting = session_greeting(ss),
        .envid = ev->mail.envid,
        .flags = envelope_flags(&ev->mail),
        .login = session_login(ss),
        .submission = ss->port->config->role == CONFIG_ROLE_SUBMISSION,
    };
    struct smtp_reply no;
    enum gate gate = judge_greeting(ss, ev, STAGE_MAIL);

    if (gate != GATE_OPEN)
        return gate == GATE_REFUSED;
    if (ss->port->config->role == CONFIG_ROLE_SUBMISSION && !may_relay(ss))
        no = smtp_reply_of(530, SPAN("5.7.0"), SPAN("Authentication required"));
    else
        no = session_auth_sender(ss, &ev->path);
    if (no.code != 0) {
        refuse(ss, ev, no);
        return true;
    }
    ss->transaction = transaction_new(&ss->d->queue, ss->d->config, &start);
    if (ss->transaction == NULL) {
        refuse(ss, ev, smtp_reply_of(451, SPAN("4.3.0"), SPAN("No memory; try again later")));
        return true;
    }
    session_note(ss, LEDGER_SENDER, ev->reply.code, ev->path.text);
    greet_from(ss->greet, transaction_sender(ss->transaction));
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
        if (!may_relay(ss))
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

/* <postmaster> alone is the one of our first domain; others are as they were said. */
static struct path recipient_path(const struct session *ss, const struct path *said,
                                  struct buf *memory)
{
    struct path path = *said;

    if (said->domain.n != 0)
        return path;
    buf_put(memory, SPAN("postmaster@"));
    buf_put(memory, config_postmaster_domain(ss->d->config));
    return path_parse_address(buf_span(memory), 0, &path) == PATH_FINE ? path : *said;
}

static bool on_rcpt(struct session *ss, const struct smtp_event *ev)
{
    char memory[PATH_MAX_BYTES];
    struct buf address = BUF_OVER(memory);
    struct path path = recipient_path(ss, &ev->path, &address);
    enum gate gate = judge_greeting(ss, ev, STAGE_RCPT);
    struct smtp_reply no;

    if (gate != GATE_OPEN)
        return gate == GATE_REFUSED;
    no = judge_rcpt(ss, &path);
    if (no.code == 0 && !transaction_rcpt(ss->transaction, &path, &ev->rcpt))
        no = smtp_reply_of(452, SPAN("4.5.3"), SPAN("Too many recipients"));
    if (ss->unknown_rcpts > ss->d->config->limits.unknown_recipients)
        no = smtp_reply_of(421, SPAN("4.7.0"), SPAN("Too many unknown recipients"));
    if (no.code != 0) {
        refuse(ss, ev, no);
        return true;
    }
    session_note(ss, LEDGER_RCPT, ev->reply.code, ev->path.text);
    smtp_server_answer(&ss->smtp, ev->reply);
    return true;
}

/*
 * RFC 3848: S is for TLS, A for a login; RFC 6531 4.3: UTF8 for SMTPUTF8. Who says HELO can have
 * none of them.
 */
static span protocol_of(const struct session *ss)
{
    static const span names[][8] = {
        [SMTP_GREETING_HELO] = {SPAN_INIT("SMTP"), SPAN_INIT("SMTP"), SPAN_INIT("SMTP"),
                                SPAN_INIT("SMTP"), SPAN_INIT("SMTP"), SPAN_INIT("SMTP"),
                                SPAN_INIT("SMTP"), SPAN_INIT("SMTP")},
        [SMTP_GREETING_EHLO] = {SPAN_INIT("ESMTP"), SPAN_INIT("ESMTPS"), SPAN_INIT("ESMTPA"),
                                SPAN_INIT("ESMTPSA"), SPAN_INIT("UTF8SMTP"), SPAN_INIT("UTF8SMTPS"),
                                SPAN_INIT("UTF8SMTPA"), SPAN_INIT("UTF8SMTPSA")},
        [SMTP_GREETING_LHLO] = {SPAN_INIT("LMTP"), SPAN_INIT("LMTPS"), SPAN_INIT("LMTPA"),
                                SPAN_INIT("LMTPSA"), SPAN_INIT("UTF8LMTP"), SPAN_INIT("UTF8LMTPS"),
                                SPAN_INIT("UTF8LMTPA"), SPAN_INIT("UTF8LMTPSA")},
    };

    return names[ss->smtp.verb][tls_is_on(&ss->conn) + 2 * ss->smtp.authenticated +
                                4 * transaction_is_utf8(ss->transaction)];
}

static bool on_data(struct session *ss, const struct smtp_event *ev)
{
    char memory[SESSION_CLIENT_TEXT];
    struct buf address = BUF_OVER(memory);
    char field[AUTHRES_MAX_BYTES];
    struct buf results = BUF_OVER(field);
    struct received received = {.host = ss->d->config->hostname, .with = protocol_of(ss)};

    if (!greet_is_ready(ss->greet) || !greet_from_is_ready(ss->greet)) {
        ss->asking = true;
        return false;
    }
    greet_put_results(ss->greet, &results);
    received.ptr = greet_host(ss->greet);
    if (net_addr_octets(&ss->client).n == 16)
        buf_put(&address, SPAN("IPv6:"));
    if (net_addr_octets(&ss->client).n != 0)
        net_addr_put_host(&address, &ss->client);
    received.address = buf_span(&address);
    session_tls_received(ss, &received);
    if (transaction_data(ss->transaction, &received, buf_span(&results)))
        smtp_server_answer(&ss->smtp, ev->reply);
    else
        refuse(ss, ev, smtp_reply_of(451, SPAN("4.3.0"), SPAN("No memory; try again later")));
    return true;
}

static bool on_chunk(struct session *ss, const struct smtp_event *ev)
{
    if (put_is_full(&ss->d->queue)) {
        session_stall(ss, true);
        return false;
    }
    transaction_chunk(ss->transaction, ev->chunk);
    smtp_server_took(&ss->smtp);
    return true;
}

static void refuse_message(struct session *ss, struct smtp_reply reply, span why)
{
    struct log_line l = session_log(ss, LOG_MESSAGE_REFUSED, LOG_INFO);

    log_str(&l, KEY_GREETING, session_greeting(ss));
    log_str(&l, KEY_SENDER, transaction_sender(ss->transaction));
    log_num(&l, KEY_SIZE, (int64_t)transaction_size(ss->transaction));
    log_num(&l, KEY_CODE, reply.code);
    log_str(&l, KEY_REPLY, reply.text);
    if (why.n != 0)
        log_str(&l, KEY_REASON, why);
    log_end(&l);
    session_note_message(ss, transaction_id(ss->transaction), reply.code);
    session_note(ss, LEDGER_REPLY, reply.code, reply.text);
}

static void accept_message(struct session *ss)
{
    struct log_line l = session_log(ss, LOG_MESSAGE_ACCEPTED, LOG_INFO);

    ss->messages++;
    session_note_message(ss, transaction_id(ss->transaction), 250);
    log_str(&l, KEY_GREETING, session_greeting(ss));
    log_str(&l, KEY_SENDER, transaction_sender(ss->transaction));
    log_num(&l, KEY_RECIPIENTS, transaction_rcpts(ss->transaction));
    log_num(&l, KEY_SIZE, (int64_t)transaction_size(ss->transaction));
    log_end(&l);
}

/* The last answer of a transaction; under LMTP the engine asks for each recipient again. */
static void finish_data(struct session *ss, struct smtp_reply reply)
{
    session_drop_transaction(ss);
    ss->final = session_count_refusal(ss, reply);
    smtp_server_answer(&ss->smtp, ss->final);
}

static void on_stored(void *arg, const struct put_result *result)
{
    struct session *ss = arg;
    struct smtp_reply reply = transaction_reply(result->status);
    struct buf text = BUF_OVER(ss->final_text);

    if (result->status == PUT_OK) {
        buf_put(&text, SPAN("Message accepted as "));
        buf_put(&text, span_cstr(num_id_text(transaction_id(ss->transaction)).text));
        reply.text = buf_span(&text);
        accept_message(ss);
    } else {
        refuse_message(ss, reply, result->why);
    }
    ss->waiting = false;
    session_lend_output(ss);
    finish_data(ss, reply);
    session_run(ss, SPAN_NONE);
}

static bool on_data_end(struct session *ss, const struct smtp_event *ev)
{
    struct smtp_reply reply = ev->reply;

    if (ev->recipient > 0) {
        smtp_server_answer(&ss->smtp, ss->final);
        return true;
    }
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
    session_drop_transaction(ss);
    smtp_server_answer(&ss->smtp, ev->reply);
    return true;
}

/* What the engine's own reply is right for. */
static bool on_plain(struct session *ss, const struct smtp_event *ev)
{
    smtp_server_answer(&ss->smtp, ev->reply);
    return true;
}

/* The memory goes back at the end of a turn in which the engine has let go of it. */
static bool on_long_line(struct session *ss, const struct smtp_event *ev)
{
    (void)ev;
    session_free_auth_line(ss);
    ss->auth_line = malloc(SMTP_AUTH_LINE_BYTES);
    smtp_server_lend(&ss->smtp, ss->auth_line);
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
    [SMTP_EVENT_CONNECT] = on_connect,
    [SMTP_EVENT_GREETING] = on_greeting,
    [SMTP_EVENT_UNGREETED] = session_on_ungreeted,
    [SMTP_EVENT_MAIL] = on_mail,
    [SMTP_EVENT_RCPT] = on_rcpt,
    [SMTP_EVENT_DATA] = on_data,
    [SMTP_EVENT_CHUNK] = on_chunk,
    [SMTP_EVENT_DATA_END] = on_data_end,
    [SMTP_EVENT_RSET] = on_rset,
    [SMTP_EVENT_VRFY] = on_plain,
    [SMTP_EVENT_EXPN] = on_plain,
    [SMTP_EVENT_ETRN] = on_plain,
    [SMTP_EVENT_HELP] = on_plain,
    [SMTP_EVENT_NOOP] = on_plain,
    [SMTP_EVENT_STARTTLS] = on_plain,
    [SMTP_EVENT_AUTH] = session_on_auth,
    [SMTP_EVENT_AUTH_STEP] = session_on_auth,
    [SMTP_EVENT_AUTH_CANCEL] = session_on_auth_cancel,
    [SMTP_EVENT_XCLIENT] = session_on_xclient,
    [SMTP_EVENT_XFORWARD] = session_on_xforward,
    [SMTP_EVENT_LONG_LINE] = on_long_line,
    [SMTP_EVENT_CLOSE] = on_close,
};

bool session_event(struct session *ss, const struct smtp_event *ev)
{
    if (session_tls_is_missing(ss, ev->kind)) {
        refuse(ss, ev,
               smtp_reply_of(530, SPAN("5.7.0"), SPAN("Must issue a STARTTLS command first")));
        return true;
    }
    return handlers[ev->kind](ss, ev);
}
