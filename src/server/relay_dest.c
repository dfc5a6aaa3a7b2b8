/* SPDX-License-Identifier: ISC */
#include "server/relay_secure.h"

#include <stdlib.h>

#include "base/hash.h"
#include "name/addr.h"
#include "os/log.h"

/* ---- finding and making ---- */

static const struct config_egress *egress_of(const struct config *c, span name)
{
    for (size_t i = 0; i < c->n_egresses; i++) {
        if (span_eq(c->egresses[i].name, name))
            return &c->egresses[i];
    }
    return &c->egresses[0];
}

static bool key_of(struct buf *b, const struct job *j, enum relay_wish wish)
{
    buf_printf(b, "%u %u %u ", (unsigned)j->transport, (unsigned)j->port, (unsigned)wish);
    buf_put(b, j->egress);
    buf_putc(b, ' ');
    if (j->transport == JOB_LMTP_UNIX)
        buf_put(b, j->host);
    else
        buf_put_lower(b, j->host);
    return !b->overflow && !span_has(buf_span(b), '\0');
}

static struct relay_dest **slot_of(struct relay *r, span key)
{
    /* The names come from our own routes and mail: the table need not withstand an attack. */
    static const struct hash_key plain = {0, 0};

    return &r->dests[hash_keyed(plain, key) & (RELAY_DEST_SLOTS - 1)];
}

static void on_push(void *arg);

static struct relay_dest *dest_new(struct relay *r, const struct job *j, enum relay_wish wish,
                                   span key)
{
    struct relay_dest *d = calloc(1, sizeof(*d) + key.n + 1);
    struct relay_dest **slot = slot_of(r, key);

    if (d == NULL)
        return NULL;
    memcpy(d->key, key.p, key.n);
    d->key_n = key.n;
    d->host_n = j->host.n;
    d->host = d->key + key.n - j->host.n;
    d->relay = r;
    d->transport = j->transport;
    d->port = j->port;
    d->egress = egress_of(r->config, j->egress);
    d->route = relay_route_of(r, j);
    d->wish = wish;
    d->last = &d->first;
    d->planned_ms = INT64_MIN;
    loop_task_init(&d->push, on_push, d);
    d->next = *slot;
    *slot = d;
    return d;
}

static struct relay_dest *dest_find(struct relay *r, const struct relay_job *job)
{
    const struct job *j = &job->job;
    enum relay_wish wish = relay_wish_of(r, job);
    char memory[RELAY_KEY_BYTES];
    struct buf key = BUF_OVER(memory);

    if (!key_of(&key, j, wish))
        return NULL;
    for (struct relay_dest *d = *slot_of(r, buf_span(&key)); d != NULL; d = d->next) {
        if (span_eq(span_of(d->key, d->key_n), buf_span(&key)))
            return d;
    }
    return dest_new(r, j, wish, buf_span(&key));
}

/* Nobody uses it any longer. */
static void dest_free(struct relay_dest *d)
{
    struct relay_dest **at = slot_of(d->relay, span_of(d->key, d->key_n));

    while (*at != d)
        at = &(*at)->next;
    *at = d->next;
    free(d);
}

/* ---- the jobs that wait ---- */

static void append(struct relay_dest *d, struct relay_job *j)
{
    j->next = NULL;
    *d->last = j;
    d->last = &j->next;
    d->waiting++;
}

struct relay_job *relay_dest_take(struct relay_dest *d)
{
    struct relay_job *j = d->first;

    if (j == NULL)
        return NULL;
    d->first = j->next;
    if (d->first == NULL)
        d->last = &d->first;
    d->waiting--;
    return j;
}

void relay_dest_give_back(struct relay_dest *d, struct relay_job *j)
{
    j->next = d->first;
    d->first = j;
    if (j->next == NULL)
        d->last = &j->next;
    d->waiting++;
}

void relay_dest_fail(struct relay_dest *d, const struct relay_verdict *v, unsigned flags)
{
    struct relay_job *j;

    while ((j = relay_dest_take(d)) != NULL) {
        relay_job_settle(j, SMTP_ALL_RCPTS, v);
        relay_job_finish(j, flags);
    }
    relay_dest_push(d);
}

/* ---- where it is ---- */

static void fail_text(struct relay_dest *d, enum job_verdict verdict, span status, const char *text)
{
    struct relay_verdict v = {.verdict = verdict, .status = status, .reply = span_cstr(text)};

    relay_dest_fail(d, &v, verdict == JOB_DEFERRED ? JOB_UNREACHABLE : 0);
}

/* The address to send from decides the family, or we would greet from one that is not ours. */
static bool fits_egress(const struct relay_dest *d, const struct net_addr *addr)
{
    enum ip_family from = d->egress->address.family;

    return from == IP_NONE || net_addr_family(addr) == AF_UNIX ||
           net_addr_family(addr) == (from == IP_V4 ? AF_INET : AF_INET6);
}

