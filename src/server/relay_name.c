/* SPDX-License-Identifier: ISC */
#include "server/relay_name.h"

#include <stdlib.h>

#include "config/own.h"
#include "net/local.h"
#include "server/relay_check.h"

/* ---- identities ---- */

/* The oldest that nobody uses now makes room. */
static void drop_oldest(struct relay *r)
{
    struct relay_identity **oldest = NULL;
    struct relay_identity *id;

    for (struct relay_identity **at = &r->identities; *at != NULL; at = &(*at)->next)
        if ((*at)->users == 0 && (*at)->asking == NULL)
            oldest = at;
    if (oldest == NULL)
        return;
    id = *oldest;
    *oldest = id->next;
    free(id);
    r->n_identities--;
}

struct relay_identity *relay_identity_of(struct relay *r, const struct config_egress *egress,
                                         struct ip_addr socket)
{
    struct relay_identity *id;

    for (id = r->identities; id != NULL; id = id->next)
        if (id->egress == egress && ip_addr_eq(id->socket, socket))
            return id;
    if (r->n_identities == RELAY_IDENTITIES_MAX)
        drop_oldest(r);
    id = r->n_identities < RELAY_IDENTITIES_MAX ? calloc(1, sizeof(*id)) : NULL;
    if (id == NULL)
        return NULL;
    id->relay = r;
    id->egress = egress;
    id->socket = socket;
    id->next = r->identities;
    r->identities = id;
    r->n_identities++;
    return id;
}

struct ip_addr relay_identity_address(const struct relay_identity *id)
{
    struct ip_addr given = id->egress->public_address;

    if (given.family != IP_NONE &&
        (id->socket.family == IP_NONE || id->socket.family == given.family))
        return given;
    return greeting_is_public(id->socket) ? id->socket : id->learned;
}

/* ---- looking up ---- */

static void ask_all(struct relay_identity *id);

/* Whoever must wait once more is put into the new list. */
static void end_waits(struct relay_identity *id)
{
    struct relay_conn *waited = id->waiting;
    struct relay_conn *c;

    id->waiting = NULL;
    if (waited != NULL)
        waited->name_at = &waited;
    while ((c = waited) != NULL) {
        relay_name_forget(c);
        relay_conn_named(c);
    }
}

static void conclude(struct relay_identity *id)
{
    struct greeting_self *s = id->asking;
    int64_t now = loop_now_ms(id->relay->loop);
    bool doubtful = greeting_self_is_doubtful(s);
    int64_t ttl_ms = (int64_t)s->ttl_s * 1000;

    id->asking = NULL;
    /* What was known a day ago is better than a resolver that fails. */
    if (!doubtful || id->known == NULL || !ip_addr_eq(id->known->address, s->address) ||
        now - id->known_ms > RELAY_NAME_KEEP_MS) {
        id->known = s;
        id->known_ms = now;
    }
    id->fresh_until_ms =
        now + (doubtful ? RELAY_NAME_RETRY_MS
                        : min_i64(ttl_ms > RELAY_NAME_FRESH_MS ? ttl_ms : RELAY_NAME_FRESH_MS,
                                  RELAY_CHECK_MS));
    relay_check_tell(id);
    end_waits(id);
}

static void on_answer(void *arg, const struct dns_answer *answer)
{
    struct relay_name_query *q = arg;

    greeting_self_told(q->identity->asking, q->tag, answer);
    ask_all(q->identity);
}

static void ask_all(struct relay_identity *id)
{
    struct relay *r = id->relay;
    struct dns_question question;
    unsigned tag;

    while (greeting_self_next(id->asking, &question, &tag)) {
        struct relay_name_query *q = &id->queries[tag];

        resolve_query_init(&q->query, on_answer, q);
        q->identity = id;
        q->tag = tag;
        resolve_ask(&r->resolver, &q->query, question.name, question.type,
                    (int64_t)r->config->dns.timeout_ms);
    }
    if (greeting_self_is_known(id->asking))
        conclude(id);
}

void relay_identity_refresh(struct relay_identity *id)
{
    struct greeting_candidates c;
    span names[SELF_NAMES];

    if (id->asking != NULL)
        return;
    relay_identity_candidates(id, &c);
    names[SELF_MAPPED] = c.mapped;
    names[SELF_CONFIGURED] = c.configured;
    names[SELF_HOST] = c.host;
    id->asking = id->known == &id->a ? &id->b : &id->a;
    greeting_self_init(id->asking, relay_identity_address(id), names);
    ask_all(id);
}

/* ---- choosing ---- */

static bool is_known(const struct relay_identity *id)
{
    return id->known != NULL && ip_addr_eq(id->known->address, relay_identity_address(id));
}

void relay_identity_candidates(struct relay_identity *id, struct greeting_candidates *c)
{
    struct ip_addr seen = relay_identity_address(id);

    config_own_candidates(id->relay->config, id->egress, seen, id->socket, c);
    if (is_known(id))
        greeting_self_fill(id->known, c);
}

static struct ip_addr peer_of(const struct relay_conn *c)
{
    return net_addr_to_ip(&c->dest->targets[c->target].addr);
}

/* Out there on the Internet; what was found by MX is so, whatever its address. */
static bool is_outside(const struct relay_conn *c)
{
    return c->dest->transport == JOB_MX || greeting_is_public(peer_of(c));
}

