/* SPDX-License-Identifier: ISC */
/*
 * net/addr.h - where to listen and where to connect, as a socket address and as text.
 *
 * Texts: "192.0.2.1:25", "[2001:db8::1]:25", "unix:/run/herald/lmtp". Only addresses, no names:
 * those are the resolver's business.
 */
#ifndef NET_ADDR_H
#define NET_ADDR_H

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/buf.h"
#include "base/diag.h"
#include "name/addr.h"

struct net_addr {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        struct sockaddr_un path;
    } u;
    socklen_t len; /* 0: no address */
};

#define NET_ADDR_TEXT_BYTES 120

static inline int net_addr_family(const struct net_addr *a)
{
    return a->len == 0 ? AF_UNSPEC : a->u.any.sa_family;
}

/* Read a text as above; ERR_SYNTAX with *d that says what is wanted. */
MUSTUSE enum err net_addr_parse(span text, struct net_addr *out_addr, struct diag *d);

/* An IP address from its 4 or 16 octets in network order. */
struct net_addr net_addr_ip(span octets, uint16_t port);

/* The 4 or 16 octets (borrowed from a); empty for a path. */
span net_addr_octets(const struct net_addr *a);
/* The same as an IP address; IP_NONE for a path. */
struct ip_addr net_addr_to_ip(const struct net_addr *a);
/* 0 for a path. */
uint16_t net_addr_port(const struct net_addr *a);
void net_addr_set_port(struct net_addr *a, uint16_t port);

/* The text as above. An IPv4 address mapped into IPv6 is shown as IPv4. */
void net_addr_put(struct buf *b, const struct net_addr *a);
/* The address without port or brackets: "192.0.2.1", "2001:db8::1"; "local" for a path. */
void net_addr_put_host(struct buf *b, const struct net_addr *a);

bool net_addr_eq(const struct net_addr *a, const struct net_addr *b);

#endif
