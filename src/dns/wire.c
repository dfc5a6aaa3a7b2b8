/* SPDX-License-Identifier: ISC */
#include "dns/wire.h"

#include "dns/rdata.h"

#define CLASS_IN       1u
#define TYPE_OPT       41u
#define FLAG_RESPONSE  0x8000u
#define FLAG_CUT       0x0200u
#define FLAG_RECURSE   0x0100u
#define FLAG_SECURE    0x0020u
#define RCODE_OK       0u
#define RCODE_NXDOMAIN 3u
#define TTL_MAX_S      0x7fffffffu /* RFC 2181 8: the top bit means 0 */

/* ---- the cursor ---- */

span dns_wire_octets(struct dns_wire *w, size_t n)
{
    span s;

    if (w->failed || n > w->packet.n - w->at) {
        w->failed = true;
        return SPAN_NONE;
    }
    s = span_of(w->packet.p + w->at, n);
    w->at += n;
    return s;
}

static uint32_t take_number(struct dns_wire *w, size_t width)
{
    span octets = dns_wire_octets(w, width);
    uint32_t n = 0;

    for (size_t i = 0; i < octets.n; i++)
        n = n << 8 | (unsigned char)octets.p[i];
    return n;
}

uint8_t dns_wire_u8(struct dns_wire *w)
{
    return (uint8_t)take_number(w, 1);
}

uint16_t dns_wire_u16(struct dns_wire *w)
{
    return (uint16_t)take_number(w, 2);
}

uint32_t dns_wire_u32(struct dns_wire *w)
{
    return take_number(w, 4);
}

bool dns_wire_id(span packet, uint16_t *out_id)
{
    struct dns_wire w = dns_wire_over(packet);

    if (packet.n < DNS_HEADER_BYTES)
        return false;
    *out_id = dns_wire_u16(&w);
    return true;
}

/* ---- asking ---- */

static void put_u16(struct buf *b, unsigned n)
{
    buf_putc(b, (char)(unsigned char)(n >> 8));
    buf_putc(b, (char)(unsigned char)n);
}

bool dns_wire_put_query(struct buf *b, uint16_t id, struct dns_question q, uint16_t udp_bytes)
{
    put_u16(b, id);
    put_u16(b, FLAG_RECURSE | FLAG_SECURE); /* AD: tell us what was validated (RFC 6840 5.7) */
    put_u16(b, 1);
    put_u16(b, 0);
    put_u16(b, 0);
    put_u16(b, udp_bytes != 0 ? 1 : 0);
    if (!dns_name_put(b, q.name))
        return false;
    put_u16(b, q.type);
    put_u16(b, CLASS_IN);
    if (udp_bytes == 0)
        return true;
    /* EDNS (RFC 6891 6.1.2): root name, OPT, the size in the place of the class, no flags. */
    buf_putc(b, '\0');
    put_u16(b, TYPE_OPT);
    put_u16(b, udp_bytes);
    put_u16(b, 0);
    put_u16(b, 0);
    put_u16(b, 0);
    return true;
}

/* ---- reading a response ---- */

struct header {
    unsigned flags;
    unsigned questions;
    unsigned answers;
    unsigned authorities;
};

static struct header take_header(struct dns_wire *w)
{
    struct header h;

    (void)dns_wire_u16(w);
    h.flags = dns_wire_u16(w);
    h.questions = dns_wire_u16(w);
    h.answers = dns_wire_u16(w);
    h.authorities = dns_wire_u16(w);
    (void)dns_wire_u16(w);
    return h;
}

/* One resource record; the data is read through `w` of the whole packet, for its pointers. */
struct record {
    char name[DNS_NAME_MAX_BYTES];
    struct buf owner;
    unsigned type;
    unsigned class;
    uint32_t ttl_s;
    struct dns_wire data;
    size_t end;
};

static void take_record(struct dns_wire *w, struct record *r)
{
    size_t length;

    r->owner = BUF_OVER(r->name);
    dns_wire_name(w, &r->owner);
    r->type = dns_wire_u16(w);
    r->class = dns_wire_u16(w);
    r->ttl_s = dns_wire_u32(w);
    if (r->ttl_s > TTL_MAX_S)
        r->ttl_s = 0;
    length = dns_wire_u16(w);
    r->data = *w;
    (void)dns_wire_octets(w, length);
    r->end = w->at;
}

/* The response while it is read: where the chain stands and what was found there. */
struct reading {
    enum dns_type type;
    char name[DNS_NAME_MAX_BYTES];
    struct buf at;
    uint32_t ttl_s;
    struct buf *mem;
    struct dns_answer answer;
};

/* TXT: the strings, joined. */
static void put_strings(struct buf *mem, struct dns_wire *w, size_t end)
{
    while (!w->failed && w->at < end) {
        uint8_t length = dns_wire_u8(w);

        buf_put(mem, dns_wire_octets(w, length));
    }
}

/* The data of a record of the type asked for; failed in *w when it is malformed. */
static void put_data(struct buf *mem, enum dns_type type, struct dns_wire *w, size_t end)
{
    switch (type) {
    case DNS_TXT:
        put_strings(mem, w, end);
        return;
    case DNS_MX:
        pack_u16(mem, dns_wire_u16(w));
        dns_wire_name(w, mem);
        return;
    case DNS_PTR:
    case DNS_CNAME:
        dns_wire_name(w, mem);
        return;
    case DNS_A:
    case DNS_AAAA:
    case DNS_TLSA:
    case DNS_SOA:
        break;
    }
    buf_put(mem, dns_wire_octets(w, end - w->at));
}

