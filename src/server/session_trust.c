/* SPDX-License-Identifier: ISC */
/*
 * Who the client is. A listed load balancer says it with a PROXY header in front of everything
 * (smtp/proxy.h), a listed server with XCLIENT (smtp/xclient.h); from then on the session is that
 * client's in all: limits, judgement, logs, Received. To be listed grants nothing else: whether the
 * client is trusted depends on its own address, and nobody is trusted whom no header names.
 */
#include "config/find.h"
#include "server/session_inner.h"
#include "smtp/proxy.h"
#include "smtp/xclient.h"

#define TEXT_BYTES SMTP_LINE_MAX_BYTES /* of all values of an XCLIENT, decoded */

static struct log_line log_named(const struct session *ss, enum log_event ev)
{
    char memory[SESSION_CLIENT_TEXT];
    struct log_line l = log_begin(ev, LOG_INFO);

    log_id(&l, KEY_SESSION, ss->id);
    log_str(&l, KEY_ADDRESS, session_client(ss, memory));
    return l;
}

static void log_ip(struct log_line *l, enum log_key key, struct ip_addr ip)
{
    char memory[IP_TEXT_BYTES];
    struct buf text = BUF_OVER(memory);

    ip_addr_put(&text, ip);
    log_str(l, key, buf_span(&text));
}

static void set_client(struct session *ss, struct ip_addr ip, uint16_t port)
{
    ss->client = net_addr_ip(span_of(ip.octet, ip_addr_bytes(ip)), port);
    ss->trusted = config_is_trusted(ss->d->config, ip);
    ss->unnamed = false;
}

static bool is_listed(const struct session *ss)
{
    return !ss->unnamed && config_prefixes_have(&ss->port->config->xclient, session_ip(ss));
}

/* ---- the PROXY header ---- */

void session_trust_connection(struct session *ss)
{
    struct ip_addr ip = session_ip(ss);

    ss->trusted = ip.family == IP_NONE || config_is_trusted(ss->d->config, ip);
    ss->listed = is_listed(ss);
    ss->headless = config_prefixes_have(&ss->port->config->proxy, ip);
}

/* Nobody is named: the balancer's own connection, or a client without an address. */
static void take_nobody(struct session *ss)
{
    ss->trusted = false;
    ss->unnamed = true;
}

static void take_source(struct session *ss, const struct smtp_proxy *p)
{
    struct log_line l = log_named(ss, LOG_CLIENT_NAMED);

    log_ip(&l, KEY_CLIENT, p->source);
    log_end(&l);
    set_client(ss, p->source, p->source_port);
}

static void refuse_header(struct session *ss, const char *why)
{
    struct log_line l = session_log(ss, LOG_SESSION_REFUSED, LOG_WARNING);

    log_cstr(&l, KEY_STAGE, "PROXY header");
    log_cstr(&l, KEY_REASON, why);
    log_end(&l);
    session_refuse(
        ss, smtp_reply_of(554, SPAN("5.5.1"), SPAN("From your address a PROXY header comes first")),
        why);
}

void session_trust_timeout(struct session *ss)
{
    refuse_header(ss, "no PROXY header in time");
}

/* The header is whole; what stands behind it in `rest` is the client's. */
static void take_header(struct session *ss, const struct smtp_proxy *p)
{
    struct heap_buf said = ss->rest;

    if (p->source.family != IP_NONE)
        take_source(ss, p);
    else
        take_nobody(ss);
    ss->listed = is_listed(ss);
    ss->headless = false;
    ss->ledger.early = false; /* the header was in time, and what came behind it is hard to say */
    heap_init_secret(&ss->rest, said.max);
    heap_drop(&said, p->n);
    session_begin(ss, heap_span(&said));
    heap_release(&said);
}

void session_trust_header(struct session *ss, span input)
{
    struct smtp_proxy p;

    if (!heap_put(&ss->rest, input)) {
        refuse_header(ss, "no memory");
        return;
    }
    switch (smtp_proxy_read(heap_span(&ss->rest), &p)) {
    case SMTP_PROXY_MORE:
        return;
    case SMTP_PROXY_DONE:
        take_header(ss, &p);
        return;
    case SMTP_PROXY_BAD:
        refuse_header(ss, p.bad);
        return;
    }
}

/* ---- XCLIENT, XFORWARD ---- */

/*
 * Proxies hand a client's own words on once they have named and greeted for it: from then on only
 * a client that is listed itself may say who it is.
 */
void session_trust_greeted(struct session *ss)
{
    if (!ss->listed || is_listed(ss))
        return;
    ss->listed = false;
    smtp_server_use(&ss->smtp, session_auth_conf(ss));
}

static void log_attrs(const struct smtp_xclient *x, struct log_line *l)
{
    static const struct {
        enum smtp_xclient_attr attr;
        enum log_key key;
    } rows[] = {
        {SMTP_XCLIENT_NAME, KEY_NAME},   {SMTP_XCLIENT_HELO, KEY_GREETING},
        {SMTP_XCLIENT_PROTO, KEY_TYPE},  {SMTP_XCLIENT_LOGIN, KEY_LOGIN},
        {SMTP_XCLIENT_IDENT, KEY_IDENT},
    };

    if (x->addr.family != IP_NONE)
        log_ip(l, KEY_CLIENT, x->addr);
    for (size_t i = 0; i < COUNT(rows); i++) {
        if (x->known[rows[i].attr] == SMTP_XCLIENT_SAID)
            log_str(l, rows[i].key, x->value[rows[i].attr]);
    }
}

static bool read_attrs(struct session *ss, span text, enum smtp_xclient_verb verb,
                       enum log_event event, struct smtp_xclient *out_x)
{
    char room[TEXT_BYTES];
    struct buf memory = BUF_OVER(room);
    enum smtp_xclient_fault fault = smtp_xclient_parse(text, verb, &memory, out_x);
    struct log_line l;

    if (fault != SMTP_XCLIENT_FINE) {
        smtp_server_answer(
            &ss->smtp,
            session_count_refusal(
                ss, smtp_reply_of(501, SPAN("5.5.4"), span_cstr(smtp_xclient_fault_text(fault)))));
        return false;
    }
    l = log_named(ss, event);
    log_attrs(out_x, &l);
    log_end(&l);
    return true;
}

/*
 * The host name is not believed but looked up, and the greeting comes by EHLO: neither is taken
 * from XCLIENT. LOGIN grants nothing.
 */
bool session_on_xclient(struct session *ss, const struct smtp_event *ev)
{
    struct smtp_xclient x;

    if (!read_attrs(ss, ev->argument, SMTP_XCLIENT, LOG_CLIENT_NAMED, &x))
        return true;
    session_forget_client(ss);
    session_uncount(ss);
    ss->unknown_rcpts = 0;
    if (x.known[SMTP_XCLIENT_ADDR] == SMTP_XCLIENT_SAID)
        set_client(ss, x.addr, x.port);
    else if (x.known[SMTP_XCLIENT_ADDR] != SMTP_XCLIENT_UNSAID)
        take_nobody(ss);
    smtp_server_use(&ss->smtp, session_auth_conf(ss));
    smtp_server_answer(&ss->smtp, smtp_reply_of(220, SPAN("2.0.0"), SPAN("as you say")));
    return true;
}

bool session_on_xforward(struct session *ss, const struct smtp_event *ev)
{
    struct smtp_xclient x;

    if (read_attrs(ss, ev->argument, SMTP_XFORWARD, LOG_CLIENT_TOLD, &x))
        smtp_server_answer(&ss->smtp, smtp_reply_of(250, SPAN("2.0.0"), SPAN("noted")));
    return true;
}
