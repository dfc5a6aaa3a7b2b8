/* SPDX-License-Identifier: ISC */
/* One reader for each type of value. Each checks what it reads and complains by itself. */
#include "base/ascii.h"
#include "base/num.h"
#include "config/endpoint.h"
#include "config/fit.h"
#include "config/idn.h"
#include "config/list.h"
#include "config/load.h"
#include "config/map.h"
#include "config/number.h"
#include "config/users.h"
#include "name/domain.h"
#include "name/path.h"

#define SMTPS_PORT 465
#define SMTP_PORT  25
#define LMTP_PORT  24
#define HTTP_PORT  80
#define HTTPS_PORT 443

typedef bool reader(struct config_load *load, const struct config_value *value, void *at);

static bool refuse(struct config_load *load, const struct config_value *value, const char *words)
{
    config_load_complain(load, &value->where, value->text, words);
    return false;
}

static bool is_text(const struct config_value *value)
{
    return value->kind == CONFIG_STRING || value->kind == CONFIG_WORD;
}

static void store_span(struct config_load *load, span text, void *at)
{
    *(span *)at = config_pool_copy(load->pool, text);
}

static bool read_text(struct config_load *load, const struct config_value *value, void *at)
{
    if (!is_text(value))
        return refuse(load, value, NULL);
    if (span_has(value->text, '\0'))
        return refuse(load, value, "a NUL octet");
    store_span(load, value->text, at);
    return true;
}

static bool read_path(struct config_load *load, const struct config_value *value, void *at)
{
    if (value->text.n == 0)
        return refuse(load, value, NULL);
    return read_text(load, value, at);
}

static bool read_file(struct config_load *load, const struct config_value *value, void *at)
{
    if (!read_text(load, value, at))
        return false;
    if (value->text.n != 0)
        *(span *)at = config_tree_path_from(load->pool, value->text, value->where.file);
    return true;
}

static bool read_login(struct config_load *load, const struct config_value *value, void *at)
{
    for (size_t i = 0; i < value->text.n; i++)
        if (ascii_is_control(value->text.p[i]))
            return refuse(load, value, "not a user name");
    return read_text(load, value, at);
}

/* A hostname that is not fit for the world is a warning: inside a network it may do. */
static bool read_hostname(struct config_load *load, const struct config_value *value, void *at)
{
    span text = config_idn(load->pool, value->text);
    struct domain d = domain_parse(text);
    const char *fault = config_fit_fault(text);
    struct buf b;

    if (!is_text(value) || !domain_is_valid(&d) || d.numeric || !domain_is_fqdn(&d))
        return refuse(load, value, is_text(value) && fault != NULL ? fault : NULL);
    if (fault != NULL)
        config_load_warn(load, &value->where, value->text, fault);
    b = buf_over(config_pool_take(load->pool, text.n + 1), text.n);
    domain_put(&b, &d);
    *(span *)at = buf_span(&b);
    load->c->hostname_is_fit = fault == NULL;
    load->c->hostname_is_set = value->where.file != config_own_text;
    return true;
}

static bool read_greeting(struct config_load *load, const struct config_value *value, void *at)
{
    span text = config_idn(load->pool, value->text);
    const char *fault = is_text(value) ? config_fit_fault(text) : NULL;
    struct domain d = domain_parse(text);
    struct buf b;

    if (is_text(value) && value->text.n == 0)
        return true;
    if (!is_text(value) || fault != NULL)
        return refuse(load, value, fault);
    b = buf_over(config_pool_take(load->pool, text.n + 1), text.n);
    domain_put(&b, &d);
    *(span *)at = buf_span(&b);
    return true;
}

static bool is_user_octet(char c)
{
    return ascii_is_alnum(c) || c == '_' || c == '-' || c == '.';
}

