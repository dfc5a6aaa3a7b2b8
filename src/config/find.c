/* SPDX-License-Identifier: ISC */
#include "config/find.h"

#include "config/map.h"
#include "name/domain.h"
#include "name/path.h"
#include "os/idn.h"

/* An alias for more people than this is a list, and nobody sends as a list. */
#define SENDER_TARGETS_MAX 64

/* As the tables have it: A-labels, no last dot. `room` is for a name that comes in UTF-8. */
static span plain_domain(span domain, char room[IDN_NAME_BYTES])
{
    struct buf ascii = buf_over(room, IDN_NAME_BYTES);

    if (idn_is_needed(domain) && idn_put_ascii(&ascii, domain))
        domain = buf_span(&ascii);
    return span_ends(domain, SPAN(".")) ? span_head(domain, domain.n - 1) : domain;
}

bool config_is_local_domain(const struct config *c, span domain)
{
    char room[IDN_NAME_BYTES];

    return config_map_find(c->domains, plain_domain(domain, room), NULL);
}

bool config_is_relay_domain(const struct config *c, span domain)
{
    char room[IDN_NAME_BYTES];

    return config_map_find(c->relay_domains, plain_domain(domain, room), NULL);
}

bool config_prefixes_have(const struct config_prefixes *prefixes, struct ip_addr client)
{
    for (size_t i = 0; i < prefixes->n; i++)
        if (ip_prefix_has(prefixes->at[i], client))
            return true;
    return false;
}

bool config_is_trusted(const struct config *c, struct ip_addr client)
{
    return config_prefixes_have(&c->trusted, client);
}

/* "local@domain"; empty when it does not fit, which no address of a table does. */
static span join(struct buf *b, span local, span domain)
{
    char room[IDN_NAME_BYTES];
    size_t start = b->n;

    buf_put(b, local);
    buf_putc(b, '@');
    buf_put(b, plain_domain(domain, room));
    return b->overflow ? SPAN_NONE : span_of(b->p + start, b->n - start);
}

/* An alias of this very address, or else of the local part in any of our domains. */
static bool alias_find(const struct config *c, span local, span domain, span *out_targets)
{
    char text[CONFIG_MAP_NAME_MAX_BYTES];
    struct buf b = BUF_OVER(text);
    span address = join(&b, local, domain);

    if (config_map_count(c->aliases) == 0)
        return false;
    return (address.n != 0 && config_map_find(c->aliases, address, out_targets)) ||
           (config_is_local_domain(c, domain) && config_map_find(c->aliases, local, out_targets));
}

static bool user_find(const struct config *c, span local, span domain)
{
    char text[CONFIG_MAP_NAME_MAX_BYTES];
    struct buf b = BUF_OVER(text);
    span address = join(&b, local, domain);

    return address.n != 0 && config_map_find(c->users, address, NULL);
}

span config_postmaster_domain(const struct config *c)
{
    span first = config_map_first(c->domains);

    return first.n != 0 ? first : c->hostname;
}

/*
 * Where the operator has listed users of a relay domain, the others do not exist: to refuse them
 * here is better than a report to a forged sender when the next server does it.
 */
static enum config_recipient relay_find(const struct config *c, span local, span domain)
{
    char room[IDN_NAME_BYTES];
    bool listed = config_map_find(c->user_domains, plain_domain(domain, room), NULL);

    if (!listed || user_find(c, local, domain) || span_ieq(local, SPAN("postmaster")))
        return CONFIG_RECIPIENT_RELAY;
    return CONFIG_RECIPIENT_UNKNOWN;
}

enum config_recipient config_recipient_find(const struct config *c, span local, span domain)
{
    static const enum config_recipient unknown[] = {
        [CONFIG_UNKNOWN_REFUSE] = CONFIG_RECIPIENT_UNKNOWN,
        [CONFIG_UNKNOWN_ACCEPT] = CONFIG_RECIPIENT_MAILBOX,
        [CONFIG_UNKNOWN_CATCHALL] = CONFIG_RECIPIENT_CATCHALL,
    };
    span targets;

    if (config_is_relay_domain(c, domain) && !config_is_local_domain(c, domain))
        return relay_find(c, local, domain);
    if (!config_is_local_domain(c, domain))
        return CONFIG_RECIPIENT_REMOTE;
    if (alias_find(c, local, domain, &targets))
        return CONFIG_RECIPIENT_ALIAS;
    if (user_find(c, local, domain) || span_ieq(local, SPAN("postmaster")))
        return CONFIG_RECIPIENT_MAILBOX;
    return unknown[c->unknown_user];
}

/* ---- aliases ---- */

/* The addresses met so far; those from `done` on have not been looked up yet. */
struct expansion {
    span *out;
    size_t n;
    size_t max;
    bool full;
};

static void add_once(struct expansion *x, span address)
{
    for (size_t i = 0; i < x->n; i++)
        if (address.n == 0 || span_ieq(x->out[i], address))
            return;
    if (address.n == 0 || x->n == x->max) {
        x->full = true;
        return;
    }
    x->out[x->n++] = address;
}

/*
 * The targets of one alias behind the others; names without a domain get `domain`.
 *
 * returns true when `own` is among them: "alice: alice, bob" keeps a copy for alice
 */
