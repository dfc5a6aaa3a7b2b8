/* SPDX-License-Identifier: ISC */
#include "server/session_auth.h"

#include <stdlib.h>

#include "config/find.h"
#include "net/tls.h"
#include "server/auth.h"
#include "server/session_inner.h"
#include "smtp/sasl.h"

/* What a session has that logs in, or tried to. */
struct session_auth {
    struct login login;
    enum sasl_mechanism mechanism;
    unsigned failures;
    size_t name_n; /* 0: nobody is logged in */
    char name[AUTH_IDENTITY_BYTES];
};

/* ---- what is announced ---- */

static unsigned mechanisms_of(const struct smtpd_port *port, unsigned facts)
{
    unsigned set = auth_mechanisms(port->smtpd->config);

    if (port->config->role != CONFIG_ROLE_SUBMISSION || (facts & SMTPD_LOGIN_ALLOWED) == 0)
        return 0;
    if ((facts & SMTPD_LOGIN_BINDING) == 0)
        set &= ~(1u << SASL_SCRAM_SHA_256_PLUS);
    if ((facts & SMTPD_LOGIN_CERTIFICATE) == 0)
        set &= ~(1u << SASL_EXTERNAL);
    return set;
}

void session_auth_port(struct smtpd_port *port)
{
    for (unsigned facts = 0; facts < SMTPD_LOGINS; facts++) {
        struct buf names = BUF_OVER(port->login_names[facts]);

        sasl_put_names(&names, mechanisms_of(port, facts));
        port->logins[facts] = (facts & SMTPD_LOGIN_LISTED) != 0 ? port->listed : port->smtp;
        if (port->config->role == CONFIG_ROLE_SUBMISSION)
            port->logins[facts].ext |= SMTP_EXT_AUTH;
        port->logins[facts].tls = (facts & SMTPD_LOGIN_TLS) != 0;
        port->logins[facts].auth_mechanisms = buf_span(&names);
    }
}

static bool is_loopback(const struct session *ss)
{
    static const uint8_t ipv6[16] = {[15] = 1};
    span octets = net_addr_octets(&ss->client);

    return !ss->unnamed && (octets.n == 0 || (octets.n == 4 && octets.p[0] == 127) ||
                            span_eq(octets, span_of(ipv6, sizeof ipv6)));
}

static bool may_in_the_clear(const struct session *ss)
{
    return ss->d->config->auth.plaintext == CONFIG_PLAINTEXT_LOOPBACK && is_loopback(ss) &&
           ss->port->config->tls != CONFIG_TLS_REQUIRED;
}

/* The address that a verified client certificate names. */
static span certificate_address(const struct session *ss, struct buf *b)
{
    struct tls_facts facts;

    if (!tls_is_on(&ss->conn))
        return SPAN_NONE;
    tls_facts(&ss->conn, &facts);
    if (facts.trust != TLS_VERIFIED || !tls_peer_name(&ss->conn, TLS_NAME_EMAIL, 0, b))
        return SPAN_NONE;
    return buf_span(b);
}

const struct smtp_server_conf *session_auth_conf(const struct session *ss)
{
    unsigned facts = may_in_the_clear(ss) ? SMTPD_LOGIN_ALLOWED : 0;
    char memory[TLS_BINDING_BYTES], address[AUTH_IDENTITY_BYTES];
    struct buf binding = BUF_OVER(memory), name = BUF_OVER(address);

    if (tls_is_on(&ss->conn)) {
        facts = SMTPD_LOGIN_ALLOWED | SMTPD_LOGIN_TLS;
        if (tls_binding(&ss->conn, TLS_BINDING_EXPORTER, &binding) ||
            tls_binding(&ss->conn, TLS_BINDING_UNIQUE, &binding))
            facts |= SMTPD_LOGIN_BINDING;
        if (certificate_address(ss, &name).n != 0)
            facts |= SMTPD_LOGIN_CERTIFICATE;
    }
    if (ss->listed)
        facts |= SMTPD_LOGIN_LISTED;
    return &ss->port->logins[facts];
}

/* ---- an exchange ---- */

static struct smtp_reply reply_of(enum auth_status status)
{
    static const struct {
        unsigned code;
        span enhanced;
        span text;
    } replies[AUTH_STATUS_COUNT] = {
        [AUTH_FINE] = {235, SPAN_INIT("2.7.0"), SPAN_INIT("Logged in")},
        [AUTH_WRONG] = {535, SPAN_INIT("5.7.8"), SPAN_INIT("Authentication credentials invalid")},
        [AUTH_MALFORMED] = {501, SPAN_INIT("5.5.2"),
                            SPAN_INIT("That is not in the form of this mechanism")},
        [AUTH_LATER] = {454, SPAN_INIT("4.7.0"),
                        SPAN_INIT("Too many failed attempts; wait before you try again")},
        [AUTH_TROUBLE] = {454, SPAN_INIT("4.7.0"),
                          SPAN_INIT("Authentication is not possible at the moment; try later")},
    };

    return smtp_reply_of(replies[status].code, replies[status].enhanced, replies[status].text);
}