static bool read_user(struct config_load *load, const struct config_value *value, void *at)
{
    if (!is_text(value) || value->text.n == 0 || value->text.p[0] == '-')
        return refuse(load, value, NULL);
    for (size_t i = 0; i < value->text.n; i++)
        if (!is_user_octet(value->text.p[i]))
            return refuse(load, value, NULL);
    store_span(load, value->text, at);
    return true;
}

static bool read_domains(struct config_load *load, const struct config_value *value, void *at)
{
    struct config_map **map = at;

    *map = config_map_new();
    return config_list_read_domains(load, value, *map);
}

static size_t list_count(const struct config_value *list)
{
    size_t n = 0;

    for (const struct config_value *v = list->items; v != NULL; v = v->next)
        n++;
    return n;
}

static bool read_prefixes(struct config_load *load, const struct config_value *value, void *at)
{
    struct config_prefixes *prefixes = at;
    bool fine = value->kind == CONFIG_LIST;

    if (!fine)
        return refuse(load, value, NULL);
    prefixes->at = config_pool_take(load->pool, (list_count(value) + 1) * sizeof *prefixes->at);
    prefixes->n = 0;
    for (const struct config_value *v = value->items; v != NULL; v = v->next)
        if (is_text(v) && ip_prefix_parse(v->text, &prefixes->at[prefixes->n]))
            prefixes->n++;
        else
            fine = refuse(load, v, "neither an address nor a prefix");
    return fine;
}

static bool read_users(struct config_load *load, const struct config_value *value, void *at)
{
    load->c->users = config_map_new();
    load->c->user_domains = config_map_new();
    load->c->logins = config_map_new_secret();
    if (!read_text(load, value, at))
        return false;
    return value->text.n == 0 || config_users_read(load, value);
}

static bool read_tokens(struct config_load *load, const struct config_value *value, void *at)
{
    load->c->tokens = config_map_new_secret();
    if (!read_text(load, value, at))
        return false;
    return value->text.n == 0 || config_users_read_tokens(load, value);
}

static bool read_senders(struct config_load *load, const struct config_value *value, void *at)
{
    load->c->auth.senders = config_map_new();
    if (!read_text(load, value, at))
        return false;
    return value->text.n == 0 || config_users_read_senders(load, value, load->c->auth.senders);
}

static bool read_words(struct config_load *load, const struct config_value *value, void *at)
{
    for (size_t i = 0; i < value->text.n; i++)
        if (ascii_is_control(value->text.p[i]))
            return refuse(load, value, "a control character");
    return read_text(load, value, at);
}

/* "https://"; *rest goes behind it. */
static bool take_scheme(span *rest, struct config_url *url)
{
    static const struct {
        span text;
        uint16_t port;
        bool tls;
    } schemes[] = {{SPAN_INIT("https://"), HTTPS_PORT, true},
                   {SPAN_INIT("http://"), HTTP_PORT, false}};

    for (size_t i = 0; i < COUNT(schemes); i++) {
        if (!span_istarts(*rest, schemes[i].text))
            continue;
        *rest = span_skip(*rest, schemes[i].text.n);
        url->server.port = schemes[i].port;
        url->tls = schemes[i].tls;
        return true;
    }
    return false;
}

static bool stays_here(const struct config_url *url)
{
    return url->server.ip.family != IP_NONE ? ip_addr_scope(url->server.ip) == IP_LOOPBACK
                                            : span_ieq(url->server.host, SPAN("localhost"));
}

static bool is_url_text(const struct config_value *value)
{
    for (size_t i = 0; i < value->text.n; i++)
        if (!ascii_is_print(value->text.p[i]) || value->text.p[i] == ' ')
            return false;
    return is_text(value) && !span_has(value->text, '#');
}