static void add_target(struct relay_dest *d, const struct net_addr *addr, span name)
{
    struct relay_target *t = &d->targets[d->target_count];

    if (d->target_count == RELAY_ADDRESSES_MAX || !fits_egress(d, addr))
        return;
    t->addr = *addr;
    name = span_head(name, sizeof(t->name) - 1);
    memcpy(t->name, name.n > 0 ? name.p : "", name.n);
    t->name[name.n] = '\0';
    d->target_count++;
}

/* What is known is fresh from here on. */
static void planned(struct relay_dest *d)
{
    d->planned_ms = loop_now_ms(d->relay->loop);
    d->proven = false;
    d->ceiling = 0;
    if (d->target_count == 0)
        fail_text(d, JOB_DEFERRED, SPAN("4.4.4"),
                  "the host has no address of the family that the egress sends from");
    relay_dest_push(d);
}

static void one_target(struct relay_dest *d, const struct net_addr *addr, span name)
{
    d->target_count = 0;
    add_target(d, addr, name);
    planned(d);
}

static bool is_us(const struct relay_dest *d, const struct mxplan_host *h)
{
    span name = span_cstr(h->name);

    for (size_t i = 0; i < d->egress->n_names; i++)
        if (span_ieq(name, d->egress->names[i].name))
            return true;
    return span_ieq(name, d->relay->config->hostname) || span_ieq(name, d->egress->greeting);
}

/* Our own name among the hosts: it and all that are no better are left out (RFC 5321 5.1). */
static size_t hosts_before_us(const struct relay_dest *d, const struct mxplan *p)
{
    for (size_t i = 0; i < p->host_count; i++) {
        size_t first = i;

        if (!is_us(d, &p->hosts[i]))
            continue;
        while (first > 0 && p->hosts[first - 1].preference == p->hosts[i].preference)
            first--;
        return first;
    }
    return p->host_count;
}

/* Where there are several hosts, one with many addresses must not keep the others from their turn.
 */
static void add_host(struct relay_dest *d, const struct mxplan_host *h, size_t most_of_family)
{
    size_t v4 = 0;
    size_t v6 = 0;

    for (size_t i = 0; i < h->address_count; i++) {
        size_t *count = net_addr_family(&h->addresses[i]) == AF_INET6 ? &v6 : &v4;

        if ((*count)++ < most_of_family)
            add_target(d, &h->addresses[i], span_cstr(h->name));
    }
}

static void take_targets(struct relay_dest *d, const struct mxplan *p)
{
    size_t hosts = d->transport == JOB_MX ? hosts_before_us(d, p) : p->host_count;

    /* RFC 8689 4.2.1: who may say where the mail of the domain goes must be known for sure. */
    if (d->wish == RELAY_WISH_REQUIRETLS && d->transport == JOB_MX && !p->secure) {
        fail_text(d, JOB_FAILED, SPAN("5.7.30"),
                  "the sender requires TLS all the way (REQUIRETLS), and the MX records of the "
                  "domain are not signed (DNSSEC)");
        return;
    }
    if (hosts == 0) {
        fail_text(d, JOB_FAILED, SPAN("5.4.6"),
                  "mail for this domain comes back to this server: its MX names us, "
                  "but the domain is not configured here");
        return;
    }
    d->target_count = 0;
    for (size_t i = 0; i < hosts; i++)
        add_host(d, &p->hosts[i], hosts > 1 ? RELAY_PER_HOST : SIZE_MAX);
    planned(d);
}

/* DNS is silent, but there are connections: they carry what waits, and DNS is asked later. */
static void no_answer(struct relay_dest *d)
{
    if (d->conn_count > 0)
        d->planned_ms = loop_now_ms(d->relay->loop);
    else
        fail_text(d, JOB_DEFERRED, SPAN("4.4.3"), "DNS did not answer");
}

static void on_plan(void *arg, struct mxplan *p)
{
    struct relay_dest *d = arg;

    d->plan = NULL;
    d->target_count = 0;
    switch (p->result) {
    case MXPLAN_READY:
        take_targets(d, p);
        break;
    case MXPLAN_NULL:
        fail_text(d, JOB_FAILED, SPAN("5.1.10"), "the domain takes no mail (null MX, RFC 7505)");
        break;
    case MXPLAN_NODOMAIN:
        fail_text(d, JOB_FAILED, SPAN("5.1.2"), "the domain does not exist");
        break;
    case MXPLAN_NOHOST:
        fail_text(d, JOB_FAILED, SPAN("5.4.4"), "the domain has no mail server with an address");
        break;
    case MXPLAN_RETRY:
        no_answer(d);
        break;
    }
    free(p);
    relay_dest_push(d);
}

static bool host_literal(const struct relay_dest *d, uint16_t port, struct net_addr *out)
{
    span text = span_of(d->host, d->host_n);
    struct ip_addr ip;

    if (text.n > 2 && text.p[0] == '[' && text.p[text.n - 1] == ']')
        text = span_of(text.p + 1, text.n - 2);
    if (span_istarts(text, SPAN("IPv6:")))
        text = span_skip(text, 5);
    if (!ip_addr_parse(text, &ip))
        return false;
    *out = net_addr_ip(span_of(ip.octet, ip_addr_bytes(ip)), port);
    return true;
}

