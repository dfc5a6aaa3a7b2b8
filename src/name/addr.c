/* SPDX-License-Identifier: ISC */
#include "name/addr.h"

#include "base/ascii.h"
#include "base/num.h"

static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

struct ip_addr ip_addr_v4(const uint8_t octet[4])
{
    struct ip_addr a = {.family = IP_V4};

    memcpy(a.octet, octet, 4);
    return a;
}

struct ip_addr ip_addr_v6(const uint8_t octet[16])
{
    struct ip_addr a = {.family = IP_V6};

    if (memcmp(octet, mapped, sizeof(mapped)) == 0)
        return ip_addr_v4(octet + sizeof(mapped));
    memcpy(a.octet, octet, sizeof(a.octet));
    return a;
}

static bool parse_quad(span s, uint8_t out_octet[4])
{
    for (size_t i = 0; i < 4; i++) {
        size_t before = s.n;
        uint64_t n;

        if (i > 0) {
            if (s.n == 0 || s.p[0] != '.')
                return false;
            s = span_skip(s, 1);
            before--;
        }
        if (!num_take_u64(&s, 255, &n) || before - s.n > 3)
            return false;
        out_octet[i] = (uint8_t)n;
    }
    return s.n == 0;
}

bool ip_addr_parse_v4(span s, struct ip_addr *out_addr)
{
    uint8_t octet[4];

    if (!parse_quad(s, octet))
        return false;
    *out_addr = ip_addr_v4(octet);
    return true;
}

#define NO_GAP SIZE_MAX

/* The groups of an IPv6 address as they are read. */
struct groups {
    uint8_t octet[16];
    size_t n;   /* octets read */
    size_t gap; /* where "::" stands, NO_GAP: nowhere */
};

/* Up to four hexadecimal digits; false when there is none or there are more. */
static bool take_group(span *s, struct groups *g)
{
    unsigned value = 0;
    size_t i = 0;

    for (; i < s->n && ascii_hex(s->p[i]) >= 0; i++) {
        if (i == 4)
            return false;
        value = value << 4 | (unsigned)ascii_hex(s->p[i]);
    }
    if (i == 0 || g->n + 2 > sizeof(g->octet))
        return false;
    g->octet[g->n++] = (uint8_t)(value >> 8);
    g->octet[g->n++] = (uint8_t)value;
    *s = span_skip(*s, i);
    return true;
}

/* The last 32 bits as a dotted quad, when that is what s is. */
static bool take_tail(span *s, struct groups *g)
{
    if (g->n + 4 > sizeof(g->octet) || !parse_quad(*s, g->octet + g->n))
        return false;
    g->n += 4;
    *s = SPAN_NONE;
    return true;
}

/* Behind a group: ":" and something, "::" once, or the end. */
static bool take_colon(span *s, struct groups *g)
{
    if (span_starts(*s, SPAN("::"))) {
        if (g->gap != NO_GAP)
            return false;
        g->gap = g->n;
        *s = span_skip(*s, 2);
        return true;
    }
    if (s->n < 2 || s->p[0] != ':' || g->n == 0)
        return false;
    *s = span_skip(*s, 1);
    return true;
}

static bool expand(struct groups *g)
{
    size_t tail = g->n - min_size(g->gap, g->n);
    size_t room = sizeof(g->octet) - g->n;

    if (g->gap == NO_GAP)
        return g->n == sizeof(g->octet);
    if (room < 2)
        return false;
    memmove(g->octet + g->gap + room, g->octet + g->gap, tail);
    memset(g->octet + g->gap, 0, room);
    return true;
}

bool ip_addr_parse_v6(span s, struct ip_addr *out_addr)
{
    struct groups g = {.gap = NO_GAP};
    bool begun = false;

    if (s.n < 2)
        return false;
    while (s.n > 0) {
        if (begun || s.p[0] == ':') {
            if (!take_colon(&s, &g))
                return false;
            if (s.n == 0)
                break;
        }
        begun = true;
        if (!take_tail(&s, &g) && !take_group(&s, &g))
            return false;
    }
    if (!expand(&g))
        return false;
    *out_addr = ip_addr_v6(g.octet);
    return true;
}

