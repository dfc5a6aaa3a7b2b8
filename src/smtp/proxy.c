/* SPDX-License-Identifier: ISC */
#include "smtp/proxy.h"

#include "base/num.h"

#define BINARY_HEAD_BYTES 16 /* signature, version and command, family, length */
#define TLV_HEAD_BYTES    3  /* type and length */

static const span line_mark = SPAN_INIT("PROXY ");
static const span binary_mark = SPAN_INIT("\r\n\r\n\0\r\nQUIT\n");

static enum smtp_proxy_step bad(struct smtp_proxy *p, const char *why)
{
    *p = (struct smtp_proxy){.bad = why};
    return SMTP_PROXY_BAD;
}

/* ---- version 1: one line of text ---- */

/* A word that ends at a blank, or at the end of the line. */
static span take_word(span *rest)
{
    span word = span_head(*rest, span_find(*rest, ' '));

    *rest = span_skip(*rest, word.n + 1);
    return word;
}

static bool read_port(span word, uint16_t *out_port)
{
    uint64_t n;

    if (!num_parse_u64(word, UINT16_MAX, &n) || (word.n > 1 && word.p[0] == '0'))
        return false;
    *out_port = (uint16_t)n;
    return true;
}

static bool read_address(span word, bool v6, struct ip_addr *out_addr)
{
    return v6 ? ip_addr_parse_v6(word, out_addr) : ip_addr_parse_v4(word, out_addr);
}

/* "source destination port port", parted by single blanks. */
static bool read_ends(span rest, bool v6, struct smtp_proxy *p)
{
    /* Four words hold three blanks; a fourth blank is no part of a port. */
    span source = take_word(&rest), destination = take_word(&rest);
    span port = take_word(&rest);

    return read_address(source, v6, &p->source) && read_address(destination, v6, &p->destination) &&
           read_port(port, &p->source_port) && read_port(rest, &p->destination_port);
}

static enum smtp_proxy_step read_line(span in, struct smtp_proxy *p)
{
    size_t lf = span_find(in, '\n');
    span line = span_head(in, lf);
    bool v6;

    if (lf >= SMTP_PROXY_LINE_BYTES)
        return in.n >= SMTP_PROXY_LINE_BYTES ? bad(p, "a line of more than 107 octets")
                                             : SMTP_PROXY_MORE;
    if (lf == in.n)
        return SMTP_PROXY_MORE;
    if (!span_ends(line, SPAN("\r")))
        return bad(p, "a line that does not end in CRLF");
    line = span_skip(span_head(line, line.n - 1), line_mark.n);
    p->n = lf + 1;
    /* What follows UNKNOWN has no meaning. */
    if (span_eq(line, SPAN("UNKNOWN")) || span_starts(line, SPAN("UNKNOWN ")))
        return SMTP_PROXY_DONE;
    v6 = span_starts(line, SPAN("TCP6 "));
    if (!v6 && !span_starts(line, SPAN("TCP4 ")))
        return bad(p, "a protocol other than TCP4, TCP6 and UNKNOWN");
    return read_ends(span_skip(line, 5), v6, p) ? SMTP_PROXY_DONE
                                                : bad(p, "malformed addresses or ports");
}

/* ---- version 2: binary ---- */

static unsigned octet_at(span s, size_t at)
{
    return (unsigned char)s.p[at];
}

static uint16_t word_at(span s, size_t at)
{
    return (uint16_t)(octet_at(s, at) << 8 | octet_at(s, at + 1));
}

/* The families, and the octets that their addresses take. */
enum family {
    FAMILY_UNSPECIFIED,
    FAMILY_V4,
    FAMILY_V6,
    FAMILY_UNIX,
};

static const size_t family_bytes[] = {
    [FAMILY_UNSPECIFIED] = 0,
    [FAMILY_V4] = 12,
    [FAMILY_V6] = 36,
    [FAMILY_UNIX] = 216,
};

static void read_v4(span at, struct smtp_proxy *p)
{
    p->source = ip_addr_v4((const uint8_t *)at.p);
    p->destination = ip_addr_v4((const uint8_t *)at.p + 4);
    p->source_port = word_at(at, 8);
    p->destination_port = word_at(at, 10);
}

static void read_v6(span at, struct smtp_proxy *p)
{
    p->source = ip_addr_v6((const uint8_t *)at.p);
    p->destination = ip_addr_v6((const uint8_t *)at.p + 16);
    p->source_port = word_at(at, 32);
    p->destination_port = word_at(at, 34);
}

static bool tlvs_are_whole(span rest)
{
    while (rest.n >= TLV_HEAD_BYTES) {
        size_t n = word_at(rest, 1);

        if (n > rest.n - TLV_HEAD_BYTES)
            return false;
        rest = span_skip(rest, TLV_HEAD_BYTES + n);
    }
    return rest.n == 0;
}

/* What stands behind the head, for a client that is connected through the proxy. */
static enum smtp_proxy_step read_client(unsigned family, unsigned transport, span rest,
                                        struct smtp_proxy *p)
{
    if (family >= COUNT(family_bytes) || transport > 2)
        return bad(p, "a family of addresses that does not exist");
    if (transport == 2)
        return bad(p, "a client by datagrams");
    if (rest.n < family_bytes[family])
        return bad(p, "less than the addresses need");
    /* Of an unspecified family all must be ignored, TLVs or not. */
    if (family != FAMILY_UNSPECIFIED && !tlvs_are_whole(span_skip(rest, family_bytes[family])))
        return bad(p, "TLVs that do not fit");
    if (transport == 1 && family == FAMILY_V4)
        read_v4(rest, p);
    if (transport == 1 && family == FAMILY_V6)
        read_v6(rest, p);
    return SMTP_PROXY_DONE;
}

static enum smtp_proxy_step read_binary(span in, struct smtp_proxy *p)
{
    unsigned command, family;
    size_t n;

    if (in.n > binary_mark.n && octet_at(in, 12) >> 4 != 2)
        return bad(p, "a version that does not exist");
    if (in.n < BINARY_HEAD_BYTES)
        return SMTP_PROXY_MORE;
    command = octet_at(in, 12) & 15;
    family = octet_at(in, 13);
    n = BINARY_HEAD_BYTES + word_at(in, 14);
    if (command > 1)
        return bad(p, "a command that does not exist");
    if (n > SMTP_PROXY_MAX_BYTES)
        return bad(p, "more than 4096 octets");
    if (in.n < n)
        return SMTP_PROXY_MORE;
    p->n = n;
    if (command == 0)
        return SMTP_PROXY_DONE;
    return read_client(family >> 4, family & 15, span_skip(span_head(in, n), BINARY_HEAD_BYTES), p);
}

enum smtp_proxy_step smtp_proxy_read(span in, struct smtp_proxy *out_proxy)
{
    struct smtp_proxy p = {0};
    enum smtp_proxy_step step = SMTP_PROXY_MORE;

    if (span_starts(in, line_mark))
        step = read_line(in, &p);
    else if (span_starts(in, binary_mark))
        step = read_binary(in, &p);
    else if (!span_starts(line_mark, in) && !span_starts(binary_mark, in))
        step = bad(&p, "no PROXY header");
    if (step != SMTP_PROXY_MORE)
        *out_proxy = p;
    return step;
}
