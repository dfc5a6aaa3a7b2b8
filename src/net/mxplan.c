/* SPDX-License-Identifier: ISC */
#include "net/mxplan.h"

#include "os/random.h"

#define ADDRESS_TYPES 2

/* IPv6 first in the result whichever answer comes first. */
static const enum dns_type address_types[ADDRESS_TYPES] = {DNS_AAAA, DNS_A};

static void set_name(struct mxplan_host *h, span name)
{
    span s = span_head(name, sizeof h->name - 1);

    memcpy(h->name, s.n != 0 ? s.p : "", s.n);
    h->name[s.n] = '\0';
}

/* Add a host; the list stays sorted by preference, and equal ones come in random order. */
static void add_host(struct mxplan *p, span name, uint16_t preference)
{
    size_t first = 0;
    size_t end = 0;

    while (first < p->host_count && p->hosts[first].preference < preference)
        first++;
    for (end = first; end < p->host_count && p->hosts[end].preference == preference; end++)
        continue;
    size_t at = first + os_random_below((uint32_t)(end - first + 1));
    if (at >= MXPLAN_HOSTS_MAX)
        return;
    size_t last = min_size(p->host_count, MXPLAN_HOSTS_MAX - 1);
    memmove(p->hosts + at + 1, p->hosts + at, (last - at) * sizeof p->hosts[0]);
    p->hosts[at] = (struct mxplan_host){.preference = preference};
    set_name(&p->hosts[at], name);
    p->host_count = last + 1;
}

/* Hosts without an address go; what is left decides. */
static void finish(struct mxplan *p)
{
    size_t kept = 0;
    bool failed = false;

    for (size_t i = 0; i < p->host_count; i++) {
        failed = failed || p->hosts[i].failed;
        if (p->hosts[i].address_count == 0)
            continue;
        if (kept != i)
            p->hosts[kept] = p->hosts[i];
        kept++;
    }
    p->host_count = kept;
    if (kept != 0)
        p->result = MXPLAN_READY;
    else if (failed)
        p->result = MXPLAN_RETRY;
    p->fn(p->arg, p);
}

static void add_addresses(struct mxplan *p, struct mxplan_host *h, const struct dns_answer *a)
{
    struct dns_cursor at = dns_records(a);
    struct dns_record r;
    size_t from = a->type == DNS_AAAA ? 0 : h->address_count;
    size_t end = from + MXPLAN_ADDRS_MAX / ADDRESS_TYPES;

    while (from < end && dns_record_next(&at, &r)) {
        memmove(h->addresses + from + 1, h->addresses + from,
                (h->address_count - from) * sizeof h->addresses[0]);
        h->addresses[from++] = net_addr_ip(r.octets, p->port);
        h->address_count++;
    }
}

static void on_address(void *arg, const struct dns_answer *a)
{
    struct mxplan_lookup *l = arg;
    struct mxplan *p = l->plan;
    struct mxplan_host *h = &p->hosts[l->host];

    if (dns_answer_state(a) == DNS_UNKNOWN)
        h->failed = true;
    else if (a->status == DNS_FOUND)
        add_addresses(p, h, a);
    else if (p->implicit && a->status == DNS_NXDOMAIN)
        p->result = MXPLAN_NODOMAIN;
    if (--p->waiting == 0)
        finish(p);
}

static void ask_addresses(struct mxplan *p)
{
    p->result = MXPLAN_NOHOST;
    p->waiting = p->host_count * ADDRESS_TYPES;
    for (size_t i = 0; i < p->host_count * ADDRESS_TYPES; i++) {
        struct mxplan_lookup *l = &p->lookups[i];
        *l = (struct mxplan_lookup){.plan = p, .host = (uint16_t)(i / ADDRESS_TYPES)};
        resolve_query_init(&l->query, on_address, l);
        resolve_ask(p->client, &l->query, span_cstr(p->hosts[l->host].name),
                    address_types[i % ADDRESS_TYPES], p->timeout_ms);
    }
}

/* "MX 0 ." alone; among others an empty name is no host and is left out (RFC 7505 3). */
static bool is_null(const struct dns_answer *a)
{
    struct dns_cursor at = dns_records(a);
    struct dns_record r;

    return a->n == 1 && dns_record_next(&at, &r) && r.name.n == 0;
}

static void take_mx(struct mxplan *p, const struct dns_answer *a)
{
    struct dns_cursor at = dns_records(a);
    struct dns_record r;

    while (dns_record_next(&at, &r)) {
        if (r.name.n != 0 && r.name.n < sizeof p->hosts[0].name)
            add_host(p, r.name, r.preference);
    }
}

static void end(struct mxplan *p, enum mxplan_result result)
{
    p->result = result;
    p->fn(p->arg, p);
}

static void on_mx(void *arg, const struct dns_answer *a)
{
    struct mxplan *p = arg;

    p->secure = a->secure;
    switch (a->status) {
    case DNS_NXDOMAIN:
        end(p, MXPLAN_NODOMAIN);
        return;
    case DNS_SERVFAIL:
    case DNS_TIMEOUT:
    case DNS_BOGUS:
        end(p, MXPLAN_RETRY);
        return;
    case DNS_NODATA:
        p->implicit = true;
        add_host(p, span_cstr(p->domain), 0);
        break;
    case DNS_FOUND:
        take_mx(p, a);
        break;
    }
    if (a->status == DNS_FOUND && is_null(a))
        end(p, MXPLAN_NULL);
    else if (p->host_count == 0)
        end(p, MXPLAN_NOHOST);
    else
        ask_addresses(p);
}

void mxplan_init(struct mxplan *p, uint16_t port, mxplan_fn *fn, void *arg)
{
    *p = (struct mxplan){.port = port, .fn = fn, .arg = arg};
}

void mxplan_start(struct mxplan *p, struct resolve_client *client, span domain, bool use_mx,
                  int64_t timeout_ms)
{
    span name = span_head(domain, sizeof p->domain - 1);

    memcpy(p->domain, name.n != 0 ? name.p : "", name.n);
    p->domain[name.n] = '\0';
    p->client = client;
    p->timeout_ms = timeout_ms;
    p->implicit = !use_mx;
    p->host_count = 0;
    if (use_mx) {
        resolve_query_init(&p->mx, on_mx, p);
        resolve_ask(client, &p->mx, name, DNS_MX, timeout_ms);
        return;
    }
    add_host(p, name, 0);
    ask_addresses(p);
}
