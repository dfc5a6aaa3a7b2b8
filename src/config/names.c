/* SPDX-License-Identifier: ISC */
/* Lists of names and addresses of greeting { } and egress { }: who we are, and who vouches. */
#include <stdlib.h>

#include "base/ascii.h"
#include "config/fit.h"
#include "config/idn.h"
#include "config/load.h"
#include "config/map.h"
#include "config/table.h"
#include "name/domain.h"

/* ---- arrays that grow; they are moved into the pool when they are whole ---- */

struct array {
    char *p;
    size_t n;
    size_t cap;
    size_t item_bytes;
    struct config_map *seen; /* against doubles; NULL: doubles are fine */
};

static void array_add(struct array *a, const void *item)
{
    if (a->n == a->cap) {
        a->cap = a->cap != 0 ? a->cap * 2 : 16;
        a->p = realloc(a->p, a->cap * a->item_bytes);
        BUG_IF(a->p == NULL, "out of memory");
    }
    memcpy(a->p + a->n++ * a->item_bytes, item, a->item_bytes);
}

static void *array_end(struct array *a, struct config_pool *pool)
{
    void *all = config_pool_take(pool, (a->n + 1) * a->item_bytes);

    if (a->n != 0)
        memcpy(all, a->p, a->n * a->item_bytes);
    free(a->p);
    config_map_free(a->seen);
    return all;
}

/* A name in its normal form in the pool; empty, with *why, when it is none. */
static span keep_domain(struct config_table *t, span text, const char **why)
{
    struct domain d = domain_parse(config_idn(t->load->pool, text));
    struct buf b;

    *why = NULL;
    if ((d.faults & ~DOMAIN_FORGIVABLE) != 0)
        *why = domain_fault_text(d.faults & ~DOMAIN_FORGIVABLE);
    else if (d.numeric)
        *why = "an address, not a name";
    if (*why != NULL)
        return SPAN_NONE;
    b = buf_over(config_pool_take(t->load->pool, d.text.n + 1), d.text.n);
    domain_put(&b, &d);
    return buf_span(&b);
}

/* ---- own_names ---- */

static const char *add_own_name(struct config_table *t, span key, span value)
{
    struct array *a = t->to;
    const char *why;
    span name = keep_domain(t, key, &why);

    (void)value;
    if (why == NULL && config_map_put(a->seen, name, SPAN_NONE))
        array_add(a, &name);
    return why;
}

bool config_names_read_own(struct config_load *load, const struct config_value *value, void *at)
{
    struct array a = {.item_bytes = sizeof(span), .seen = config_map_new()};
    struct config_table t = {.load = load, .add = add_own_name, .to = &a};
    bool fine = config_table_read_list(&t, value);

    load->c->greeting.n_own_names = a.n;
    *(span **)at = array_end(&a, load->pool);
    return fine;
}

/* ---- own_addresses ---- */

static bool take_item(span *rest, span *out)
{
    size_t n = 0;

    while (rest->n != 0 && (ascii_is_blank(rest->p[0]) || rest->p[0] == ',' || rest->p[0] == ';'))
        *rest = span_skip(*rest, 1);
    while (n < rest->n && !ascii_is_blank(rest->p[n]) && rest->p[n] != ',' && rest->p[n] != ';')
        n++;
    *out = span_head(*rest, n);
    *rest = span_skip(*rest, n);
    return out->n != 0;
}

static const char *add_own_address(struct config_table *t, span key, span value)
{
    struct array *a = t->to;
    struct ip_addr addr;
    span item;

    (void)value;
    while (take_item(&key, &item)) {
        if (!ip_addr_parse(item, &addr))
            return "not an IP address";
        if (config_map_put(a->seen, span_of(addr.octet, ip_addr_bytes(addr)), SPAN_NONE))
            array_add(a, &addr);
    }
    return NULL;
}

bool config_names_read_addresses(struct config_load *load, const struct config_value *value,
                                 void *at)
{
    struct array a = {.item_bytes = sizeof(struct ip_addr), .seen = config_map_new()};
    struct config_table t = {.load = load, .add = add_own_address, .to = &a};
    bool fine = config_table_read_list(&t, value);

    load->c->greeting.n_own_addresses = a.n;
    *(struct ip_addr **)at = array_end(&a, load->pool);
    return fine;
}

/* ---- vouched: "PREFIX" or "PREFIX NAME" ---- */

static const char *add_vouched(struct config_table *t, span key, span value)
{
    struct config_vouched v = {.name = SPAN_NONE};
    const char *why = NULL;
    span prefix, name;

    if (!take_item(&key, &prefix) || !ip_prefix_parse(prefix, &v.client))
        return "not of the form \"ADDRESS\" or \"ADDRESS/BITS\", or one of them and a name";
    name = span_trim(key).n != 0 ? span_trim(key) : value;
    if (name.n != 0)
        v.name = keep_domain(t, name, &why);
    if (why == NULL)
        array_add(t->to, &v);
    return why;
}

bool config_names_read_vouched(struct config_load *load, const struct config_value *value, void *at)
{
    struct array a = {.item_bytes = sizeof(struct config_vouched)};
    struct config_table t = {.load = load, .add = add_vouched, .to = &a};
    bool fine = config_table_read_list(&t, value);

    load->c->greeting.n_vouched = a.n;
    *(struct config_vouched **)at = array_end(&a, load->pool);
    return fine;
}

