/* SPDX-License-Identifier: ISC */
#include "config/endpoint.h"

#include "base/num.h"
#include "name/domain.h"

#define UNIX_PATH_MAX_BYTES 107 /* sun_path less its NUL */
#define DNS_PORT            53

static bool parse_unix(struct config_pool *pool, span path, struct config_endpoint *out)
{
    if (path.n == 0 || path.n > UNIX_PATH_MAX_BYTES || path.p[0] != '/' || span_has(path, '\0'))
        return false;
    *out = (struct config_endpoint){.transport = CONFIG_UNIX, .path = config_pool_copy(pool, path)};
    return true;
}

static bool parse_port(span s, uint16_t *port)
{
    uint64_t n;

    if (!num_parse_u64(s, UINT16_MAX, &n) || n == 0)
        return false;
    *port = (uint16_t)n;
    return true;
}

/* Host and the text behind it: "[::1]:25" gives "::1" and ":25". */
static bool split_host(span s, span *host, span *behind)
{
    struct ip_addr v6;
    size_t end;

    if (ip_addr_parse_v6(s, &v6)) {
        *host = s;
        *behind = SPAN_NONE;
        return true;
    }
    end = span_find(s, ':');
    *host = span_head(s, end);
    *behind = span_skip(s, end);
    if (s.n == 0 || s.p[0] != '[')
        return true;
    end = span_find(s, ']');
    *host = span_skip(span_head(s, end), 1);
    *behind = span_skip(s, end + 1);
    return end != s.n && ip_addr_parse_v6(*host, &v6);
}

/* An address, or a name that may stand in a table of hosts as well. */
static bool parse_host(struct config_pool *pool, span host, struct config_endpoint *out)
{
    struct domain d = domain_parse(host);

    if (!ip_addr_parse(host, &out->ip) && (!domain_is_valid(&d) || d.numeric_tail))
        return false;
    out->host = config_pool_copy(pool, host);
    return true;
}

bool config_endpoint_parse(struct config_pool *pool, span s, uint16_t port,
                           struct config_endpoint *out)
{
    struct config_endpoint e = {.transport = CONFIG_TCP, .port = port};
    span host, behind;

    if (span_starts(s, SPAN("unix:")))
        return parse_unix(pool, span_skip(s, 5), out);
    if (!split_host(s, &host, &behind))
        return false;
    if (behind.n != 0 && (behind.p[0] != ':' || !parse_port(span_skip(behind, 1), &e.port)))
        return false;
    if (e.port == 0 || !parse_host(pool, host, &e))
        return false;
    *out = e;
    return true;
}

bool config_endpoint_parse_server(struct config_pool *pool, span s, struct config_endpoint *out)
{
    struct config_endpoint e = {.transport = CONFIG_TCP, .port = DNS_PORT};
    size_t at = span_find(s, '@');

    if (at != s.n && !parse_port(span_skip(s, at + 1), &e.port))
        return false;
    if (!ip_addr_parse(span_head(s, at), &e.ip))
        return false;
    e.host = config_pool_copy(pool, span_head(s, at));
    *out = e;
    return true;
}

void config_endpoint_put(struct buf *b, const struct config_endpoint *e)
{
    if (e->transport == CONFIG_UNIX) {
        buf_put(b, SPAN("unix:"));
        buf_put(b, e->path);
        return;
    }
    buf_put(b, e->ip.family == IP_V6 ? SPAN("[") : SPAN_NONE);
    buf_put(b, e->host);
    buf_put(b, e->ip.family == IP_V6 ? SPAN("]:") : SPAN(":"));
    buf_put_u64(b, e->port);
}
