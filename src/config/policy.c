/* SPDX-License-Identifier: ISC */
/* The section greeting { }: each reader adds to config.greeting.policy, in the order of the keys.
 */
#include "base/ascii.h"
#include "base/num.h"
#include "config/load.h"
#include "name/domain.h"

#define DAY_S INT64_C(86400)

static bool refuse(struct config_load *load, const struct config_value *value, const char *words)
{
    config_load_complain(load, &value->where, value->text, words);
    return false;
}

static bool is_text(const struct config_value *value)
{
    return value->kind == CONFIG_STRING || value->kind == CONFIG_WORD;
}

bool config_policy_read_preset(struct config_load *load, const struct config_value *value, void *at)
{
    if (!is_text(value) || !greeting_preset_parse(value->text, at))
        return refuse(load, value, NULL);
    greeting_policy_init(&load->c->greeting.policy, load->c->greeting.preset);
    return true;
}

bool config_policy_read_stage(struct config_load *load, const struct config_value *value, void *at)
{
    return (is_text(value) && greeting_stage_parse(value->text, at)) || refuse(load, value, NULL);
}

/* ---- check "CAUSE" = ... ---- */

/* RFC 5321 4.1.4 forbids to refuse for one of the checks that are meant. */
static bool is_protected(const struct greeting_policy *now, const struct greeting_policy *before)
{
    for (unsigned i = 0; i < GREETING_CHECK_COUNT; i++) {
        bool is_set =
            now->state[i] != before->state[i] || now->unsafe_refuse[i] != before->unsafe_refuse[i];

        if (is_set && greeting_check_severity((enum greeting_check)i) == SEVERITY_PROTECTED)
            return true;
    }
    return false;
}

bool config_policy_read_check(struct config_load *load, const struct config_value *value, void *at)
{
    struct greeting_policy *p = at;
    struct greeting_policy before = *p;
    bool is_unsafe = is_text(value) && span_eq(value->text, SPAN("unsafe_refuse"));
    enum greeting_state state = CHECK_ENFORCE;
    bool is_known;

    if (!is_unsafe && (!is_text(value) || !greeting_state_parse(value->text, &state)))
        return refuse(load, value, NULL);
    is_known = is_unsafe ? greeting_policy_set_unsafe(p, load->name)
                         : greeting_policy_set(p, load->name, state);
    if (!is_known) {
        config_load_complain(load, &value->where, load->name, "there is no check for that cause");
        return false;
    }
    if (state == CHECK_ENFORCE && is_protected(p, &before))
        config_load_warn(load, &value->where, load->name,
                         is_unsafe ? "RFC 5321 4.1.4 forbids to refuse mail for this: honest "
                                     "senders will be refused"
                                   : "RFC 5321 4.1.4 forbids to refuse mail for this: it is "
                                     "observed (unsafe_refuse refuses all the same)");
    return true;
}

/* ---- exempt = [ { ... } ] ---- */

static bool read_day(span text, int64_t *out_s)
{
    uint64_t y, m, d;
    int64_t era, of_era, of_year;

    if (text.n != 10 || text.p[4] != '-' || text.p[7] != '-' ||
        !num_parse_u64(span_head(text, 4), 9999, &y) ||
        !num_parse_u64(span_of(text.p + 5, 2), 12, &m) ||
        !num_parse_u64(span_of(text.p + 8, 2), 31, &d) || y < 1970 || m == 0 || d == 0)
        return false;
    /* Days since 1970 of a date, with years that begin in March. */
    y -= m <= 2;
    era = (int64_t)(y / 400);
    of_year = (int64_t)((153 * ((m + 9) % 12) + 2) / 5 + d - 1);
    of_era = (int64_t)(y % 400 * 365 + y % 400 / 4 - y % 400 / 100) + of_year;
    *out_s = (era * 146097 + of_era - 719468) * DAY_S;
    return true;
}

static bool read_member(struct config_load *load, const struct config_node *n,
                        struct greeting_exemption *e)
{
    const struct config_value *v = n->value;
    span text;

    if (v == NULL || n->is_named || !is_text(v) || v->text.n == 0)
        return false;
    text = config_pool_copy(load->pool, v->text);
    if (span_eq(n->key, SPAN("client"))) {
        e->by = EXEMPT_CLIENT;
        return ip_prefix_parse(text, &e->client);
    }
    if (span_eq(n->key, SPAN("host"))) {
        e->by = EXEMPT_HOST;
        e->host = text;
        return domain_parse(text).faults == 0;
    }
    if (span_eq(n->key, SPAN("spf"))) {
        e->by = EXEMPT_SPF;
        e->name = text;
        return domain_parse(text).faults == 0;
    }
    if (span_eq(n->key, SPAN("check"))) {
        struct greeting_policy any = {0};

        e->check = text;
        return greeting_policy_set(&any, text, CHECK_OFF);
    }
    if (span_eq(n->key, SPAN("until")))
        return read_day(text, &e->until_s);
    e->reason = text;
    return span_eq(n->key, SPAN("reason"));
}

static bool read_exemption(struct config_load *load, const struct config_value *value,
                           struct greeting_exemption *e)
{
    unsigned whom = 0;

    for (const struct config_node *n = value->nodes; n != NULL; n = n->next) {
        if (!read_member(load, n, e)) {
            config_load_complain(load, &n->where, n->value != NULL ? n->value->text : n->key,
                                 "not a member of an exemption, or not a value for it");
            return false;
        }
        whom += span_eq(n->key, SPAN("client")) || span_eq(n->key, SPAN("host")) ||
                span_eq(n->key, SPAN("spf"));
    }
    if (value->kind != CONFIG_OBJECT || whom != 1)
        return refuse(load, value, "an exemption has one of client, host and spf");
    return e->reason.n != 0 || refuse(load, value, "an exemption needs a reason");
}

bool config_policy_read_exemptions(struct config_load *load, const struct config_value *value,
                                   void *at)
{
    struct greeting_policy *p = &load->c->greeting.policy;
    struct greeting_exemption *e;
    size_t n = 0;

    for (const struct config_value *v = value->items; v != NULL; v = v->next)
        n++;
    if (value->kind != CONFIG_LIST)
        return refuse(load, value, NULL);
    e = config_pool_take(load->pool, (n + 1) * sizeof *e);
    *(const struct greeting_exemption **)at = e;
    p->n_exemptions = 0;
    for (const struct config_value *v = value->items; v != NULL; v = v->next)
        if (!read_exemption(load, v, &e[p->n_exemptions++]))
            return false;
    return true;
}
