/* SPDX-License-Identifier: ISC */
#include "dns/answer.h"

#include "base/ascii.h"
#include "dns/rdata.h"
#include "dns/wire.h"

#define LENGTH_BYTES 4u /* in front of each record */

static const span status_words[] = {
#define STATUS_WORD(id, word) [id] = SPAN_INIT(word),
    DNS_STATUS_LIST(STATUS_WORD)
#undef STATUS_WORD
};

static const enum dns_state status_states[] = {
    [DNS_FOUND] = DNS_PRESENT,    [DNS_NXDOMAIN] = DNS_ABSENT, [DNS_NODATA] = DNS_ABSENT,
    [DNS_SERVFAIL] = DNS_UNKNOWN, [DNS_TIMEOUT] = DNS_UNKNOWN, [DNS_BOGUS] = DNS_UNKNOWN,
};

static const struct {
    enum dns_type type;
    span word;
} types[] = {
    {DNS_A, SPAN_INIT("A")},       {DNS_AAAA, SPAN_INIT("AAAA")}, {DNS_MX, SPAN_INIT("MX")},
    {DNS_TXT, SPAN_INIT("TXT")},   {DNS_PTR, SPAN_INIT("PTR")},   {DNS_CNAME, SPAN_INIT("CNAME")},
    {DNS_TLSA, SPAN_INIT("TLSA")}, {DNS_SOA, SPAN_INIT("SOA")},
};

enum dns_state dns_status_state(enum dns_status status)
{
    return status_states[status];
}

span dns_status_word(enum dns_status status)
{
    return status_words[status];
}

bool dns_status_parse(span word, enum dns_status *out_status)
{
    for (unsigned i = 0; i < COUNT(status_words); i++) {
        if (span_ieq(word, status_words[i])) {
            *out_status = (enum dns_status)i;
            return true;
        }
    }
    return false;
}

span dns_type_word(enum dns_type type)
{
    for (size_t i = 0; i < COUNT(types); i++) {
        if (types[i].type == type)
            return types[i].word;
    }
    BUG("a type that is none");
}

bool dns_type_parse(span word, enum dns_type *out_type)
{
    for (size_t i = 0; i < COUNT(types); i++) {
        if (span_ieq(word, types[i].word)) {
            *out_type = types[i].type;
            return true;
        }
    }
    return false;
}

struct dns_answer dns_answer_of(enum dns_type type, enum dns_status status)
{
    return (struct dns_answer){.type = type, .status = status};
}

/* ---- one record ---- */

/* Text as dns_wire_name and dns_name_normal make it: printable, no capitals. */
static bool is_name_text(span name)
{
    for (size_t i = 0; i < name.n; i++) {
        if (!ascii_is_print(name.p[i]) || ascii_is_upper(name.p[i]))
            return false;
    }
    return name.n <= DNS_NAME_MAX_BYTES;
}

static bool take_name(struct unpack *u, struct dns_record *out)
{
    out->name = u->rest;
    return is_name_text(out->name);
}

static bool take_address(span rdata, size_t n, struct dns_record *out)
{
    out->octets = rdata;
    return rdata.n == n;
}

bool dns_rdata_read(enum dns_type type, span rdata, struct dns_record *out)
{
    struct unpack u = unpack_over(rdata);

    *out = (struct dns_record){0};
    switch (type) {
    case DNS_A:
        return take_address(rdata, 4, out);
    case DNS_AAAA:
        return take_address(rdata, 16, out);
    case DNS_TXT:
        out->octets = rdata;
        return true;
    case DNS_MX:
        out->preference = unpack_u16(&u);
        return !u.failed && take_name(&u, out);
    case DNS_PTR:
    case DNS_CNAME:
        return take_name(&u, out);
    case DNS_TLSA:
        out->usage = unpack_u8(&u);
        out->selector = unpack_u8(&u);
        out->matching = unpack_u8(&u);
        out->octets = u.rest;
        return !u.failed;
    case DNS_SOA:
        break;
    }
    return false;
}