static bool read_http(struct config_load *load, const struct config_value *value, void *at)
{
    struct config_url *out = at, url = {.path = SPAN_INIT("/")};
    span rest = value->text;
    size_t slash;

    if (!is_url_text(value))
        return refuse(load, value, NULL);
    if (value->text.n == 0)
        return true;
    if (!take_scheme(&rest, &url))
        return refuse(load, value, NULL);
    slash = span_find(rest, '/');
    if (!config_endpoint_parse(load->pool, span_head(rest, slash), url.server.port, &url.server) ||
        url.server.transport != CONFIG_TCP)
        return refuse(load, value, NULL);
    if (slash < rest.n)
        url.path = config_pool_copy(load->pool, span_skip(rest, slash));
    if (!url.tls && !stays_here(&url))
        config_load_warn(load, &value->where, value->text,
                         "tokens and secrets go over the network in the clear: use https://");
    *out = url;
    return true;
}

static bool read_aliases(struct config_load *load, const struct config_value *value, void *at)
{
    load->c->aliases = config_map_new();
    if (!read_text(load, value, at))
        return false;
    return value->text.n == 0 || config_list_read_aliases(load, value, load->c->aliases);
}

/* {data_dir} is the same for all mail and is filled in here; {domain} and {user} stay. */
static bool template_fill(struct config_load *load, span template, span *out)
{
    span data_dir = load->c->data_dir, name = SPAN("{data_dir}");
    size_t room = template.n * (data_dir.n + 1) + 1;
    struct buf b = buf_over(config_pool_take(load->pool, room), room - 1);

    while (template.n != 0) {
        size_t brace = span_find(template, '{');

        buf_put(&b, span_head(template, brace));
        template = span_skip(template, brace);
        if (span_starts(template, name)) {
            buf_put(&b, data_dir);
            template = span_skip(template, name.n);
        } else if (span_starts(template, SPAN("{domain}")) ||
                   span_starts(template, SPAN("{user}"))) {
            buf_putc(&b, '{');
            template = span_skip(template, 1);
        } else if (template.n != 0) {
            return false;
        }
    }
    *out = buf_span(&b);
    return span_search(*out, SPAN("{user}")) < out->n;
}

static bool read_mailbox(struct config_load *load, const struct config_value *value, void *at)
{
    struct config_mailbox *m = at;

    if (is_text(value) && span_starts(value->text, SPAN("maildir:")) &&
        !span_has(value->text, '\0')) {
        m->kind = CONFIG_MAILBOX_MAILDIR;
        if (template_fill(load, span_skip(value->text, 8), &m->path))
            return true;
        return refuse(load, value,
                      "the path must have {user}, and may have {domain} and {data_dir}");
    }
    m->kind = CONFIG_MAILBOX_LMTP;
    if (is_text(value) && span_starts(value->text, SPAN("lmtp:")) &&
        config_endpoint_parse(load->pool, span_skip(value->text, 5), LMTP_PORT, &m->lmtp))
        return true;
    return refuse(load, value, NULL);
}

static bool word_find(const struct config_value *value, const char *const *words, int *out)
{
    for (int i = 0; is_text(value) && words[i] != NULL; i++)
        if (span_eq(value->text, span_cstr(words[i]))) {
            *out = i;
            return true;
        }
    return false;
}

/* Our enums are stored as unsigned by the compiler; the values are the same. */
static bool read_enum(struct config_load *load, const struct config_value *value, void *at)
{
    int n;

    if (!word_find(value, load->key->words, &n))
        return refuse(load, value, NULL);
    memcpy(at, &n, sizeof n);
    return true;
}

static bool read_unknown_user(struct config_load *load, const struct config_value *value, void *at)
{
    enum config_unknown_user *kind = at;
    struct path path;
    int n;

    if (word_find(value, load->key->words, &n)) {
        *kind = (enum config_unknown_user)n;
        return true;
    }
    if (!is_text(value) || !span_starts(value->text, SPAN("catchall:")))
        return refuse(load, value, NULL);
    *kind = CONFIG_UNKNOWN_CATCHALL;
    load->c->catchall = config_pool_copy(load->pool, span_skip(value->text, 9));
    if (path_parse_address(load->c->catchall, PATH_ALLOW_UTF8, &path) != PATH_FINE)
        return refuse(load, value, "not an address behind catchall:");
    return true;
}

