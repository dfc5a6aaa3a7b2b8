/* SPDX-License-Identifier: ISC */
#include "server/own.h"

#include "dns/wire.h"
#include "name/domain.h"

/* ---- what the configuration says ---- */

static bool is_own_name(const struct own *o, span name)
{
    for (size_t i = 0; i < o->server.n_names; i++)
        if (domain_eq(o->names[i], name))
            return true;
    return false;
}

static void add_name(struct own *o, span name)
{
    if (name.n != 0 && o->server.n_names < GREETING_OWN_NAMES_MAX && !is_own_name(o, name))
        o->names[o->server.n_names++] = name;
}

/* Every machine has the loopback address: that it is ours as well says nothing. */
static void add_address(struct ip_addr *list, size_t *n, struct ip_addr a)
{
    if (a.family == IP_NONE || ip_addr_scope(a) == IP_UNSPECIFIED ||
        ip_addr_scope(a) == IP_LOOPBACK || *n == OWN_ADDRESSES_MAX)
        return;
    for (size_t i = 0; i < *n; i++)
        if (ip_addr_eq(list[i], a))
            return;
    list[(*n)++] = a;
}

void own_init(struct own *o, struct loop *loop, struct resolve_client *resolver,
              const struct config *config)
{
    *o = (struct own){
        .loop = loop, .resolver = resolver, .timeout_ms = (int64_t)config->dns.timeout_ms};
    o->server.names = o->names;
    o->server.addresses = o->addresses;
    add_name(o, config->hostname);
    for (size_t i = 0; i < config->n_egresses; i++) {
        add_name(o, config->egresses[i].greeting);
        add_address(o->addresses, &o->n_fixed, config->egresses[i].public_address);
        add_address(o->addresses, &o->n_fixed, config->egresses[i].address);
    }
    for (size_t i = 0; i < config->n_listens; i++)
        add_address(o->addresses, &o->n_fixed, config->listens[i].address.ip);
    o->server.n_addresses = o->n_fixed;
}

/* ---- what DNS says ---- */

static void conclude(struct own *o)
{
    o->next_ms = loop_now_ms(o->loop) + (o->failed ? OWN_RETRY_MS : OWN_FRESH_MS);
    if (o->failed)
        return;
    o->server.n_addresses = o->n_fixed;
    for (size_t i = 0; i < o->n_fresh; i++)
        add_address(o->addresses, &o->server.n_addresses, o->fresh[i]);
    o->server.addresses_known = true;
}

static void on_answer(void *arg, const struct dns_answer *answer);

static void ask(struct own *o, span name, enum dns_type type)
{
    struct own_query *q;

    if (o->n_queries == OWN_QUERIES_MAX)
        return;
    q = &o->queries[o->n_queries++];
    q->own = o;
    resolve_query_init(&q->query, on_answer, q);
    o->pending++;
    resolve_ask(o->resolver, &q->query, name, type, o->timeout_ms);
}

static void take_hosts(struct own *o, const struct dns_answer *answer)
{
    struct dns_cursor at = dns_records(answer);
    unsigned left = GREETING_OWN_MX_MAX;
    struct dns_record r;

    while (left > 0 && dns_record_next(&at, &r)) {
        if (r.name.n == 0 || is_own_name(o, r.name))
            continue;
        left--;
        ask(o, r.name, DNS_A);
        ask(o, r.name, DNS_AAAA);
    }
}

static void take_addresses(struct own *o, const struct dns_answer *answer)
{
    struct dns_cursor at = dns_records(answer);
    struct dns_record r;

    while (dns_record_next(&at, &r))
        add_address(o->fresh, &o->n_fresh, dns_record_addr(&r));
}

static void on_answer(void *arg, const struct dns_answer *answer)
{
    struct own_query *q = arg;
    struct own *o = q->own;

    o->failed = o->failed || dns_answer_state(answer) == DNS_UNKNOWN;
    if (answer->type == DNS_MX)
        take_hosts(o, answer);
    else
        take_addresses(o, answer);
    if (--o->pending == 0)
        conclude(o);
}

static void refresh(struct own *o)
{
    o->n_queries = 0;
    o->n_fresh = 0;
    o->failed = false;
    o->next_ms = INT64_MAX;
    for (size_t i = 0; i < o->server.n_names; i++) {
        ask(o, o->names[i], DNS_A);
        ask(o, o->names[i], DNS_AAAA);
        ask(o, o->names[i], DNS_MX);
    }
    if (o->pending == 0)
        conclude(o);
}

const struct greeting_server *own_server(struct own *o)
{
    if (o->pending == 0 && loop_now_ms(o->loop) >= o->next_ms)
        refresh(o);
    return &o->server;
}

void own_finish(struct own *o)
{
    for (size_t i = 0; i < o->n_queries; i++)
        resolve_cancel(&o->queries[i].query);
    o->n_queries = 0;
    o->pending = 0;
}