void dns_rdata_put(struct buf *b, enum dns_type type, const struct dns_record *r)
{
    switch (type) {
    case DNS_A:
    case DNS_AAAA:
    case DNS_TXT:
        buf_put(b, r->octets);
        return;
    case DNS_MX:
        pack_u16(b, r->preference);
        dns_name_normal(b, r->name);
        return;
    case DNS_PTR:
    case DNS_CNAME:
        dns_name_normal(b, r->name);
        return;
    case DNS_TLSA:
        pack_u8(b, r->usage);
        pack_u8(b, r->selector);
        pack_u8(b, r->matching);
        buf_put(b, r->octets);
        return;
    case DNS_SOA:
        break;
    }
    BUG("a record of a type that is never kept");
}

/* ---- many ---- */

size_t dns_record_open(struct buf *mem)
{
    size_t start = mem->n;

    pack_u32(mem, 0);
    return start;
}

void dns_record_close(struct dns_answer *a, struct buf *mem, size_t start)
{
    struct buf length;

    a->status = DNS_FOUND;
    if (mem->overflow || mem->n > DNS_ANSWER_MAX_BYTES || a->n == DNS_RECORDS_MAX) {
        mem->n = start;
        mem->overflow = false;
        a->cut = true;
        return;
    }
    length = buf_over(mem->p + start, LENGTH_BYTES);
    pack_u32(&length, (uint32_t)(mem->n - start - LENGTH_BYTES));
    a->n++;
    a->records = buf_span(mem);
}

void dns_answer_add(struct dns_answer *a, struct buf *mem, const struct dns_record *r)
{
    size_t start = dns_record_open(mem);

    dns_rdata_put(mem, a->type, r);
    dns_record_close(a, mem, start);
}

struct dns_cursor dns_records(const struct dns_answer *a)
{
    return (struct dns_cursor){a->type, unpack_over(a->records)};
}

bool dns_record_next(struct dns_cursor *at, struct dns_record *out)
{
    span rdata;

    if (at->left.rest.n == 0)
        return false;
    rdata = unpack_span(&at->left, DNS_ANSWER_MAX_BYTES);
    return !at->left.failed && dns_rdata_read(at->type, rdata, out);
}

struct ip_addr dns_record_addr(const struct dns_record *r)
{
    if (r->octets.n == 4)
        return ip_addr_v4((const uint8_t *)r->octets.p);
    if (r->octets.n == 16)
        return ip_addr_v6((const uint8_t *)r->octets.p);
    return (struct ip_addr){0};
}

#define PACKED_SECURE 1u
#define PACKED_CUT    2u

void dns_answer_pack(struct buf *b, const struct dns_answer *a)
{
    pack_u8(b, (uint8_t)a->status);
    pack_u8(b, (uint8_t)((a->secure ? PACKED_SECURE : 0u) | (a->cut ? PACKED_CUT : 0u)));
    pack_u16(b, (uint16_t)a->type);
    pack_u32(b, a->ttl_s);
    pack_u32(b, a->n);
    pack_span(b, a->records);
}

static bool is_known_type(unsigned type)
{
    for (size_t i = 0; i < COUNT(types); i++) {
        if ((unsigned)types[i].type == type)
            return true;
    }
    return false;
}

/* The records are as many as stated, each of the shape of its type, and only where FOUND. */
static bool is_whole(const struct dns_answer *a)
{
    struct dns_cursor at = dns_records(a);
    struct dns_record r;
    uint32_t n = 0;

    while (dns_record_next(&at, &r))
        n++;
    return unpack_done(&at.left) && n == a->n && n <= DNS_RECORDS_MAX &&
           (a->status == DNS_FOUND || n == 0);
}

bool dns_answer_unpack(struct unpack *u, struct dns_answer *out_a)
{
    struct dns_answer a = {0};
    unsigned status = unpack_u8(u);
    unsigned flags = unpack_u8(u);
    unsigned type = unpack_u16(u);

    a.ttl_s = unpack_u32(u);
    a.n = unpack_u32(u);
    a.records = unpack_span(u, DNS_ANSWER_MAX_BYTES);
    a.secure = (flags & PACKED_SECURE) != 0;
    a.cut = (flags & PACKED_CUT) != 0;
    if (u->failed || status >= COUNT(status_words) || !is_known_type(type)) {
        unpack_fail(u);
        return false;
    }
    a.status = (enum dns_status)status;
    a.type = (enum dns_type)type;
    if (!is_whole(&a)) {
        unpack_fail(u);
        return false;
    }
    *out_a = a;
    return true;
}