/* A smarthost inside our own network, or one that we log in to, takes whatever we have. */
static bool is_submission(const struct relay_conn *c)
{
    const struct relay_dest *d = c->dest;

    return !is_outside(c) || (d->route != NULL && d->route->conf->user.n > 0);
}

static void candidates_for(struct relay_conn *c, struct relay_identity *id,
                           struct greeting_candidates *out)
{
    const struct relay_dest *d = c->dest;

    relay_identity_candidates(id, out);
    out->submission = is_submission(c);
    if (out->submission)
        return;
    out->peer = span_cstr(d->targets[c->target].name);
    if (d->transport == JOB_MX)
        out->recipient = span_of(d->host, d->host_n);
}

static void keep_name(struct relay_conn *c, span name)
{
    BUG_IF(name.n > sizeof(c->name), "a greeting name that is too long");
    memcpy(c->name, name.p, name.n);
    c->name_n = name.n;
}

/* Say to those who wait, and to the operator, what is missing. */
static void note_nameless(struct relay_conn *c, const struct greeting_candidates *candidates,
                          const struct greeting_choice *choice)
{
    struct buf b = BUF_OVER(c->why);

    greeting_self_advise(&b, candidates, choice, c->dest->egress->name);
    c->why_n = b.n;
    c->why_code = 0;
    c->why_status = SPAN("4.3.5");
    c->mta_n = 0;
}

static enum relay_naming choose(struct relay_conn *c, struct relay_identity *id)
{
    struct greeting_candidates candidates;
    struct greeting_choice choice;

    candidates_for(c, id, &candidates);
    greeting_choose(&candidates, &choice);
    if (choice.rule != RULE_MAP && choice.rule != RULE_NAME) {
        if (!is_known(id) && candidates.address.family != IP_NONE)
            return RELAY_NAME_WAITS;
        greeting_self_trust(&candidates);
        greeting_choose(&candidates, &choice);
    }
    if (choice.rule == RULE_NOTHING) {
        note_nameless(c, &candidates, &choice);
        return RELAY_NAMELESS;
    }
    keep_name(c, span_of(choice.text, choice.n));
    return RELAY_NAMED;
}

static bool is_stale(const struct relay_identity *id)
{
    return relay_identity_address(id).family != IP_NONE &&
           (!is_known(id) || loop_now_ms(id->relay->loop) >= id->fresh_until_ms);
}

static void wait_for(struct relay_conn *c, struct relay_identity *id)
{
    c->name_next = id->waiting;
    c->name_at = &id->waiting;
    if (c->name_next != NULL)
        c->name_next->name_at = &c->name_next;
    id->waiting = c;
}

static void stop_waiting(struct relay_conn *c)
{
    if (c->name_at == NULL)
        return;
    *c->name_at = c->name_next;
    if (c->name_next != NULL)
        c->name_next->name_at = c->name_at;
    c->name_at = NULL;
}

void relay_name_forget(struct relay_conn *c)
{
    stop_waiting(c);
    if (c->identity != NULL)
        c->identity->users--;
    c->identity = NULL;
}

/* A Unix socket, and a server that delivers for us, know who we are. */
static enum relay_naming say_local(struct relay_conn *c)
{
    const struct config_egress *e = c->dest->egress;

    keep_name(c, e->greeting.n != 0 ? e->greeting : c->relay->config->hostname);
    return RELAY_NAMED;
}

enum relay_naming relay_name_begin(struct relay_conn *c)
{
    struct relay_identity *id;
    enum relay_naming naming;

    if (relay_is_lmtp(c->dest->transport))
        return say_local(c);
    id = relay_identity_of(c->relay, c->dest->egress, net_local_of(c->conn.fd));
    if (id == NULL) {
        relay_conn_note(c, "greeting", "too many addresses to leave from at once", SPAN_NONE);
        return RELAY_NAMELESS;
    }
    c->identity = id;
    id->users++;
    naming = choose(c, id);
    /* What was missing may have been published. */
    if (naming == RELAY_NAMELESS && is_stale(id))
        naming = RELAY_NAME_WAITS;
    if (naming == RELAY_NAME_WAITS)
        wait_for(c, id);
    if (is_stale(id))
        relay_identity_refresh(id);
    return naming;
}

bool relay_name_is_hopeless(struct relay_conn *c)
{
    const struct net_addr *to = &c->dest->targets[c->target].addr;
    struct ip_addr from = c->dest->egress->address;
    struct relay_identity *id;

    if (relay_is_lmtp(c->dest->transport))
        return false;
    if (from.family == IP_NONE)
        from = net_local_towards(to);
    id = from.family != IP_NONE ? relay_identity_of(c->relay, c->dest->egress, from) : NULL;
    if (id == NULL || (is_stale(id) && id->known != NULL))
        return false;
    return choose(c, id) == RELAY_NAMELESS;
}

/* ---- what the server says ---- */

void relay_name_heard(struct relay_conn *c)
{
    struct ip_addr seen;
    struct ip_addr literal;

    if (c->identity == NULL || !is_outside(c) || !greeting_echo(smtp_client_hello(&c->smtp), &seen))
        return;
    /* Some say our own words back. */
    if (greeting_echo(span_of(c->name, c->name_n), &literal) && ip_addr_eq(seen, literal))
        return;
    if (greeting_is_public(seen) && seen.family == c->identity->socket.family)
        relay_check_heard(c->identity, seen, peer_of(c), span_of(c->mta, c->mta_n));
}
