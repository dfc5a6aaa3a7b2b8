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

/* Take an address as the client's; the log says who named it. */
static void take_client(struct session *ss, struct ip_addr ip, uint16_t port)
{
    char memory[SESSION_CLIENT_TEXT], former[SESSION_CLIENT_TEXT];
    struct buf by = BUF_OVER(former), named = BUF_OVER(memory);
    struct log_line l;

    net_addr_put_host(&by, &ss->client);
    ip_addr_put(&named, ip);
    ss->client = net_addr_ip(span_of(ip.octet, ip_addr_bytes(ip)), port);
    ss->trusted = config_is_trusted(ss->d->config, ip);
    l = log_begin(LOG_CLIENT_NAMED, LOG_INFO);
    log_id(&l, KEY_SESSION, ss->id);
    log_str(&l, KEY_CLIENT, buf_span(&named));
    log_str(&l, KEY_ADDRESS, buf_span(&by));
    log_end(&l);
}

void session_trust_connection(struct session *ss)
{
    struct ip_addr ip = session_ip(ss);

    ss->trusted = ip.family == IP_NONE || config_is_trusted(ss->d->config, ip);
    ss->headless = config_prefixes_have(&ss->port->config->proxy, ip);
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
        take_client(ss, p->source, p->source_port);
    else
        ss->trusted = false;
    ss->headless = false;
    heap_init(&ss->rest, said.max);
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
