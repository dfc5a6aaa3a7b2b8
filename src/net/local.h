/* SPDX-License-Identifier: ISC */
/*
 * net/local.h - which of our own addresses a connection leaves from.
 *
 * Alone in a file of its own, so that tests of those who ask can say other addresses.
 */
#ifndef NET_LOCAL_H
#define NET_LOCAL_H

#include "net/addr.h"

/* The local address of a socket; IP_NONE for one that is no IP socket, or when it is gone. */
struct ip_addr net_local_of(int fd);

/*
 * The address that the kernel would connect from to `to`; IP_NONE when there is no way. Asks the
 * routing table alone: nothing is sent.
 */
struct ip_addr net_local_towards(const struct net_addr *to);

/* The same towards the Internet as a whole; IP_NONE when there is no way in that family. */
struct ip_addr net_local_out(enum ip_family family);

/* The addresses of the machine's interfaces that are up; at most max, in the kernel's order. */
size_t net_local_all(struct ip_addr *out, size_t max);

#endif
