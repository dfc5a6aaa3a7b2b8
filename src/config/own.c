/* SPDX-License-Identifier: ISC */
#include "config/own.h"

#include "name/domain.h"

size_t config_own_names_max(const struct config *c)
{
    size_t n = 1 + c->greeting.n_own_names;

    for (size_t i = 0; i < c->n_egresses; i++)
        n += 1 + c->egresses[i].n_names;
    return n;
}

size_t config_own_addresses_max(const struct config *c)
{
    size_t n = c->greeting.n_own_addresses + c->n_listens;

    for (size_t i = 0; i < c->n_egresses; i++)
        n += 2 + c->egresses[i].n_names;
    return n;
}

static void add_name(span *list, size_t *n, size_t max, span name)
{
    for (size_t i = 0; i < *n; i++)
        if (domain_eq(list[i], name))
            return;
    if (name.n != 0 && *n < max)
        list[(*n)++] = name;
}

size_t config_own_names(const struct config *c, span *out, size_t max)
{
    size_t n = 0;

    add_name(out, &n, max, c->hostname);
    for (size_t i = 0; i < c->n_egresses; i++) {
        add_name(out, &n, max, c->egresses[i].greeting);
        for (size_t k = 0; k < c->egresses[i].n_names; k++)
            add_name(out, &n, max, c->egresses[i].names[k].name);
    }
    /* They are all different already. */
    for (size_t i = 0; i < c->greeting.n_own_names; i++)
        add_name(out, &n, max, c->greeting.own_names[i]);
    return n;
}

/* Every machine has the loopback address: that it is ours as well says nothing. */
void config_own_add(struct ip_addr *list, size_t *n, size_t max, struct ip_addr a)
{
    if (a.family == IP_NONE || ip_addr_scope(a) == IP_UNSPECIFIED ||
        ip_addr_scope(a) == IP_LOOPBACK || *n == max)
        return;
    for (size_t i = 0; i < *n; i++)
        if (ip_addr_eq(list[i], a))
            return;
    list[(*n)++] = a;
}

size_t config_own_addresses(const struct config *c, struct ip_addr *out, size_t max)
{
    size_t n = 0;

    for (size_t i = 0; i < c->n_egresses; i++) {
        config_own_add(out, &n, max, c->egresses[i].public_address);
        config_own_add(out, &n, max, c->egresses[i].address);
        for (size_t k = 0; k < c->egresses[i].n_names; k++)
            config_own_add(out, &n, max, c->egresses[i].names[k].address);
    }
    for (size_t i = 0; i < c->greeting.n_own_addresses; i++)
        config_own_add(out, &n, max, c->greeting.own_addresses[i]);
    for (size_t i = 0; i < c->n_listens; i++)
        config_own_add(out, &n, max, c->listens[i].address.ip);
    return n;
}

typedef bool route_fn(const struct config_route *route);

static bool is_surely_inside(const struct config_route *route)
{
    return route->via == CONFIG_VIA_SMTP &&
           (route->user.n > 0 ||
            (route->to.ip.family != IP_NONE && !greeting_is_public(route->to.ip)));
}

/* A smarthost that is given by name may be anywhere: a public one is judged when we connect. */
static bool may_be_inside(const struct config_route *route)
{
    return is_surely_inside(route) ||
           (route->via == CONFIG_VIA_SMTP && route->to.ip.family == IP_NONE);
}

/* All routes of the egress that greet anybody by SMTP are so. */
static bool all_routes(const struct config *c, const struct config_egress *egress, route_fn *is_so)
{
    for (size_t i = 0; i < c->n_routes; i++) {
        const struct config_route *route = &c->routes[i];

        if (route->egress == egress && route->via != CONFIG_VIA_HOLD &&
            route->via != CONFIG_VIA_LMTP && !is_so(route))
            return false;
    }
    return true;
}

bool config_own_stays_inside(const struct config *c, const struct config_egress *egress)
{
    return all_routes(c, egress, is_surely_inside);
}

/* The operator's name for this address, else that for the egress. */
static span mapped_name(const struct config_egress *e, struct ip_addr seen, struct ip_addr socket)
{
    for (size_t i = 0; i < e->n_names; i++)
        if (ip_addr_eq(e->names[i].address, seen) || ip_addr_eq(e->names[i].address, socket))
            return e->names[i].name;
    return e->greeting;
}

void config_own_candidates(const struct config *c, const struct config_egress *egress,
                           struct ip_addr seen, struct ip_addr socket,
                           struct greeting_candidates *out)
{
    *out = (struct greeting_candidates){
        .address = seen,
        .socket = socket,
        .mapped = mapped_name(egress, seen, socket),
        .configured = c->hostname_is_set ? c->hostname : SPAN_NONE,
        .host = c->hostname,
        .submission = all_routes(c, egress, may_be_inside),
    };
}
