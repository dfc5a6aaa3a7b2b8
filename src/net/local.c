/* SPDX-License-Identifier: ISC */
#include "net/local.h"

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