static void tell(struct session *ss, const struct auth_result *r)
{
    bool fine = r->status == AUTH_FINE;
    struct log_line l =
        session_log(ss, fine ? LOG_AUTH_OK : LOG_AUTH_FAILED, fine ? LOG_INFO : LOG_WARNING);

    log_str(&l, KEY_MECHANISM, sasl_name(ss->auth->mechanism));
    if (r->identity.n != 0)
        log_str(&l, KEY_LOGIN, r->identity);
    if (!fine)
        log_str(&l, KEY_REASON, r->why);
    log_end(&l);
}

/* The judgement that the greeting had is of somebody unknown: after AUTH it is exempt. */
static void become(struct session *ss, span name)
{
    memcpy(ss->auth->name, name.p, name.n);
    ss->auth->name_n = name.n;
    ss->judged = true;
    session_note(ss, LEDGER_USER, 0, name);
    session_note(ss, LEDGER_EXEMPT, 0, greeting_exempt_word(EXEMPT_AUTHENTICATED));
}

static void answer(struct session *ss, const struct auth_result *r)
{
    struct smtp_reply reply = reply_of(r->status);

    tell(ss, r);
    if (r->status == AUTH_FINE)
        become(ss, r->identity);
    else if (r->status != AUTH_TROUBLE &&
             ++ss->auth->failures >= ss->d->config->limits.auth_failures)
        reply = smtp_reply_of(421, SPAN("4.7.0"), SPAN("Too many failed attempts to log in"));
    smtp_server_answer(&ss->smtp, reply);
}

static void on_answer(void *arg, span challenge, const struct auth_result *result)
{
    struct session *ss = arg;

    ss->waiting = false;
    session_lend_output(ss);
    if (result != NULL)
        answer(ss, result);
    else
        smtp_server_challenge(&ss->smtp, challenge);
    session_run(ss, SPAN_NONE);
}

static void ask(struct session *ss, const struct smtp_event *ev)
{
    char unique[TLS_BINDING_BYTES], exporter[TLS_BINDING_BYTES], address[AUTH_IDENTITY_BYTES];
    struct buf u = BUF_OVER(unique), e = BUF_OVER(exporter), a = BUF_OVER(address);
    struct auth_start start = {
        .mechanism = ev->mechanism,
        .client = net_addr_octets(&ss->client),
        .trusted = ss->trusted,
        .initial = ev->initial_given,
        .response = ev->argument,
        .certificate = certificate_address(ss, &a),
    };

    if (tls_is_on(&ss->conn) && tls_binding(&ss->conn, TLS_BINDING_EXPORTER, &e))
        start.tls_exporter = buf_span(&e);
    if (tls_is_on(&ss->conn) && tls_binding(&ss->conn, TLS_BINDING_UNIQUE, &u))
        start.tls_unique = buf_span(&u);
    ss->auth->mechanism = sasl_find(ev->mechanism);
    login_start(&ss->d->logins, &ss->auth->login, &start, on_answer, ss);
}

bool session_on_auth(struct session *ss, const struct smtp_event *ev)
{
    if (ss->waiting)
        return false;
    if (ss->auth == NULL)
        ss->auth = calloc(1, sizeof *ss->auth);
    if (ss->auth == NULL) {
        smtp_server_answer(&ss->smtp, reply_of(AUTH_TROUBLE));
        return true;
    }
    ss->waiting = true;
    if (ev->kind == SMTP_EVENT_AUTH)
        ask(ss, ev);
    else
        login_step(&ss->auth->login, ev->argument);
    return false;
}

bool session_on_auth_cancel(struct session *ss, const struct smtp_event *ev)
{
    struct auth_result r = {AUTH_WRONG, SPAN_NONE, SPAN("given up by the client")};
    bool limit;

    login_cancel(&ss->auth->login);
    tell(ss, &r);
    limit = ++ss->auth->failures >= ss->d->config->limits.auth_failures;
    smtp_server_answer(&ss->smtp, limit ? smtp_reply_of(421, SPAN("4.7.0"),
                                                        SPAN("Too many failed attempts to log in"))
                                        : ev->reply);
    return true;
}

/* ---- who somebody is ---- */

span session_login(const struct session *ss)
{
    return ss->auth != NULL ? span_of(ss->auth->name, ss->auth->name_n) : SPAN_NONE;
}

void session_auth_forget(struct session *ss)
{
    if (ss->auth == NULL)
        return;
    login_cancel(&ss->auth->login);
    ss->auth->name_n = 0;
}

void session_auth_free(struct session *ss)
{
    session_auth_forget(ss);
    free(ss->auth);
    ss->auth = NULL;
}

struct smtp_reply session_auth_sender(const struct session *ss, const struct path *sender)
{
    char memory[PATH_MAX_BYTES];
    struct buf local = BUF_OVER(memory);

    /* The null sender is for what must not be answered: receipts (RFC 8098 3). */
    if (session_login(ss).n == 0 || path_is_null(sender))
        return (struct smtp_reply){0};
    path_put_local(&local, sender);
    if (!local.overflow &&
        config_may_send_as(ss->d->config, session_login(ss), buf_span(&local), sender->domain))
        return (struct smtp_reply){0};
    return smtp_reply_of(553, SPAN("5.7.1"),
                         SPAN("That sender is not yours: send as the address "
                              "that you log in with"));
}