static bool read_listen(struct config_load *load, const struct config_value *value, void *at)
{
    struct config_endpoint *e = at;

    if (!is_text(value) || !config_endpoint_parse(load->pool, value->text, 0, e))
        return refuse(load, value, NULL);
    if (e->transport == CONFIG_TCP && e->ip.family == IP_NONE)
        return refuse(load, value, "a name; an address is needed here");
    return true;
}

static bool read_servers(struct config_load *load, const struct config_value *value, void *at)
{
    struct config_endpoint *servers = at;
    struct config_dns *dns = &load->c->dns;
    bool fine = value->kind == CONFIG_LIST && list_count(value) <= CONFIG_SERVERS_MAX;

    if (!fine)
        return refuse(load, value, NULL);
    dns->n_servers = 0;
    for (const struct config_value *v = value->items; v != NULL; v = v->next)
        if (is_text(v) &&
            config_endpoint_parse_server(load->pool, v->text, &servers[dns->n_servers]))
            dns->n_servers++;
        else
            fine = refuse(load, v, "not the address of a server");
    return fine;
}

static bool read_address(struct config_load *load, const struct config_value *value, void *at)
{
    struct ip_addr *addr = at;

    if (!is_text(value) || (value->text.n != 0 && !ip_addr_parse(value->text, addr)))
        return refuse(load, value, NULL);
    return true;
}

/* "smtp://HOST[:PORT]" and the two forms of lmtp. */
static bool via_parse(struct config_load *load, span text, struct config_route *route)
{
    route->implicit = span_starts(text, SPAN("smtps://"));
    if (route->implicit || span_starts(text, SPAN("smtp://"))) {
        uint16_t port = route->implicit ? SMTPS_PORT : SMTP_PORT;

        route->via = CONFIG_VIA_SMTP;
        text = span_skip(text, span_find(text, '/') + 2);
        return config_endpoint_parse(load->pool, text, port, &route->to) &&
               route->to.transport == CONFIG_TCP;
    }
    route->via = CONFIG_VIA_LMTP;
    if (span_starts(text, SPAN("lmtp://")))
        return config_endpoint_parse(load->pool, span_skip(text, 7), LMTP_PORT, &route->to);
    return span_starts(text, SPAN("lmtp:")) &&
           config_endpoint_parse(load->pool, span_skip(text, 5), LMTP_PORT, &route->to);
}

static bool read_via(struct config_load *load, const struct config_value *value, void *at)
{
    static const enum config_via vias[] = {CONFIG_VIA_MX, CONFIG_VIA_HOLD};
    struct config_route *route =
        (struct config_route *)(void *)((char *)at - offsetof(struct config_route, via));
    int n = 0;

    if (word_find(value, load->key->words, &n) && (size_t)n < COUNT(vias)) {
        route->via = vias[n];
        return true;
    }
    if (!is_text(value) || !via_parse(load, value->text, route))
        return refuse(load, value, NULL);
    return true;
}

static bool read_egress(struct config_load *load, const struct config_value *value, void *at)
{
    const struct config_egress **egress = at;
    const struct config *c = load->c;

    if (!is_text(value))
        return refuse(load, value, NULL);
    /* Without any block those of the file were wrong, and that has been said. */
    *egress = c->n_egresses != 0 ? &c->egresses[0] : NULL;
    if (value->text.n == 0)
        return true;
    for (size_t i = 0; i < c->n_egresses; i++)
        if (span_eq(c->egresses[i].name, value->text)) {
            *egress = &c->egresses[i];
            return true;
        }
    return refuse(load, value, "there is no egress block of that name");
}

static bool in_range(const struct config_load *load, uint64_t n)
{
    return n >= load->key->min && n <= load->key->max;
}

