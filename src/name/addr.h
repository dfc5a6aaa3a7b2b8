/* SPDX-License-Identifier: ISC */
/*
 * name/addr.h - IP addresses and prefixes as numbers.
 *
 * An address has one form inside: IPv4 as four octets, IPv6 as sixteen, and an
 * IPv4-mapped IPv6 address (::ffff:0:0/96) is its IPv4 address. So equal hosts
 * are equal values however they were spelt. Text goes out as RFC 5952 says.
 *
 * Read are: dotted quads of decimal numbers of up to three digits (RFC 5321
 * Snum: a leading zero changes nothing), and every IPv6 form of RFC 4291 2.2.
 * No zone (%eth0), no port, no brackets.  Not here: "[...]" (name/literal.h).
 */
#ifndef NAME_ADDR_H
#define NAME_ADDR_H

#include "base/buf.h"

#define IP_TEXT_BYTES    40 /* the longest address as text, with room for a NUL */
#define IP_REVERSE_BYTES 74 /* the longest reverse name, with room for a NUL */

enum ip_family {
    IP_NONE, /* a zeroed address is none */
    IP_V4,
    IP_V6,
};

struct ip_addr {
    enum ip_family family;
    uint8_t octet[16]; /* network order; IPv4 in the first four, the rest 0 */
};

/* Addresses with a common beginning of `bits` bits (10.0.0.0/8). */
struct ip_prefix {
    struct ip_addr addr;
    unsigned bits;
};

/* Who can mean something by an address. */
enum ip_scope {
    IP_PUBLIC,
    IP_PRIVATE,      /* RFC 1918 */
    IP_CGNAT,        /* RFC 6598, 100.64.0.0/10 */
    IP_LINK_LOCAL,   /* 169.254.0.0/16, fe80::/10 */
    IP_UNIQUE_LOCAL, /* fc00::/7 */
    IP_LOOPBACK,     /* 127.0.0.0/8, ::1 */
    IP_UNSPECIFIED,  /* 0.0.0.0/8, :: */
    IP_SPECIAL,      /* documentation, multicast, reserved, benchmarks (RFC 6890) */
    IP_SCOPE_COUNT,
};

struct ip_addr ip_addr_v4(const uint8_t octet[4]);
/* A mapped address becomes IPv4. */
struct ip_addr ip_addr_v6(const uint8_t octet[16]);

/* All of s as an address. */
MUSTUSE bool ip_addr_parse(span s, struct ip_addr *out_addr);
/* The same, for one family only; ip_addr_parse_v6 gives IPv4 for a mapped address. */
MUSTUSE bool ip_addr_parse_v4(span s, struct ip_addr *out_addr);
MUSTUSE bool ip_addr_parse_v6(span s, struct ip_addr *out_addr);

/* As RFC 5952 4 writes it; nothing for IP_NONE. */
void ip_addr_put(struct buf *b, struct ip_addr a);
/* As an SMTP literal (RFC 5321 4.1.3): [192.0.2.1] or [IPv6:2001:db8::1]. */
void ip_addr_put_literal(struct buf *b, struct ip_addr a);
/* The name of its PTR records: 1.2.0.192.in-addr.arpa, ….ip6.arpa, no trailing dot. */
void ip_addr_put_reverse(struct buf *b, struct ip_addr a);

bool ip_addr_eq(struct ip_addr a, struct ip_addr b);
/* Octets in use: 4, 16, or 0 for IP_NONE. */
size_t ip_addr_bytes(struct ip_addr a);

enum ip_scope ip_addr_scope(struct ip_addr a);
/* "public", "private", "cgnat", "link-local", …; static. */
const char *ip_scope_text(enum ip_scope scope);

/*
 * "192.0.2.0/24", "2001:db8::/32", or an address alone (then all bits count).
 *
 * Bits beyond the length may be set or not; they are cleared. A mapped prefix of 96 bits
 * or more becomes the IPv4 prefix, a shorter one is refused.
 */
MUSTUSE bool ip_prefix_parse(span s, struct ip_prefix *out_prefix);
bool ip_prefix_has(struct ip_prefix prefix, struct ip_addr a);
void ip_prefix_put(struct buf *b, struct ip_prefix prefix);
/* The prefix of that many bits which holds a; more bits than the address has mean all. */
struct ip_prefix ip_prefix_of(struct ip_addr a, unsigned bits);

#endif
