/* SPDX-License-Identifier: ISC */
/* A scenario of `herald judge` as a case. */
#include "cli/judge.h"

#include "base/diag.h"
#include "cli/scenario.h"

void judge_case_init(struct judge_case *c)
{
    c->claim = (struct greeting_claim){0};
    c->server = (struct greeting_server){.names = c->names, .addresses = c->addresses};
    c->session = (struct greeting_session){0};
    c->preset = PRESET_STANDARD;
    c->n_domains = 0;
    c->verb = SPAN("EHLO");
    greeting_policy_init(&c->policy, PRESET_STANDARD);
}

static span text_of(const json_t *value)
{
    if (!json_is_string(value))
        return SPAN_NONE;
    return span_of(json_string_value(value), json_string_length(value));
}

static enum err not_a(struct diag *d, const char *key, const char *what)
{
    return diag_set(d, ERR_SYNTAX, 0, "\"%s\" is not %s", key, what);
}

/* ---- lists: each appends to what is there already ---- */

static enum err add_texts(const json_t *object, const char *key, span *texts, size_t cap, size_t *n,
                          struct diag *d)
{
    const json_t *list = json_object_get(object, key);
    const json_t *item;
    size_t i;

    if (list != NULL && !json_is_array(list))
        return not_a(d, key, "a list");
    json_array_foreach(list, i, item)
    {
        if (!json_is_string(item) || *n == cap)
            return not_a(d, key, "a list of names within the limit");
        texts[(*n)++] = text_of(item);
    }
    return ERR_OK;
}

static enum err add_addresses(const json_t *object, const char *key, struct judge_case *c,
                              struct diag *d)
{
    const json_t *list = json_object_get(object, key);
    const json_t *item;
    size_t i;

    if (list != NULL && !json_is_array(list))
        return not_a(d, key, "a list");
    json_array_foreach(list, i, item)
    {
        if (c->server.n_addresses == COUNT(c->addresses) ||
            !ip_addr_parse(text_of(item), &c->addresses[c->server.n_addresses]))
            return not_a(d, key, "a list of addresses within the limit");
        c->server.n_addresses++;
    }
    return ERR_OK;
}

/* Whether the client is in one of the listed networks. */
static enum err match_prefixes(const json_t *object, const char *key, const struct judge_case *c,
                               bool *out_match, struct diag *d)
{
    const json_t *list = json_object_get(object, key);
    const json_t *item;
    bool match = false;
    size_t i;

    if (list != NULL && !json_is_array(list))
        return not_a(d, key, "a list");
    json_array_foreach(list, i, item)
    {
        struct ip_prefix prefix;

        if (!ip_prefix_parse(text_of(item), &prefix))
            return not_a(d, key, "a list of networks");
        match = match || ip_prefix_has(prefix, c->session.client);
    }
    *out_match = match;
    return ERR_OK;
}

/* ---- server ---- */

/* Whether the greeting is one of a list of names, or lies below one that is "*.domain". */
static enum err match_listed(const json_t *list, struct judge_case *c, struct diag *d)
{
    struct greeting_name name;
    const json_t *item;
    size_t i;

    if (list != NULL && !json_is_array(list))
        return not_a(d, "listed", "a list of names");
    greeting_name_read(&name, c->claim.greeting, c->claim.is_helo);
    json_array_foreach(list, i, item)
    {
        span text = text_of(item);
        bool below = span_starts(text, SPAN("*."));

        c->claim.listed =
            c->claim.listed || (below ? domain_is_under(name.normal, span_skip(text, 2))
                                      : domain_eq(name.normal, text));
    }
    return ERR_OK;
}

static enum err read_server(struct judge_case *c, const json_t *server, struct diag *d)
{
    static const char *const name_keys[] = {"names", "public_names"};
    static const char *const address_keys[] = {"addresses", "public_addresses"};
    static const char *const domain_keys[] = {"domains", "relay_domains"};
    enum err e = ERR_OK;

