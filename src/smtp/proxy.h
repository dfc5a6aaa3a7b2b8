/* SPDX-License-Identifier: ISC */
/*
 * smtp/proxy.h - the header by which a load balancer says who its client is.
 *
 * Both versions of HAProxy's PROXY protocol (proxy-protocol.txt): the line "PROXY TCP4 ...", and
 * the binary one. Only what stands at the very front of a connection is looked at; what cannot be
 * such a header any more is said to be none at its first wrong octet. The caller keeps what has
 * come so far and asks again with more.
 *
 * Read: TCP over IPv4 and IPv6; LOCAL, UNKNOWN and Unix sockets, which name no client; TLVs, which
 * are skipped. Refused: datagrams, families that do not exist, another version or command, a
 * number with leading zeros, a header of more than SMTP_PROXY_MAX_BYTES.
 *
 * Not here: who may send one (server/session_trust.c).
 */
#ifndef SMTP_PROXY_H
#define SMTP_PROXY_H

#include "name/addr.h"

#define SMTP_PROXY_LINE_BYTES 107  /* version 1, with CRLF (section 2.1) */
#define SMTP_PROXY_MAX_BYTES  4096 /* version 2, with its TLVs */

enum smtp_proxy_step {
    SMTP_PROXY_MORE, /* it is not whole yet */
    SMTP_PROXY_DONE,
    SMTP_PROXY_BAD, /* no header, or a malformed one */
};

struct smtp_proxy {
    /* Both IP_NONE: nobody is named, the connection is the proxy's own or of a client without an
     * address. */
    struct ip_addr source;
    struct ip_addr destination;
    uint16_t source_port;
    uint16_t destination_port;
    size_t n;        /* octets of the header; what stands behind them is the client's */
    const char *bad; /* after SMTP_PROXY_BAD: what is wrong; static */
};

/* Read the header at the front of `in`; out_proxy is set for DONE, and its `bad` for BAD. */
enum smtp_proxy_step smtp_proxy_read(span in, struct smtp_proxy *out_proxy);

#endif
