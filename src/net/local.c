/* SPDX-License-Identifier: ISC */
#include "net/local.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <unistd.h>

struct ip_addr net_local_of(int fd)
{
    struct net_addr a = {.len = sizeof(a.u)};

    if (getsockname(fd, &a.u.any, &a.len) != 0 ||
        (a.u.any.sa_family != AF_INET && a.u.any.sa_family != AF_INET6))
        return (struct ip_addr){0};
    return net_addr_to_ip(&a);
}

struct ip_addr net_local_towards(const struct net_addr *to)
{
    struct ip_addr found = {0};
    int family = net_addr_family(to);
    int fd = family == AF_INET || family == AF_INET6
                 ? socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)
                 : -1;

    if (fd < 0)
        return found;
    /* A datagram socket that connects sends nothing: it only chooses the route. */
    if (connect(fd, &to->u.any, to->len) == 0)
        found = net_local_of(fd);
    (void)close(fd);
    return found;
}

struct ip_addr net_local_out(enum ip_family family)
{
    /* Any will do: the default route counts. These belong to nobody (RFC 5737, 3849). */
    static const uint8_t v4[4] = {192, 0, 2, 1};
    static const uint8_t v6[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 1};
    struct net_addr to = net_addr_ip(family == IP_V4 ? span_of(v4, 4) : span_of(v6, 16), 25);

    return net_local_towards(&to);
}

static struct ip_addr addr_of(const struct ifaddrs *i)
{
    struct net_addr a = {0};
    bool is_v4 = i->ifa_addr != NULL && i->ifa_addr->sa_family == AF_INET;
    bool is_v6 = i->ifa_addr != NULL && i->ifa_addr->sa_family == AF_INET6;

    if ((i->ifa_flags & (unsigned)IFF_UP) == 0 || (!is_v4 && !is_v6))
        return (struct ip_addr){0};
    a.len = is_v4 ? sizeof(a.u.v4) : sizeof(a.u.v6);
    memcpy(&a.u, i->ifa_addr, a.len);
    return net_addr_to_ip(&a);
}

size_t net_local_all(struct ip_addr *out, size_t max)
{
    struct ifaddrs *all = NULL;
    size_t n = 0;

    if (getifaddrs(&all) != 0)
        return 0;
    for (const struct ifaddrs *i = all; i != NULL && n < max; i = i->ifa_next) {
        struct ip_addr a = addr_of(i);

        if (a.family != IP_NONE)
            out[n++] = a;
    }
    freeifaddrs(all);
    return n;
}