    if (server != NULL && !json_is_object(server))
        return not_a(d, "server", "an object");
    for (size_t i = 0; e == ERR_OK && i < COUNT(name_keys); i++)
        e = add_texts(server, name_keys[i], c->names, COUNT(c->names), &c->server.n_names, d);
    for (size_t i = 0; e == ERR_OK && i < COUNT(address_keys); i++)
        e = add_addresses(server, address_keys[i], c, d);
    for (size_t i = 0; e == ERR_OK && i < COUNT(domain_keys); i++)
        e = add_texts(server, domain_keys[i], c->domains, COUNT(c->domains), &c->n_domains, d);
    if (e == ERR_OK)
        e = match_prefixes(server, "vouched", c, &c->claim.vouched, d);
    if (e == ERR_OK)
        e = match_listed(json_object_get(server, "listed"), c, d);
    return e;
}

/* ---- policy ---- */

static enum err read_checks(struct judge_case *c, const json_t *checks, struct diag *d)
{
    const char *cause;
    json_t *value;

    if (checks != NULL && !json_is_object(checks))
        return not_a(d, "checks", "an object");
    json_object_foreach((json_t *)(uintptr_t)checks, cause, value)
    {
        enum greeting_state state;
        bool known;

        if (span_eq(text_of(value), SPAN("unsafe_refuse")))
            known = greeting_policy_set_unsafe(&c->policy, span_cstr(cause));
        else
            known = greeting_state_parse(text_of(value), &state) &&
                    greeting_policy_set(&c->policy, span_cstr(cause), state);
        if (!known)
            return diag_set(d, ERR_SYNTAX, 0, "check \"%s\": no such check or state", cause);
    }
    return ERR_OK;
}

static enum err read_exemption(const json_t *item, struct greeting_exemption *e, struct diag *d)
{
    span client = scenario_text(item, "client");

    *e = (struct greeting_exemption){
        .check = scenario_text(item, "check"),
        .reason = scenario_text(item, "reason"),
        .until_s = (int64_t)json_integer_value(json_object_get(item, "until")),
        .host = scenario_text(item, "host"),
        .name = scenario_text(item, "spf"),
    };
    if (client.n > 0) {
        e->by = EXEMPT_CLIENT;
        return ip_prefix_parse(client, &e->client) ? ERR_OK : not_a(d, "client", "a network");
    }
    e->by = e->host.n > 0 ? EXEMPT_HOST : EXEMPT_SPF;
    return e->host.n > 0 || e->name.n > 0
               ? ERR_OK
               : diag_set(d, ERR_SYNTAX, 0, "an exemption needs client, host or spf");
}

static enum err read_exemptions(struct judge_case *c, const json_t *list, struct diag *d)
{
    const json_t *item;
    size_t i;

    if (list != NULL && !json_is_array(list))
        return not_a(d, "exempt", "a list");
    json_array_foreach(list, i, item)
    {
        enum err e = ERR_LIMIT;

        if (c->policy.n_exemptions < COUNT(c->exemptions))
            e = read_exemption(item, &c->exemptions[c->policy.n_exemptions], d);
        if (e != ERR_OK)
            return e;
        c->policy.n_exemptions++;
    }
    c->policy.exemptions = c->exemptions;
    return ERR_OK;
}

static enum err read_policy(struct judge_case *c, const json_t *scenario, struct diag *d)
{
    span word = scenario_text(scenario, "policy");
    span stage = scenario_text(scenario, "refuse_at");
    enum err e;

    if (word.n > 0 && !greeting_preset_parse(word, &c->preset))
        return not_a(d, "policy", "observe, standard or strict");
    greeting_policy_init(&c->policy, c->preset);
    if (stage.n > 0 && !greeting_stage_parse(stage, &c->policy.refuse_at))
        return not_a(d, "refuse_at", "helo, mail or rcpt");
    e = read_checks(c, json_object_get(scenario, "checks"), d);
    if (e == ERR_OK)
        e = read_exemptions(c, json_object_get(scenario, "exempt"), d);
    return e;
}

/* ---- session ---- */

enum kind { TEXT, TRUTH, NUMBER };

