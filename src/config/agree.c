/* SPDX-License-Identifier: ISC */
#include "config/agree.h"

/* Where a key of this route stands; what was not written stands nowhere. */
static struct config_where place_of(const struct config_load *load,
                                    const struct config_route *route)
{
    const struct config_store *store = load->c->store;

    for (size_t i = 0; i < store->n_settings; i++) {
        const struct config_setting *s = &store->settings[i];

        if (s->key == load->key && span_eq(s->block, route->name))
            return s->value->where;
    }
    return (struct config_where){"", 0, 0};
}

static void complain(struct config_load *load, const struct config_route *route)
{
    struct config_where where;

    load->key = config_schema_key(SPAN("route"), SPAN("via"));
    load->block = route->name;
    where = place_of(load, route);
    config_load_complain(load, &where, route->to.host,
                         "another route names this server with other tls, ca_file, user or "
                         "password_file: they must say the same");
    load->key = NULL;
    load->block = SPAN_NONE;
}

static bool is_one_server(const struct config_route *a, const struct config_route *b)
{
    return a->via == CONFIG_VIA_SMTP && b->via == CONFIG_VIA_SMTP && a->to.port == b->to.port &&
           span_ieq(a->to.host, b->to.host);
}

static bool says_the_same(const struct config_route *a, const struct config_route *b)
{
    return a->implicit == b->implicit && a->tls == b->tls && span_eq(a->ca_file, b->ca_file) &&
           span_eq(a->user, b->user) && span_eq(a->password_file, b->password_file);
}

void config_agree(struct config_load *load)
{
    const struct config *c = load->c;

    for (size_t i = 0; i < c->n_routes; i++) {
        const struct config_route *route = &c->routes[i];
        size_t first = 0;

        while (first < i && !is_one_server(&c->routes[first], route))
            first++;
        if (first < i && !says_the_same(&c->routes[first], route))
            complain(load, route);
    }
}
