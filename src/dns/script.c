/* SPDX-License-Identifier: ISC */
#include "dns/script.h"

#include "base/num.h"
#include "dns/rdata.h"
#include "dns/wire.h"
#include "name/addr.h"

void dns_script_init(struct dns_script *s, struct dns_script_row *rows, size_t cap, struct buf mem)
{
    *s = (struct dns_script){.rows = rows, .cap = cap, .mem = mem};
}

bool dns_script_lists(enum dns_type type)
{
    return type != DNS_TLSA && type != DNS_SOA;
}

/* The addresses in presentation, as octets in `octets`. */
static bool parse_address(enum dns_type type, span data, uint8_t octets[16])
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    struct ip_addr a;

    if (type == DNS_A ? !ip_addr_parse_v4(data, &a) : !ip_addr_parse_v6(data, &a))
        return false;
    if (type == DNS_AAAA && a.family == IP_V4) {
        memcpy(octets, mapped, sizeof(mapped));
        memcpy(octets + sizeof(mapped), a.octet, 4);
        return true;
    }
    memcpy(octets, a.octet, sizeof(a.octet));
    return true;
}

static bool parse_mx(span data, uint16_t *out_preference, span *out_name)
{
    uint64_t n;

    if (!num_take_u64(&data, UINT16_MAX, &n) || data.n == 0 || span_trim(data).n == data.n)
        return false;
    *out_preference = (uint16_t)n;
    *out_name = span_trim(data);
    return out_name->n > 0;
}

/* The data of one record into the script's memory; false when it is none of its type. */
static bool put_data(struct buf *mem, enum dns_type type, span data)
{
    uint8_t octets[16];
    uint16_t preference;

    switch (type) {
    case DNS_A:
    case DNS_AAAA:
        if (!parse_address(type, span_trim(data), octets))
            return false;
        buf_put(mem, span_of(octets, type == DNS_A ? 4 : 16));
        return true;
    case DNS_MX:
        if (!parse_mx(span_trim(data), &preference, &data))
            return false;
        pack_u16(mem, preference);
        return dns_name_canonical(mem, data);
    case DNS_PTR:
    case DNS_CNAME:
        return data.n > 0 && dns_name_canonical(mem, span_trim(data));
    case DNS_TXT:
        buf_put(mem, data);
        return true;
    case DNS_TLSA:
    case DNS_SOA:
        break;
    }
    return false;
}

static span since(const struct buf *mem, size_t start)
{
    return span_of(mem->p + start, mem->n - start);
}

/* A new row with its name, or why there is none. */
static enum err add_row(struct dns_script *s, span name, unsigned type, enum dns_status status,
                        struct dns_script_row *out_row)
{
    size_t start = s->mem.n;

    if (s->n == s->cap)
        return ERR_LIMIT;
    if (!dns_name_canonical(&s->mem, name))
        return ERR_SYNTAX;
    if (s->mem.overflow)
        return ERR_LIMIT;
    *out_row =
        (struct dns_script_row){since(&s->mem, start), SPAN_NONE, (uint16_t)type, (uint8_t)status};
    return ERR_OK;
}

enum err dns_script_add(struct dns_script *s, span name, enum dns_type type, span data)
{
    struct dns_script_row row;
    enum err e = add_row(s, name, type, DNS_FOUND, &row);
    size_t start = s->mem.n;

    if (e != ERR_OK)
        return e;
    if (!put_data(&s->mem, type, data))
        return ERR_SYNTAX;
    if (s->mem.overflow)
        return ERR_LIMIT;
    row.rdata = since(&s->mem, start);
    s->rows[s->n++] = row;
    return ERR_OK;
}

enum err dns_script_add_status(struct dns_script *s, span name, unsigned type,
                               enum dns_status status)
{
    struct dns_script_row row;
    enum err e;

    if (status == DNS_FOUND)
        return ERR_SYNTAX;
    e = add_row(s, name, type, status, &row);
    if (e == ERR_OK)
        s->rows[s->n++] = row;
    return e;
}

/* What the rows of one name say: the records are added to *a, an alias is only pointed out. */
static const struct dns_script_row *ask_name(const struct dns_script *s, span name,
                                             struct dns_answer *a, struct buf *mem)
{
    const struct dns_script_row *alias = NULL;

    for (size_t i = 0; i < s->n; i++) {
        const struct dns_script_row *row = &s->rows[i];

        if (!span_eq(row->name, name))
            continue;
        if (row->status != DNS_FOUND && (row->type == 0 || row->type == (unsigned)a->type)) {
            *a = dns_answer_of(a->type, (enum dns_status)row->status);
            return NULL;
        }
        if (a->status == DNS_NXDOMAIN)
            a->status = DNS_NODATA;
        if (row->status == DNS_FOUND && row->type == (unsigned)a->type) {
            size_t start = dns_record_open(mem);

            buf_put(mem, row->rdata);
            dns_record_close(a, mem, start);
        } else if (row->status == DNS_FOUND && row->type == DNS_CNAME) {
            alias = row;
        }
    }
    return a->status == DNS_FOUND ? NULL : alias;
}

struct dns_answer dns_script_ask(const struct dns_script *s, struct dns_question q, struct buf *mem)
{
    char text[DNS_NAME_MAX_BYTES];
    struct buf canonical = BUF_OVER(text);
    const struct dns_script_row *alias = NULL;
    span name;

    buf_reset(mem);
    if (!dns_name_canonical(&canonical, q.name))
        return dns_answer_of(q.type, DNS_NXDOMAIN);
    name = buf_span(&canonical);
    for (unsigned i = 0; i <= DNS_CHAIN_MAX; i++) {
        struct dns_answer a = dns_answer_of(q.type, DNS_NXDOMAIN);

        alias = ask_name(s, name, &a, mem);
        if (alias == NULL)
            return a;
        name = alias->rdata;
    }
    return dns_answer_of(q.type, DNS_SERVFAIL);
}
