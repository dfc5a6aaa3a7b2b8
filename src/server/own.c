/* SPDX-License-Identifier: ISC */
#include "server/own.h"

#include <stdlib.h>

#include "config/own.h"
#include "dns/wire.h"
#include "name/domain.h"
#include "net/local.h"
#include "os/heap.h"

/* ---- what the configuration says ---- */

static bool is_own_name(const struct own *o, span name)
{
    for (size_t i = 0; i < o->server.n_names; i++)
        if (domain_eq(o->names[i], name))
            return true;
    return false;
}

/* Before the rest of o is set: at most as many names and addresses as are made room for here. */
static void make_room(struct own *o, const struct config *c)
{
    o->max_addresses =
        config_own_addresses_max(c) + 2 * (size_t)OWN_ADDRESSES_MAX + OWN_LEARNED_MAX;
    o->names = x_alloc(config_own_names_max(c) * sizeof(*o->names));
    o->addresses = x_alloc(o->max_addresses * sizeof(*o->addresses));
    o->server.names = o->names;
    o->server.addresses = o->addresses;
}

static void add_machine(struct own *o)
{
    struct ip_addr all[OWN_ADDRESSES_MAX];
    size_t n = net_local_all(all, COUNT(all));

    for (size_t i = 0; i < n; i++)
        config_own_add(o->addresses, &o->n_fixed, o->max_addresses, all[i]);
}

void own_init(struct own *o, struct loop *loop, struct resolve_client *resolver,
              const struct config *config)
{
    *o = (struct own){
        .loop = loop, .resolver = resolver, .timeout_ms = (int64_t)config->dns.timeout_ms};
    make_room(o, config);
    o->server.n_names = config_own_names(config, o->names, config_own_names_max(config));
    o->n_fixed = config_own_addresses(config, o->addresses, o->max_addresses);
    add_machine(o);
    o->server.n_addresses = o->n_fixed;
}

/* ---- what other servers say ---- */

/* They stand behind all others. */
static void append_learned(struct own *o)
{
    size_t before = o->server.n_addresses;

    for (size_t i = 0; i < o->n_learned; i++)
        config_own_add(o->addresses, &o->server.n_addresses, o->max_addresses, o->learned[i]);
    o->server.n_learned = o->server.n_addresses - before;
}

static void on_own(void *arg, span payload)
{
    struct own *o = arg;
    struct ip_addr a;

    if (!own_address_get(payload, &a))
        return;
    config_own_add(o->learned, &o->n_learned, COUNT(o->learned), a);
    o->server.n_addresses -= o->server.n_learned;
    append_learned(o);
}

void own_hear(struct own *o, struct put_client *queue)
{
    queue->on_own = on_own;
    queue->own_arg = o;
}

/* ---- what DNS says ---- */

static void conclude(struct own *o)
{
    o->next_ms = loop_now_ms(o->loop) + (o->failed ? OWN_RETRY_MS : OWN_FRESH_MS);
    if (o->failed)
        return;
    o->server.n_addresses = o->n_fixed;
    for (size_t i = 0; i < o->n_fresh; i++)
        config_own_add(o->addresses, &o->server.n_addresses, o->max_addresses, o->fresh[i]);
    append_learned(o);
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
        config_own_add(o->fresh, &o->n_fresh, COUNT(o->fresh), dns_record_addr(&r));
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
    for (size_t i = 0; i < o->server.n_names && i < GREETING_OWN_NAMES_MAX; i++) {
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
    free(o->names);
    free(o->addresses);
    o->server = (struct greeting_server){0};
}
