/* SPDX-License-Identifier: ISC */
#include "server/relay_secure.h"

#include "base/ascii.h"
#include "os/log.h"
#include "server/relay_header.h"

/* ---- policy ---- */

static const struct relay_route *of_config(const struct relay *r, const struct config_route *route)
{
    return &r->keys->routes[route - r->config->routes];
}

/* Routes that name one smarthost say the same of it (config/agree.h). */
static const struct relay_route *of_smarthost(const struct relay *r, const struct job *j)
{
    for (size_t i = 0; i < r->config->n_routes; i++) {
        const struct config_route *route = &r->config->routes[i];

        if (route->via == CONFIG_VIA_SMTP && route->to.port == j->port &&
            span_ieq(route->to.host, j->host))
            return &r->keys->routes[i];
    }
    return NULL;
}

const struct relay_route *relay_route_of(const struct relay *r, const struct job *j)
{
    if (j->transport == JOB_SMARTHOST)
        return of_smarthost(r, j);
    return j->transport == JOB_MX ? of_config(r, config_route_find(r->config, j->host)) : NULL;
}

static bool is_tls_required_no(const struct header_field *f)
{
    return span_ieq(f->name, SPAN("TLS-Required")) && span_ieq(span_trim(f->value), SPAN("No"));
}

/* "TLS-Required: No" (RFC 8689 5). A header that cannot be read says nothing. */
static bool says_no_tls(const struct relay *r, const struct relay_job *j)
{
    bool has;

    return relay_header_has(r, j, is_tls_required_no, &has) && has;
}

enum relay_wish relay_wish_of(const struct relay *r, const struct relay_job *j)
{
    const struct relay_route *rr = relay_route_of(r, &j->job);

    if (rr == NULL)
        return RELAY_WISH_NONE;
    /* A report goes on without where the next server cannot do it (RFC 8689 5). */
    if ((j->job.flags & ENVELOPE_REQUIRETLS) != 0 && j->job.sender.n > 0)
        return RELAY_WISH_REQUIRETLS;
    if (j->job.transport == JOB_MX && rr->conf->tls == CONFIG_ROUTE_TLS_REQUIRE &&
        says_no_tls(r, j))
        return RELAY_WISH_NO_TLS;
    return RELAY_WISH_NONE;
}

enum smtp_client_tls relay_policy_of(const struct relay_conn *c)
{
    static const enum smtp_client_tls policies[] = {
        [CONFIG_ROUTE_TLS_TRY] = SMTP_CLIENT_TLS_TRY,
        [CONFIG_ROUTE_TLS_REQUIRE] = SMTP_CLIENT_TLS_REQUIRE,
        [CONFIG_ROUTE_TLS_OFF] = SMTP_CLIENT_TLS_OFF,
    };
    const struct relay_route *rr = c->dest->route;
    enum smtp_client_tls policy;

    if (rr == NULL)
        return SMTP_CLIENT_TLS_OFF;
    policy = policies[rr->conf->tls];
    if (c->dest->wish == RELAY_WISH_REQUIRETLS)
        return SMTP_CLIENT_TLS_REQUIRE;
    if (c->dest->wish == RELAY_WISH_NO_TLS)
        policy = SMTP_CLIENT_TLS_TRY;
    return policy == SMTP_CLIENT_TLS_TRY && (c->plain || rr->side == NULL) ? SMTP_CLIENT_TLS_OFF
                                                                           : policy;
}

/* ---- the handshake ---- */

static void say(const struct relay_conn *c, enum log_event event, const char *why)
{
    struct log_line l = log_begin(event, why != NULL ? LOG_WARNING : LOG_INFO);
    struct tls_facts facts;

    log_str(&l, KEY_HOST, span_of(c->mta, c->mta_n));
    if (why != NULL) {
        log_cstr(&l, KEY_REASON, why);
    } else {
        tls_facts(&c->conn, &facts);
        log_cstr(&l, KEY_PROTOCOL, facts.protocol);
        log_cstr(&l, KEY_CIPHER, facts.cipher);
        log_cstr(&l, KEY_CERTIFICATE, facts.doubt != NULL ? facts.doubt : "verified");
    }
    log_end(&l);
}

void relay_tls_fail(struct relay_conn *c, const char *why)
{
    bool retries = relay_policy_of(c) == SMTP_CLIENT_TLS_TRY && !relay_is_implicit(c->dest);

    c->shaking = false;
    say(c, LOG_TLS_FAILED, why);
    if (retries) {
        c->plain = true;
        relay_conn_again(c);
        return;
    }
    relay_conn_note(c, "tls", why, SPAN_NONE);
    c->why_status = SPAN("4.7.5");
    c->lacking++;
    relay_conn_next_target(c);
}

bool relay_tls_go_on(struct relay_conn *c)
{
    switch (tls_handshake(&c->conn)) {
    case TLS_UNDER_WAY:
        return true;
    case TLS_DONE:
        c->shaking = false;
        say(c, LOG_TLS_STARTED, NULL);
        smtp_client_secured(&c->smtp);
        return true;
    case TLS_FAILED:
        break;
    }
    relay_tls_fail(c, tls_fault(&c->conn));
    return false;
}

bool relay_tls_begin(struct relay_conn *c)
{
    const struct relay_dest *d = c->dest;
    const struct relay_target *t = &d->targets[c->target];
    struct tls_target to = {.name = span_cstr(t->name),
                            .required = relay_policy_of(c) == SMTP_CLIENT_TLS_REQUIRE};

    if (to.name.n == 0)
        to.name = span_of(d->host, d->host_n);
    if (d->route->side == NULL || !tls_start_client(&c->conn, d->route->side, &to)) {
        relay_tls_fail(c, "TLS could not be begun");
        return false;
    }
    c->shaking = true;
    return relay_tls_go_on(c);
}

bool relay_on_handshake(struct relay_conn *c, const struct smtp_client_event *ev)
{
    (void)ev;
    /* Between the event and the end of the handshake the engine stands still. */
    return !c->shaking && relay_tls_begin(c) && !c->shaking;
}
