/* SPDX-License-Identifier: ISC */
#include "net/addr.h"

#include <arpa/inet.h>
#include <stddef.h>

#include "base/num.h"

#define PATH_PREFIX "unix:"
#define WANTED      "\"192.0.2.1:25\", \"[2001:db8::1]:25\" or \"unix:/path\""

static const unsigned char mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static enum err parse_path(span path, struct net_addr *out_addr, struct diag *d)
{
    struct net_addr a = {0};

    if (path.n == 0 || span_has(path, '\0'))
        return diag_set(d, ERR_SYNTAX, 0, "a path is missing after \"unix:\"");
    if (path.n >= sizeof a.u.path.sun_path)
        return diag_set(d, ERR_SYNTAX, 0, "the path of a Unix socket has at most %zu octets",
                        sizeof a.u.path.sun_path - 1);
    a.u.path.sun_family = AF_UNIX;
    memcpy(a.u.path.sun_path, path.p, path.n);
    a.len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + path.n + 1);
    *out_addr = a;
    return ERR_OK;
}

/* host is NUL-terminated text without brackets. */
static bool parse_ip(const char *host, bool v6, struct net_addr *out_addr)
{
    struct net_addr a = {0};

    if (v6) {
        a.u.v6.sin6_family = AF_INET6;
        a.len = sizeof a.u.v6;
        if (inet_pton(AF_INET6, host, &a.u.v6.sin6_addr) != 1)
            return false;
    } else {
        a.u.v4.sin_family = AF_INET;
        a.len = sizeof a.u.v4;
        if (inet_pton(AF_INET, host, &a.u.v4.sin_addr) != 1)
            return false;
    }
    *out_addr = a;
    return true;
}

enum err net_addr_parse(span text, struct net_addr *out_addr, struct diag *d)
{
    char host[INET6_ADDRSTRLEN];
    struct buf b = BUF_OVER(host);
    struct net_addr a = {0};
    uint64_t port = 0;

    if (span_starts(text, SPAN(PATH_PREFIX)))
        return parse_path(span_skip(text, sizeof PATH_PREFIX - 1), out_addr, d);
    size_t colon = span_rfind(text, ':');
    span name = span_head(text, colon);
    bool v6 = span_starts(name, SPAN("[")) && span_ends(name, SPAN("]"));
    buf_put(&b, v6 ? span_of(name.p + 1, name.n - 2) : name);
    const char *host_text = buf_cstr(&b);
    if (host_text == NULL || !num_parse_u64(span_skip(text, colon + 1), UINT16_MAX, &port) ||
        !parse_ip(host_text, v6, &a))
        return diag_set(d, ERR_SYNTAX, 0, "\"%.*s\" is no address; wanted is " WANTED,
                        SPAN_ARG(span_head(text, 100)));
    net_addr_set_port(&a, (uint16_t)port);
    *out_addr = a;
    return ERR_OK;
}

struct net_addr net_addr_ip(span octets, uint16_t port)
{
    struct net_addr a = {0};

    if (octets.n == sizeof a.u.v4.sin_addr) {
        a.u.v4.sin_family = AF_INET;
        a.len = sizeof a.u.v4;
        memcpy(&a.u.v4.sin_addr, octets.p, octets.n);
    } else if (octets.n == sizeof a.u.v6.sin6_addr) {
        a.u.v6.sin6_family = AF_INET6;
        a.len = sizeof a.u.v6;
        memcpy(&a.u.v6.sin6_addr, octets.p, octets.n);
    }
    net_addr_set_port(&a, port);
    return a;
}

span net_addr_octets(const struct net_addr *a)
{
    if (net_addr_family(a) == AF_INET)
        return span_of(&a->u.v4.sin_addr, sizeof a->u.v4.sin_addr);
    if (net_addr_family(a) != AF_INET6)
        return SPAN_NONE;
    span all = span_of(&a->u.v6.sin6_addr, sizeof a->u.v6.sin6_addr);
    bool mapped = memcmp(all.p, mapped_prefix, sizeof mapped_prefix) == 0;
    return mapped ? span_skip(all, sizeof mapped_prefix) : all;
}

struct ip_addr net_addr_to_ip(const struct net_addr *a)
{
    span octets = net_addr_octets(a);
    uint8_t room[16] = {0};

    if (octets.n != 4 && octets.n != 16)
        return (struct ip_addr){0};
    memcpy(room, octets.p, octets.n);
    return octets.n == 4 ? ip_addr_v4(room) : ip_addr_v6(room);
}

uint16_t net_addr_port(const struct net_addr *a)
{
    if (net_addr_family(a) == AF_INET)
        return ntohs(a->u.v4.sin_port);
    return net_addr_family(a) == AF_INET6 ? ntohs(a->u.v6.sin6_port) : 0;
}

void net_addr_set_port(struct net_addr *a, uint16_t port)
{
    if (net_addr_family(a) == AF_INET)
        a->u.v4.sin_port = htons(port);
    else if (net_addr_family(a) == AF_INET6)
        a->u.v6.sin6_port = htons(port);
}

/* The path of a Unix socket; empty for an unnamed client, which has none. */
static span path_of(const struct net_addr *a)
{
    size_t at = offsetof(struct sockaddr_un, sun_path);

    if (a->len <= at)
        return SPAN_NONE;
    span all = span_of(a->u.path.sun_path, a->len - at);
    return span_head(all, span_find(all, '\0'));
}

void net_addr_put(struct buf *b, const struct net_addr *a)
{
    span octets = net_addr_octets(a);

    if (octets.n == 0) {
        buf_put(b, SPAN(PATH_PREFIX));
        buf_put(b, path_of(a));
        return;
    }
    if (octets.n == 16)
        buf_putc(b, '[');
    ip_addr_put(b, net_addr_to_ip(a));
    buf_put(b, octets.n == 16 ? SPAN("]:") : SPAN(":"));
    buf_put_u64(b, net_addr_port(a));
}

void net_addr_put_host(struct buf *b, const struct net_addr *a)
{
    if (net_addr_octets(a).n == 0)
        buf_put(b, SPAN("local"));
    else
        ip_addr_put(b, net_addr_to_ip(a));
}

bool net_addr_eq(const struct net_addr *a, const struct net_addr *b)
{
    if (net_addr_family(a) != net_addr_family(b) || net_addr_port(a) != net_addr_port(b))
        return false;
    if (net_addr_family(a) == AF_UNIX)
        return span_eq(path_of(a), path_of(b));
    return span_eq(net_addr_octets(a), net_addr_octets(b));
}
