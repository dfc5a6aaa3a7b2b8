/* SPDX-License-Identifier: ISC */
/*
 * dns/wire.h - DNS packets (RFC 1035 4), read and asked.
 *
 * Packets come from strangers: every length is checked, a compression pointer may
 * only point backwards and only a bounded number of times, and records that do not
 * belong to the chain from the question are not looked at. Reading has a sticky
 * error: read freely, look at `failed` once.
 *
 * Limits: DNS_CHAIN_MAX CNAMEs, and those of dns/answer.h.  Not here: sockets,
 * retries, cache, validation (net/resolver).
 */
#ifndef DNS_WIRE_H
#define DNS_WIRE_H

#include "base/err.h"
#include "dns/answer.h"

#define DNS_CHAIN_MAX       11u /* CNAMEs followed; unbound's limit */
#define DNS_HEADER_BYTES    12u
#define DNS_QUERY_MAX_BYTES 300u /* header, name, type, class, EDNS record */

/* ---- names (dns/name.c) ---- */

/*
 * Put the wire form of a text name (RFC 1035 3.1): `\DDD` and `\c` are understood.
 *
 * returns false when a label is empty or over 63 octets, the whole over 255, or an escape is
 *         malformed; nothing useful is in b then.
 */
MUSTUSE bool dns_name_put(struct buf *b, span text);

/* name in lower case and without one trailing dot; overflow of b when it does not fit. */
void dns_name_normal(struct buf *b, span name);

/* name as text in the one form in which names are read from packets; false when it is none. */
MUSTUSE bool dns_name_canonical(struct buf *b, span name);

/* Equal as DNS compares: without case, one trailing dot on either side dropped. */
bool dns_name_eq(span a, span b);

/* ---- the cursor ---- */

struct dns_wire {
    span packet;
    size_t at;
    bool failed; /* sticky: after it numbers read as 0, spans as empty */
};

static inline struct dns_wire dns_wire_over(span packet)
{
    return (struct dns_wire){packet, 0, false};
}

uint8_t dns_wire_u8(struct dns_wire *w);
uint16_t dns_wire_u16(struct dns_wire *w);
uint32_t dns_wire_u32(struct dns_wire *w);
/* n octets, borrowed from the packet. */
span dns_wire_octets(struct dns_wire *w, size_t n);
/*
 * The name at the cursor as text (see dns/answer.h) at the end of *text, the cursor behind it.
 *
 * Compression pointers must point backwards and below the last one, so reading always ends.
 */
void dns_wire_name(struct dns_wire *w, struct buf *text);

/* ---- whole packets ---- */

/*
 * Read the response to a question: rcode, CNAME chain, records of the type (RFC 1034 3.6.2).
 *
 * Records of other names than those of the chain, or of another class, are ignored. The status is
 * FOUND, NXDOMAIN or NODATA; any other rcode is SERVFAIL. A chain that loops or is
 * over-long is SERVFAIL. `secure` is the AD bit: trust it only where the server is trusted.
 *
 * mem      the answer's records will lie there; its former content ends
 * out_a    set only on ERR_OK
 * returns  ERR_OK; ERR_SYNTAX for a malformed packet; ERR_ABSENT when it is no response to q
 *          (also for a truncated one: TC set)
 */
enum err dns_wire_read(span packet, struct dns_question q, struct buf *mem,
                       struct dns_answer *out_a);

/* The id of a packet; false when there is no whole header. */
MUSTUSE bool dns_wire_id(span packet, uint16_t *out_id);

/*
 * Put a query: recursion desired, EDNS with room for udp_bytes (0: no EDNS record).
 *
 * returns false when the name is none; b->overflow when it does not fit.
 */
MUSTUSE bool dns_wire_put_query(struct buf *b, uint16_t id, struct dns_question q,
                                uint16_t udp_bytes);

#endif