static bool add_record(struct reading *g, struct record *r)
{
    size_t start = dns_record_open(g->mem);
    struct dns_record shape;
    span rdata;

    put_data(g->mem, g->type, &r->data, r->end);
    rdata = span_skip(buf_span(g->mem), start + 4);
    if (r->data.failed || r->data.at != r->end)
        return false;
    /* What did not fit has no shape to check: it will be left out. */
    if (!g->mem->overflow && !dns_rdata_read(g->type, rdata, &shape))
        return false;
    dns_record_close(&g->answer, g->mem, start);
    return true;
}

enum step { STEP_END, STEP_ALIAS, STEP_BAD };

/* Look through the answer section for what belongs to the name where the chain stands. */
static enum step read_answers(struct reading *g, struct dns_wire w, unsigned n)
{
    struct record r;
    struct record alias;
    bool is_alias = false;

    for (; n > 0; n--) {
        take_record(&w, &r);
        if (w.failed)
            return STEP_BAD;
        if (r.class != CLASS_IN || !span_eq(buf_span(&r.owner), buf_span(&g->at)))
            continue;
        if (r.type == (unsigned)g->type) {
            if (!add_record(g, &r))
                return STEP_BAD;
            g->ttl_s = r.ttl_s < g->ttl_s ? r.ttl_s : g->ttl_s;
        } else if (r.type == DNS_CNAME && !is_alias) {
            is_alias = true;
            alias = r;
        }
    }
    if (g->answer.status == DNS_FOUND || !is_alias)
        return STEP_END;
    buf_reset(&g->at);
    dns_wire_name(&alias.data, &g->at);
    g->ttl_s = alias.ttl_s < g->ttl_s ? alias.ttl_s : g->ttl_s;
    return alias.data.failed || alias.data.at != alias.end ? STEP_BAD : STEP_ALIAS;
}

/* How long a negative answer may be kept: the SOA's (RFC 2308 5); 0 when there is none. */
static uint32_t negative_ttl(struct dns_wire w, const struct header *h)
{
    char text[DNS_NAME_MAX_BYTES];
    struct record r;

    for (unsigned i = 0; i < h->answers + h->authorities; i++) {
        struct buf name = BUF_OVER(text);
        uint32_t minimum;

        take_record(&w, &r);
        if (w.failed || i < h->answers || r.type != DNS_SOA)
            continue;
        dns_wire_name(&r.data, &name);
        buf_reset(&name);
        dns_wire_name(&r.data, &name);
        (void)dns_wire_octets(&r.data, 16);
        minimum = dns_wire_u32(&r.data);
        return minimum < r.ttl_s ? minimum : r.ttl_s;
    }
    return 0;
}

static bool is_question(struct dns_wire *w, const struct reading *g)
{
    char text[DNS_NAME_MAX_BYTES];
    struct buf name = BUF_OVER(text);
    unsigned type;
    unsigned class;

    dns_wire_name(w, &name);
    type = dns_wire_u16(w);
    class = dns_wire_u16(w);
    return !w->failed && type == (unsigned)g->type && class == CLASS_IN &&
           span_eq(buf_span(&name), buf_span(&g->at));
}

static enum err read_chain(struct reading *g, struct dns_wire w, const struct header *h)
{
    enum step step = STEP_ALIAS;

    g->ttl_s = UINT32_MAX;
    for (unsigned i = 0; step == STEP_ALIAS && i <= DNS_CHAIN_MAX; i++)
        step = read_answers(g, w, h->answers);
    if (step == STEP_BAD)
        return ERR_SYNTAX;
    if (step == STEP_ALIAS) {
        g->answer = dns_answer_of(g->type, DNS_SERVFAIL);
        return ERR_OK;
    }
    if (g->answer.status != DNS_FOUND) {
        uint32_t ttl_s = negative_ttl(w, h);

        g->ttl_s = ttl_s < g->ttl_s ? ttl_s : g->ttl_s;
        g->answer.status = (h->flags & 15) == RCODE_NXDOMAIN ? DNS_NXDOMAIN : DNS_NODATA;
    }
    g->answer.ttl_s = g->ttl_s;
    g->answer.secure = (h->flags & FLAG_SECURE) != 0;
    return ERR_OK;
}

enum err dns_wire_read(span packet, struct dns_question q, struct buf *mem,
                       struct dns_answer *out_a)
{
    struct dns_wire w = dns_wire_over(packet);
    struct header h = take_header(&w);
    struct reading g = {.type = q.type, .mem = mem, .answer = dns_answer_of(q.type, DNS_SERVFAIL)};
    enum err e;

    g.at = BUF_OVER(g.name);
    buf_reset(mem);
    if (w.failed)
        return ERR_SYNTAX;
    if ((h.flags & FLAG_RESPONSE) == 0 || (h.flags & FLAG_CUT) != 0 ||
        !dns_name_canonical(&g.at, q.name))
        return ERR_ABSENT;
    if ((h.flags & 15) != RCODE_OK && (h.flags & 15) != RCODE_NXDOMAIN) {
        *out_a = g.answer;
        return ERR_OK;
    }
    if (h.questions != 1 || !is_question(&w, &g))
        return w.failed ? ERR_SYNTAX : ERR_ABSENT;
    e = read_chain(&g, w, &h);
    if (e == ERR_OK)
        *out_a = g.answer;
    return e;
}