static bool read_amount(struct config_load *load, const struct config_value *value, uint64_t *at,
                        bool (*parse)(span s, uint64_t *out))
{
    uint64_t n = 0;

    if (value->kind != CONFIG_WORD || !parse(value->text, &n))
        return refuse(load, value, NULL);
    if (!in_range(load, n))
        return refuse(load, value, "out of range");
    *at = n;
    return true;
}

static bool parse_number(span s, uint64_t *out)
{
    return num_parse_u64(s, UINT64_MAX, out);
}

static bool read_number(struct config_load *load, const struct config_value *value, void *at)
{
    return read_amount(load, value, at, parse_number);
}

static bool read_size(struct config_load *load, const struct config_value *value, void *at)
{
    return read_amount(load, value, at, config_number_parse_size);
}

static bool read_duration(struct config_load *load, const struct config_value *value, void *at)
{
    return read_amount(load, value, at, config_number_parse_duration);
}

static bool read_durations(struct config_load *load, const struct config_value *value, void *at)
{
    uint64_t *ms = at;
    struct config_queue *queue = &load->c->queue;
    size_t n = list_count(value);

    if (value->kind != CONFIG_LIST || n == 0 || n > CONFIG_RETRIES_MAX)
        return refuse(load, value, NULL);
    queue->n_retry = 0;
    for (const struct config_value *v = value->items; v != NULL; v = v->next)
        if (!read_amount(load, v, &ms[queue->n_retry++], config_number_parse_duration))
            return false;
    return true;
}

static reader *const readers[] = {
    [CONFIG_TYPE_HOSTNAME] = read_hostname,
    [CONFIG_TYPE_PATH] = read_path,
    [CONFIG_TYPE_FILE] = read_file,
    [CONFIG_TYPE_LOGIN] = read_login,
    [CONFIG_TYPE_TEXT] = read_words,
    [CONFIG_TYPE_USER] = read_user,
    [CONFIG_TYPE_GREETING] = read_greeting,
    [CONFIG_TYPE_DOMAINS] = read_domains,
    [CONFIG_TYPE_PREFIXES] = read_prefixes,
    [CONFIG_TYPE_USERS] = read_users,
    [CONFIG_TYPE_TOKENS] = read_tokens,
    [CONFIG_TYPE_SENDERS] = read_senders,
    [CONFIG_TYPE_HTTP] = read_http,
    [CONFIG_TYPE_ALIASES] = read_aliases,
    [CONFIG_TYPE_MAILBOX] = read_mailbox,
    [CONFIG_TYPE_UNKNOWN_USER] = read_unknown_user,
    [CONFIG_TYPE_LISTEN] = read_listen,
    [CONFIG_TYPE_SERVERS] = read_servers,
    [CONFIG_TYPE_ADDRESS] = read_address,
    [CONFIG_TYPE_VIA] = read_via,
    [CONFIG_TYPE_EGRESS] = read_egress,
    [CONFIG_TYPE_ENUM] = read_enum,
    [CONFIG_TYPE_NUMBER] = read_number,
    [CONFIG_TYPE_SIZE] = read_size,
    [CONFIG_TYPE_DURATION] = read_duration,
    [CONFIG_TYPE_DURATIONS] = read_durations,
    [CONFIG_TYPE_POLICY] = config_policy_read_preset,
    [CONFIG_TYPE_STAGE] = config_policy_read_stage,
    [CONFIG_TYPE_CHECK] = config_policy_read_check,
    [CONFIG_TYPE_OWN_NAMES] = config_names_read_own,
    [CONFIG_TYPE_OWN_ADDRESSES] = config_names_read_addresses,
    [CONFIG_TYPE_VOUCHED] = config_names_read_vouched,
    [CONFIG_TYPE_LISTED] = config_names_read_listed,
    [CONFIG_TYPE_EGRESS_NAMES] = config_names_read_egress,
    [CONFIG_TYPE_EXEMPTIONS] = config_policy_read_exemptions,
};

bool config_value_read(struct config_load *load, const struct config_value *value, void *at)
{
    return readers[load->key->type](load, value, at);
}
