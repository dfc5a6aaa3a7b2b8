/* SPDX-License-Identifier: ISC */
/* AUTH to a smarthost: which mechanism, and the exchange, which GNU SASL knows. */
#include <gsasl.h>

#include "net/tls.h"
#include "server/relay_secure.h"

/* The best first. Whom the password itself is shown to is asked last. */
static const struct {
    span name;
    bool mutual; /* the server must have proved itself in the exchange; else it sees the password */
} mechanisms[] = {
    {SPAN_INIT("SCRAM-SHA-256"), true},
    {SPAN_INIT("SCRAM-SHA-1"), true},
    {SPAN_INIT("PLAIN"), false},
    {SPAN_INIT("LOGIN"), false},
};

bool relay_auth_start(struct relay *r)
{
    return gsasl_init(&r->sasl) == GSASL_OK;
}

void relay_auth_stop(struct relay *r)
{
    if (r->sasl != NULL)
        gsasl_done(r->sasl);
    r->sasl = NULL;
}

void relay_auth_free(struct relay_conn *c)
{
    if (c->sasl != NULL)
        gsasl_finish(c->sasl);
    c->sasl = NULL;
}

static bool is_this_machine(const struct relay_conn *c)
{
    struct ip_addr peer = net_addr_to_ip(&c->dest->targets[c->target].addr);

    return ip_addr_scope(peer) == IP_LOOPBACK;
}

static bool is_verified(const struct relay_conn *c)
{
    struct tls_facts facts;

    tls_facts(&c->conn, &facts);
    return facts.trust == TLS_VERIFIED;
}

/* Nothing can be sent by this way: the connection ends, and the jobs wait. */
static bool give_up(struct relay_conn *c, const char *why, span reply, unsigned code)
{
    relay_auth_free(c);
    relay_conn_note(c, "auth", why, reply);
    c->why_code = code;
    c->why_status = SPAN("4.7.8");
    smtp_client_quit(&c->smtp);
    return true;
}

/* One step of the exchange; false: it cannot go on. *out is to be freed by gsasl_free. */
static bool step(struct relay_conn *c, span in, char **out, size_t *out_n)
{
    int rc = gsasl_step(c->sasl, in.p, in.n, out, out_n);

    c->sasl_proved = rc == GSASL_OK;
    return rc == GSASL_OK || rc == GSASL_NEEDS_MORE;
}

static bool begin(struct relay_conn *c, size_t mechanism)
{
    const struct relay_route *rr = c->dest->route;

    relay_auth_free(c);
    if (gsasl_client_start(c->relay->sasl, mechanisms[mechanism].name.p, &c->sasl) != GSASL_OK)
        return false;
    return gsasl_property_set(c->sasl, GSASL_AUTHID, rr->conf->user.p) == GSASL_OK &&
           gsasl_property_set(c->sasl, GSASL_PASSWORD, rr->password) == GSASL_OK;
}

/* LOGIN waits to be asked; the others speak first. */
static enum err say_first(struct relay_conn *c, size_t mechanism)
{
    span name = mechanisms[mechanism].name;
    char *first = NULL;
    size_t n = 0;
    enum err e = ERR_SYNTAX;

    if (span_eq(name, SPAN("LOGIN")))
        return smtp_client_auth(&c->smtp, name, SPAN_NONE);
    if (step(c, SPAN_NONE, &first, &n))
        e = smtp_client_auth(&c->smtp, name, span_of(first, n));
    gsasl_free(first);
    return e;
}

/* With `tls = try` anybody in between can be the server: the password is not shown to him. */
bool relay_on_wants_auth(struct relay_conn *c, const struct smtp_client_event *ev)
{
    const char *why = "no mechanism is left that the server and herald have";
    bool is_known = is_this_machine(c) || (tls_is_on(&c->conn) && is_verified(c));

    (void)ev;
    if (!tls_is_on(&c->conn) && !is_known)
        return give_up(c, "without TLS no password is sent", SPAN_NONE, 0);
    for (; c->mechanism < COUNT(mechanisms); c->mechanism++) {
        if (!smtp_client_has_mechanism(&c->smtp, mechanisms[c->mechanism].name))
            continue;
        if (!mechanisms[c->mechanism].mutual && !is_known)
            why =
                "the certificate does not verify (ca_file), and no password is shown to a stranger";
        else if (begin(c, c->mechanism) && say_first(c, c->mechanism) == ERR_OK)
            return true;
    }
    return give_up(c, why, SPAN_NONE, 0);
}

bool relay_on_challenge(struct relay_conn *c, const struct smtp_client_event *ev)
{
    char *out = NULL;
    size_t n = 0;

    if (!step(c, ev->challenge, &out, &n) ||
        smtp_client_respond(&c->smtp, span_of(out, n)) != ERR_OK)
        smtp_client_auth_cancel(&c->smtp);
    gsasl_free(out);
    return true;
}

bool relay_on_auth_result(struct relay_conn *c, const struct smtp_client_event *ev)
{
    bool mutual = mechanisms[c->mechanism].mutual;

    if (ev->reply.code == 235 && (!mutual || c->sasl_proved)) {
        relay_auth_free(c);
        return true;
    }
    if (ev->reply.code == 235)
        return give_up(c, "the server did not prove that it knows the password", SPAN_NONE, 0);
    /* It announced what it does not do (RFC 4954 6): the next one. */
    if (ev->reply.code == 504 || ev->reply.code == 534) {
        c->mechanism++;
        return true;
    }
    return give_up(c, "refused", ev->reply.text, ev->reply.code);
}