/* ---- listed: names, and "*.domain" for all below one ---- */

static const char *add_listed(struct config_table *t, span key, span value)
{
    bool below = span_starts(key, SPAN("*."));
    const char *why;
    span name = keep_domain(t, below ? span_skip(key, 2) : key, &why);
    char text[DOMAIN_MAX_BYTES + 3];
    struct buf b = BUF_OVER(text);

    (void)value;
    if (why != NULL)
        return why;
    buf_put(&b, below ? SPAN("*.") : SPAN_NONE);
    buf_put(&b, name);
    (void)config_map_put(t->to, buf_span(&b), SPAN_NONE);
    return NULL;
}

bool config_names_read_listed(struct config_load *load, const struct config_value *value, void *at)
{
    struct config_map **map = at;
    struct config_table t = {.load = load, .add = add_listed};
    bool fine;

    *map = config_map_new();
    t.to = *map;
    fine = config_table_read_list(&t, value);
    config_map_trim(*map);
    return fine;
}

/* ---- egress.names: "ADDRESS NAME", and cPanel's two files ---- */

static const struct config_egress_name *name_of(const struct array *a, struct ip_addr address)
{
    const struct config_egress_name *all = (const struct config_egress_name *)(const void *)a->p;

    for (size_t i = 0; i < a->n; i++)
        if (ip_addr_eq(all[i].address, address))
            return &all[i];
    return NULL;
}

static const char *put_name(struct config_table *t, struct ip_addr address, span text)
{
    const char *fault = config_fit_fault(config_idn(t->load->pool, text));
    struct config_egress_name item = {.address = address};
    const struct config_egress_name *former = name_of(t->to, address);
    const char *why = NULL;

    if (fault != NULL)
        return fault;
    item.name = keep_domain(t, text, &why);
    if (why != NULL)
        return why;
    if (former != NULL)
        return span_eq(former->name, item.name) ? NULL
                                                : "this address has another name already, which "
                                                  "is kept";
    array_add(t->to, &item);
    return NULL;
}

static const char *add_egress_name(struct config_table *t, span key, span value)
{
    struct ip_addr address;
    span text;

    if (!take_item(&key, &text) || !ip_addr_parse(text, &address))
        return "not of the form \"ADDRESS NAME\"";
    key = span_trim(key);
    return put_name(t, address, key.n != 0 ? key : value);
}

static const char *add_helo(struct config_table *t, span key, span value)
{
    config_map_put(t->to, key, value);
    return NULL;
}

struct cpanel {
    struct array *names;
    struct config_map *helo;
};

/* The addresses of a domain get the name of the domain, or of all others. */
static const char *add_ips(struct config_table *t, span key, span value)
{
    struct cpanel *c = t->to;
    struct config_table names = *t;
    struct ip_addr address;
    const char *why = NULL;
    span item, name;

    if (!config_map_find(c->helo, key, &name) && !config_map_find(c->helo, SPAN("*"), &name))
        return NULL;
    names.to = c->names;
    while (why == NULL && take_item(&value, &item))
        why = ip_addr_parse(item, &address) ? put_name(&names, address, name) : "not an IP address";
    return why;
}

static span path_in(struct config_load *load, span dir, const char *file)
{
    size_t room = dir.n + strlen(file) + 1;
    struct buf b = buf_over(config_pool_take(load->pool, room + 1), room);

    buf_put(&b, dir);
    buf_putc(&b, '/');
    buf_put(&b, span_cstr(file));
    return buf_span(&b);
}

static bool read_cpanel(struct config_table *t, const struct config_value *v, span dir)
{
    struct cpanel c = {.names = t->to, .helo = config_map_new()};
    struct config_table helo = {.load = t->load, .add = add_helo, .to = c.helo};
    struct config_table ips = {.load = t->load, .add = add_ips, .to = &c};
    bool fine =
        config_table_read(&helo, &v->where, CONFIG_TABLE_EXIM, path_in(t->load, dir, "mailhelo")) &&
        config_table_read(&ips, &v->where, CONFIG_TABLE_EXIM, path_in(t->load, dir, "mailips"));

    config_map_free(c.helo);
    return fine;
}

bool config_names_read_egress(struct config_load *load, const struct config_value *value, void *at)
{
    struct config_egress *egress =
        (struct config_egress *)(void *)((char *)at - offsetof(struct config_egress, names));
    struct array a = {.item_bytes = sizeof(struct config_egress_name)};
    struct config_table t = {.load = load, .add = add_egress_name, .to = &a};
    bool fine = value->kind == CONFIG_LIST;

    if (!fine)
        config_load_complain(load, &value->where, value->text, NULL);
    for (const struct config_value *v = value->items; v != NULL; v = v->next) {
        struct config_value one = {.kind = CONFIG_LIST, .where = v->where};
        struct config_value item = *v;

        item.next = NULL;
        one.items = &item;
        if (v->kind == CONFIG_STRING && span_starts(v->text, SPAN("cpanel:")))
            fine = read_cpanel(&t, v, span_skip(v->text, 7)) && fine;
        else
            fine = config_table_read_list(&t, &one) && fine;
    }
    egress->n_names = a.n;
    egress->names = array_end(&a, load->pool);
    return fine;
}