static uint16_t port_of(const struct relay_dest *d)
{
    if (d->port != 0)
        return d->port;
    return d->transport == JOB_LMTP_TCP ? 24 : 25;
}

static void unix_target(struct relay_dest *d)
{
    char memory[RELAY_KEY_BYTES];
    struct buf text = BUF_OVER(memory);
    struct net_addr addr;
    struct diag diag = {0};

    buf_put(&text, SPAN("unix:"));
    buf_put(&text, span_of(d->host, d->host_n));
    if (net_addr_parse(buf_span(&text), &addr, &diag) != ERR_OK) {
        fail_text(d, JOB_DEFERRED, SPAN("4.3.5"), diag.text);
        return;
    }
    one_target(d, &addr, span_of(d->host, d->host_n));
}

static void make_plan(struct relay_dest *d)
{
    struct relay *r = d->relay;
    struct net_addr addr;

    if (d->transport == JOB_LMTP_UNIX) {
        unix_target(d);
        return;
    }
    if (host_literal(d, port_of(d), &addr)) {
        one_target(d, &addr, SPAN_NONE);
        return;
    }
    d->plan = calloc(1, sizeof(*d->plan));
    if (d->plan == NULL) {
        fail_text(d, JOB_DEFERRED, SPAN("4.3.0"), "no memory");
        return;
    }
    mxplan_init(d->plan, port_of(d), on_plan, d);
    mxplan_start(d->plan, &r->resolver, span_of(d->host, d->host_n), d->transport == JOB_MX,
                 (int64_t)r->config->dns.timeout_ms);
}

/* ---- connections ---- */

static bool is_planned(const struct relay_dest *d)
{
    /* A connection that is being made walks along the targets. */
    if (d->opening > 0)
        return true;
    if (d->planned_ms == INT64_MIN || loop_now_ms(d->relay->loop) - d->planned_ms >= RELAY_PLAN_MS)
        return false;
    return d->target_count > 0 || d->conn_count > 0;
}

static bool may_connect(const struct relay_dest *d)
{
    size_t most = (size_t)d->relay->config->queue.destination_concurrency;

    if (!d->proven)
        most = min_size(most, RELAY_FIRST_CONNS);
    if (d->ceiling != 0)
        most = min_size(most, d->ceiling);
    return d->target_count > 0 && d->conn_count < most;
}

static void return_jobs(struct relay_dest *d)
{
    struct relay_job *j;

    while ((j = relay_dest_take(d)) != NULL)
        relay_job_finish(j, JOB_NOT_TRIED);
}

/* Jobs wait, and the connections that are there have all they can carry. */
static void find_way(struct relay_dest *d)
{
    if (d->plan != NULL)
        return;
    if (!is_planned(d)) {
        make_plan(d);
        return;
    }
    /* Each connection that is being made will take one of the jobs. */
    while (d->waiting > d->opening && may_connect(d))
        relay_conn_start(d);
}

static void on_push(void *arg)
{
    struct relay_dest *d = arg;

    if (d->relay->draining)
        return_jobs(d);
    if (d->first != NULL)
        relay_conns_wake(d);
    if (d->first != NULL)
        find_way(d);
    else if (d->conn_count == 0 && d->plan == NULL)
        dest_free(d);
}

void relay_dest_push(struct relay_dest *d)
{
    loop_defer(d->relay->loop, &d->push);
}

void relay_dest_add(struct relay *r, struct relay_job *j)
{
    struct relay_dest *d = dest_find(r, j);

    if (d == NULL) {
        static const struct relay_verdict bad = {
            .verdict = JOB_DEFERRED,
            .status = SPAN_INIT("4.3.0"),
            .reply = SPAN_INIT("no memory for the destination, or its name is too long")};

        relay_job_settle(j, SMTP_ALL_RCPTS, &bad);
        relay_job_finish(j, 0);
        return;
    }
    append(d, j);
    relay_dest_push(d);
}

static void each_dest(struct relay *r, void (*fn)(struct relay_dest *d))
{
    struct relay_dest *next;

    for (size_t i = 0; i < RELAY_DEST_SLOTS; i++) {
        for (struct relay_dest *d = r->dests[i]; d != NULL; d = next) {
            next = d->next;
            fn(d);
        }
    }
}

static void return_all(struct relay_dest *d)
{
    return_jobs(d);
    relay_conns_close_idle(d);
}

void relay_dests_return(struct relay *r)
{
    each_dest(r, return_all);
}

static void orphan_jobs(struct relay_dest *d)
{
    struct relay_job *j;

    for (j = d->first; j != NULL; j = j->next)
        j->relay = NULL;
    while ((j = relay_dest_take(d)) != NULL)
        relay_job_finish(j, 0);
    relay_conns_orphan(d);
}

void relay_dests_orphan(struct relay *r)
{
    each_dest(r, orphan_jobs);
    r->jobs = 0;
}