bool ip_addr_parse(span s, struct ip_addr *out_addr)
{
    return ip_addr_parse_v4(s, out_addr) || ip_addr_parse_v6(s, out_addr);
}

static void put_v4(struct buf *b, const uint8_t octet[4])
{
    for (size_t i = 0; i < 4; i++) {
        if (i > 0)
            buf_putc(b, '.');
        buf_put_u64(b, octet[i]);
    }
}

static unsigned group_at(struct ip_addr a, size_t i)
{
    return (unsigned)a.octet[2 * i] << 8 | a.octet[2 * i + 1];
}

/* The longest run of two or more zero groups, the first of equals (RFC 5952 4.2). */
static size_t zero_run(struct ip_addr a, size_t *out_from)
{
    size_t best = 1;
    size_t run = 0;

    *out_from = 8;
    for (size_t i = 0; i < 8; i++) {
        run = group_at(a, i) == 0 ? run + 1 : 0;
        if (run > best) {
            best = run;
            *out_from = i + 1 - run;
        }
    }
    return best;
}

static void put_v6(struct buf *b, struct ip_addr a)
{
    size_t from;
    size_t run = zero_run(a, &from);

    for (size_t i = 0; i < 8; i++) {
        if (i == from) {
            buf_put(b, SPAN("::"));
            i += run - 1;
            continue;
        }
        if (i > 0 && i != from + run)
            buf_putc(b, ':');
        buf_printf(b, "%x", group_at(a, i));
    }
}

void ip_addr_put(struct buf *b, struct ip_addr a)
{
    char text[IP_TEXT_BYTES];
    struct buf t = BUF_OVER(text);

    if (a.family == IP_V4)
        put_v4(&t, a.octet);
    else if (a.family == IP_V6)
        put_v6(&t, a);
    buf_put(b, buf_span(&t));
}

void ip_addr_put_literal(struct buf *b, struct ip_addr a)
{
    buf_put(b, a.family == IP_V6 ? SPAN("[IPv6:") : SPAN("["));
    ip_addr_put(b, a);
    buf_putc(b, ']');
}

void ip_addr_put_reverse(struct buf *b, struct ip_addr a)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = ip_addr_bytes(a); i-- > 0;) {
        if (a.family == IP_V4) {
            buf_put_u64(b, a.octet[i]);
            buf_putc(b, '.');
        } else {
            buf_putc(b, digits[a.octet[i] & 15]);
            buf_putc(b, '.');
            buf_putc(b, digits[a.octet[i] >> 4]);
            buf_putc(b, '.');
        }
    }
    if (a.family != IP_NONE)
        buf_put(b, a.family == IP_V4 ? SPAN("in-addr.arpa") : SPAN("ip6.arpa"));
}

bool ip_addr_eq(struct ip_addr a, struct ip_addr b)
{
    return a.family == b.family && memcmp(a.octet, b.octet, sizeof(a.octet)) == 0;
}

size_t ip_addr_bytes(struct ip_addr a)
{
    static const uint8_t bytes[] = {[IP_NONE] = 0, [IP_V4] = 4, [IP_V6] = 16};

    return bytes[a.family];
}