static bool is_kind(const json_t *value, enum kind kind)
{
    switch (kind) {
    case TEXT:
        return json_is_string(value);
    case TRUTH:
        return json_is_boolean(value);
    case NUMBER:
        return json_is_integer(value);
    }
    return false;
}

/* A value of another kind is no value that was left out: nothing is judged by a guess. */
static enum err check_kinds(const json_t *scenario, struct diag *d)
{
    static const char *const words[] = {
        [TEXT] = "a string", [TRUTH] = "true or false", [NUMBER] = "a number of seconds"};
    static const struct {
        const char *key;
        enum kind kind;
    } keys[] = {
        {"greeting", TEXT},       {"verb", TEXT},      {"port", TEXT},
        {"policy", TEXT},         {"changed", TRUTH},  {"early", TRUTH},
        {"authenticated", TRUTH}, {"refuse_at", TEXT}, {"now", NUMBER},
    };

    for (size_t i = 0; i < COUNT(keys); i++) {
        const json_t *value = json_object_get(scenario, keys[i].key);

        if (value != NULL && !json_is_null(value) && !is_kind(value, keys[i].kind))
            return not_a(d, keys[i].key, words[keys[i].kind]);
    }
    return ERR_OK;
}

static uint32_t count_of(const json_t *object, const char *key)
{
    json_int_t n = json_integer_value(json_object_get(object, key));

    return n < 0 ? 0 : n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
}

static void read_history(struct greeting_history *h, const json_t *history)
{
    *h = (struct greeting_history){
        .first_seen_s = (int64_t)json_integer_value(json_object_get(history, "first_seen")),
        .last_seen_s = (int64_t)json_integer_value(json_object_get(history, "last_seen")),
        .times = count_of(history, "times"),
        .times_network = count_of(history, "times_network"),
        .names_hour = count_of(history, "names_hour"),
        .names_day = count_of(history, "names_day"),
        .networks = count_of(history, "networks"),
        .refused = count_of(history, "refused"),
    };
}

static bool is_true(const json_t *object, const char *key)
{
    return json_is_true(json_object_get(object, key));
}

static enum err read_session(struct judge_case *c, const json_t *scenario, struct diag *d)
{
    span verb = scenario_text(scenario, "verb");
    span port = scenario_text(scenario, "port");

    if (!ip_addr_parse(scenario_text(scenario, "client"), &c->session.client))
        return not_a(d, "client", "an IP address");
    if (verb.n > 0 && !span_ieq(verb, SPAN("EHLO")) && !span_ieq(verb, SPAN("HELO")))
        return not_a(d, "verb", "EHLO or HELO");
    if (port.n > 0 && !span_eq(port, SPAN("mx")) && !span_starts(port, SPAN("submission")))
        return not_a(d, "port", "mx or submission");
    c->verb = verb.n > 0 ? verb : SPAN("EHLO");
    c->claim.client = c->session.client;
    c->claim.greeting = scenario_text(scenario, "greeting");
    c->claim.missing = json_is_null(json_object_get(scenario, "greeting"));
    c->claim.is_helo = span_ieq(verb, SPAN("HELO"));
    c->claim.changed = is_true(scenario, "changed");
    c->claim.early = is_true(scenario, "early");
    read_history(&c->claim.history, json_object_get(scenario, "history"));
    c->session.authenticated = is_true(scenario, "authenticated");
    c->session.submission = span_starts(port, SPAN("submission"));
    c->session.now_s = (int64_t)json_integer_value(json_object_get(scenario, "now"));
    return match_prefixes(scenario, "trusted", c, &c->session.trusted, d);
}

enum err judge_case_read(struct judge_case *c, const json_t *scenario, struct diag *d)
{
    enum err e;

    judge_case_init(c);
    e = check_kinds(scenario, d);
    if (e == ERR_OK)
        e = read_session(c, scenario, d);
    if (e == ERR_OK)
        e = read_server(c, json_object_get(scenario, "server"), d);
    if (e == ERR_OK)
        e = read_policy(c, scenario, d);
    return e;
}