static bool add_targets(struct expansion *x, span targets, span own, struct buf *scratch)
{
    span domain = span_skip(own, span_rfind(own, '@') + 1);
    bool keeps_own = false;
    span target;

    while (span_split(&targets, '\0', &target)) {
        if (target.n == 0)
            continue;
        if (span_has(target, '@')) {
            size_t start = scratch->n;

            buf_put(scratch, target);
            target = span_of(scratch->p + start, scratch->n - start);
        } else {
            target = join(scratch, target, domain);
        }
        keeps_own = keeps_own || span_ieq(target, own);
        add_once(x, scratch->overflow ? SPAN_NONE : target);
    }
    return keeps_own;
}

size_t config_alias_expand(const struct config *c, span local, span domain, span *out, size_t max,
                           struct buf *scratch)
{
    struct expansion x = {.out = out, .max = max};
    size_t kept = 0;
    span targets;

    if (!alias_find(c, local, domain, &targets))
        return 0;
    add_once(&x, join(scratch, local, domain));
    /* out[0..kept) are final, out[kept..i) were aliases and stay so that loops are seen. */
    for (size_t i = 0; i < x.n && !x.full && !scratch->overflow; i++) {
        size_t at = span_rfind(out[i], '@');
        span own = out[i];

        if (alias_find(c, span_head(own, at), span_skip(own, at + 1), &targets) &&
            !add_targets(&x, targets, own, scratch))
            continue;
        out[i] = out[kept];
        out[kept++] = own;
    }
    return x.full || scratch->overflow ? 0 : kept;
}

/* ---- senders ---- */

/* "user@example.net", or "@example.net" for all of a domain; each ends with a NUL. */
static bool is_listed(span senders, span address)
{
    span domain = span_skip(address, span_rfind(address, '@'));
    span sender;

    while (span_split(&senders, '\0', &sender)) {
        if (sender.n != 0 && (span_ieq(sender, address) || span_ieq(sender, domain)))
            return true;
    }
    return false;
}

bool config_may_send_as(const struct config *c, span login, span local, span domain)
{
    char text[CONFIG_MAP_NAME_MAX_BYTES];
    char scratch[8192];
    struct buf b = BUF_OVER(text);
    struct buf memory = BUF_OVER(scratch);
    span address = join(&b, local, domain);
    span targets[SENDER_TARGETS_MAX];
    span senders;
    size_t n;

    if (address.n == 0 || login.n == 0)
        return false;
    if (span_ieq(address, login) ||
        (config_map_find(c->auth.senders, login, &senders) && is_listed(senders, address)))
        return true;
    n = config_alias_expand(c, local, domain, targets, COUNT(targets), &memory);
    for (size_t i = 0; i < n; i++) {
        if (span_ieq(targets[i], login))
            return true;
    }
    return false;
}

/* ---- routes ---- */

static const struct config_route *route_named(const struct config *c, span prefix, span domain)
{
    for (size_t i = 0; i < c->n_routes; i++)
        if (span_starts(c->routes[i].name, prefix) &&
            domain_eq(span_skip(c->routes[i].name, prefix.n), domain))
            return &c->routes[i];
    return NULL;
}

const struct config_route *config_route_find(const struct config *c, span domain)
{
    const struct config_route *route = route_named(c, SPAN_NONE, domain);
    span rest = domain;

    while (route == NULL && span_has(rest, '.')) {
        rest = span_skip(rest, span_find(rest, '.') + 1);
        route = route_named(c, SPAN("*."), rest);
    }
    for (size_t i = 0; i < c->n_routes && route == NULL; i++)
        if (span_eq(c->routes[i].name, SPAN("*")))
            route = &c->routes[i];
    BUG_IF(route == NULL, "no route for all others");
    return route;
}

enum greeting_local config_local_domain(const struct config *c, span name)
{
    for (span at = name; at.n > 0; at = span_skip(at, span_find(at, '.') + 1)) {
        if (config_is_local_domain(c, at) || config_is_relay_domain(c, at))
            return at.n == name.n ? LOCAL_EXACT : LOCAL_UNDER;
    }
    return LOCAL_NO;
}

bool config_is_vouched(const struct config *c, struct ip_addr client, span name)
{
    const struct config_greeting *g = &c->greeting;

    for (size_t i = 0; i < g->n_vouched; i++)
        if (ip_prefix_has(g->vouched[i].client, client) &&
            (g->vouched[i].name.n == 0 || domain_eq(g->vouched[i].name, name)))
            return true;
    return false;
}

bool config_is_listed(const struct config *c, span name)
{
    char text[CONFIG_MAP_NAME_MAX_BYTES];
    char room[IDN_NAME_BYTES];

    if (name.n == 0 || config_map_count(c->greeting.listed) == 0)
        return false;
    if (config_map_find(c->greeting.listed, plain_domain(name, room), NULL))
        return true;
    while (span_has(name, '.')) {
        struct buf b = BUF_OVER(text);

        name = span_skip(name, span_find(name, '.') + 1);
        buf_put(&b, SPAN("*."));
        buf_put(&b, plain_domain(name, room));
        if (config_map_find(c->greeting.listed, buf_span(&b), NULL))
            return true;
    }
    return false;
}
