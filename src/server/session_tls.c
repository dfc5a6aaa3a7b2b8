/* SPDX-License-Identifier: ISC */
/*
 * TLS under a session: the handshake after STARTTLS, or before the banner on a port with implicit
 * TLS. The session shakes hands at most once, and nothing of what was said in the clear is kept
 * (RFC 3207 4.2); when TLS ends, in whatever way, the session ends.
 */
#include "server/session_inner.h"

static void tell_started(const struct session *ss)
{
    struct log_line l = session_log(ss, LOG_TLS_STARTED, LOG_INFO);
    struct tls_facts facts;

    tls_facts(&ss->conn, &facts);
    log_cstr(&l, KEY_PROTOCOL, facts.protocol);
    log_cstr(&l, KEY_CIPHER, facts.cipher);
    log_bool(&l, KEY_RESUMED, facts.resumed);
    if (facts.server_name.n != 0)
        log_str(&l, KEY_NAME, facts.server_name);
    if (facts.trust != TLS_ANONYMOUS)
        log_cstr(&l, KEY_CERTIFICATE, facts.doubt != NULL ? facts.doubt : "verified");
    log_end(&l);
}

static void fail(struct session *ss, const char *why, const char *end)
{
    struct log_line l = session_log(ss, LOG_TLS_FAILED, LOG_INFO);

    log_cstr(&l, KEY_REASON, why);
    log_end(&l);
    session_end(ss, end);
}

static void shaken(struct session *ss)
{
    ss->shaking = false;
    conn_timeout(&ss->conn, 0);
    tell_started(ss);
    session_note_tls(ss);
    if (ss->smtp.state != SMTP_SERVER_TLS) {
        session_banner(ss, SPAN_NONE);
        return;
    }
    smtp_server_secured(&ss->smtp, session_auth_conf(ss));
    session_lend_output(ss);
    session_run(ss, SPAN_NONE);
}

static void go_on(struct session *ss)
{
    switch (tls_handshake(&ss->conn)) {
    case TLS_UNDER_WAY:
        conn_want(&ss->conn, LOOP_READ);
        break;
    case TLS_DONE:
        shaken(ss);
        break;
    case TLS_FAILED:
        fail(ss, tls_fault(&ss->conn), "the TLS handshake failed");
        break;
    }
}

void session_tls_begin(struct session *ss, span early)
{
    session_forget_client(ss);
    if (!tls_start_server(&ss->conn, ss->d->tls) || !tls_take(&ss->conn, early)) {
        session_end(ss, "no memory");
        return;
    }
    ss->shaking = true;
    conn_timeout(&ss->conn, (int64_t)ss->d->config->limits.tls_timeout_ms);
    if (early.n > 0)
        go_on(ss);
    else
        conn_want(&ss->conn, LOOP_READ);
}

void session_tls_on_conn(struct session *ss, enum conn_event ev)
{
    if (ev == CONN_TIMEOUT)
        fail(ss, "it took too long", "the TLS handshake took too long");
    else
        go_on(ss);
}

const char *session_tls_end(const struct session *ss, enum err e)
{
    const char *fault = tls_fault(&ss->conn);

    if (fault != NULL && e == ERR_TLS) {
        struct log_line l = session_log(ss, LOG_TLS_FAILED, LOG_INFO);

        log_cstr(&l, KEY_REASON, fault);
        log_end(&l);
        return "TLS ended without notice, or was damaged";
    }
    return e == ERR_CLOSED ? "closed by the client" : "connection lost";
}

void session_tls_received(const struct session *ss, struct received *r)
{
    struct tls_facts facts;

    if (!tls_is_on(&ss->conn))
        return;
    tls_facts(&ss->conn, &facts);
    r->tls_cipher = span_cstr(facts.cipher);
    r->tls_version = span_cstr(facts.protocol);
}

bool session_tls_is_missing(const struct session *ss, enum smtp_event_kind kind)
{
    /* AUTH is not offered (session_auth.c). */
    static const bool needs[] = {
        [SMTP_EVENT_MAIL] = true,
        [SMTP_EVENT_VRFY] = true,
        [SMTP_EVENT_EXPN] = true,
        [SMTP_EVENT_ETRN] = true,
    };

    return ss->port->config->tls == CONFIG_TLS_REQUIRED && !tls_is_on(&ss->conn) &&
           (size_t)kind < COUNT(needs) && needs[kind];
}