/* A prefix of the registries of special addresses (RFC 6890); the first that holds counts. */
static const struct {
    struct ip_prefix prefix;
    enum ip_scope scope;
} scopes[] = {
    {{{IP_V4, {0}}, 8}, IP_UNSPECIFIED},
    {{{IP_V4, {10}}, 8}, IP_PRIVATE},
    {{{IP_V4, {172, 16}}, 12}, IP_PRIVATE},
    {{{IP_V4, {192, 168}}, 16}, IP_PRIVATE},
    {{{IP_V4, {100, 64}}, 10}, IP_CGNAT},
    {{{IP_V4, {169, 254}}, 16}, IP_LINK_LOCAL},
    {{{IP_V4, {127}}, 8}, IP_LOOPBACK},
    {{{IP_V4, {192, 0, 0}}, 24}, IP_SPECIAL},
    {{{IP_V4, {192, 0, 2}}, 24}, IP_SPECIAL},
    {{{IP_V4, {198, 51, 100}}, 24}, IP_SPECIAL},
    {{{IP_V4, {203, 0, 113}}, 24}, IP_SPECIAL},
    {{{IP_V4, {198, 18}}, 15}, IP_SPECIAL},
    {{{IP_V4, {224}}, 3}, IP_SPECIAL},
    {{{IP_V6, {0}}, 128}, IP_UNSPECIFIED},
    {{{IP_V6, {[15] = 1}}, 128}, IP_LOOPBACK},
    {{{IP_V6, {0xfe, 0x80}}, 10}, IP_LINK_LOCAL},
    {{{IP_V6, {0xfc}}, 7}, IP_UNIQUE_LOCAL},
    {{{IP_V6, {0x20, 0x01, 0x0d, 0xb8}}, 32}, IP_SPECIAL},
    {{{IP_V6, {0x01}}, 64}, IP_SPECIAL},
    {{{IP_V6, {0xff}}, 8}, IP_SPECIAL},
};

enum ip_scope ip_addr_scope(struct ip_addr a)
{
    for (size_t i = 0; i < COUNT(scopes); i++) {
        if (ip_prefix_has(scopes[i].prefix, a))
            return scopes[i].scope;
    }
    return a.family == IP_NONE ? IP_UNSPECIFIED : IP_PUBLIC;
}

const char *ip_scope_text(enum ip_scope scope)
{
    static const char *const texts[IP_SCOPE_COUNT] = {
        [IP_PUBLIC] = "public",
        [IP_PRIVATE] = "private",
        [IP_CGNAT] = "cgnat",
        [IP_LINK_LOCAL] = "link-local",
        [IP_UNIQUE_LOCAL] = "unique-local",
        [IP_LOOPBACK] = "loopback",
        [IP_UNSPECIFIED] = "unspecified",
        [IP_SPECIAL] = "special",
    };

    return texts[scope];
}

struct ip_prefix ip_prefix_of(struct ip_addr a, unsigned bits)
{
    unsigned all = (unsigned)ip_addr_bytes(a) * 8;
    struct ip_prefix prefix = {a, bits < all ? bits : all};

    for (unsigned i = prefix.bits; i < all; i++)
        prefix.addr.octet[i / 8] &= (uint8_t) ~(0x80u >> i % 8);
    return prefix;
}

bool ip_prefix_parse(span s, struct ip_prefix *out_prefix)
{
    size_t slash = span_find(s, '/');
    struct ip_addr a;
    uint64_t bits = 128;
    uint64_t written;

    if (!ip_addr_parse(span_head(s, slash), &a))
        return false;
    /* A mapped address was written with 128 bits, whatever it means. */
    written = span_has(span_head(s, slash), ':') ? 128 : 32;
    if (slash < s.n && !num_parse_u64(span_skip(s, slash + 1), written, &bits))
        return false;
    if (slash < s.n && written == 128 && a.family == IP_V4) {
        if (bits < 96)
            return false;
        bits -= 96;
    }
    *out_prefix = ip_prefix_of(a, (unsigned)bits);
    return true;
}

bool ip_prefix_has(struct ip_prefix prefix, struct ip_addr a)
{
    if (a.family != prefix.addr.family || a.family == IP_NONE)
        return false;
    return ip_addr_eq(ip_prefix_of(a, prefix.bits).addr, prefix.addr);
}

void ip_prefix_put(struct buf *b, struct ip_prefix prefix)
{
    ip_addr_put(b, prefix.addr);
    buf_putc(b, '/');
    buf_put_u64(b, prefix.bits);
}
