/* SPDX-License-Identifier: ISC */
#include "smtp/xclient.h"

#include "base/ascii.h"
#include "base/escape.h"
#include "base/num.h"
#include "name/domain.h"
#include "smtp/xtext.h"

/* ---- one reader for each kind of value ---- */

static bool is_text(span value)
{
    for (size_t i = 0; i < value.n; i++) {
        if (ascii_is_control(value.p[i]))
            return false;
    }
    return value.n > 0 && escape_is_utf8(value);
}

static bool read_text(span value, enum smtp_xclient_attr attr, struct smtp_xclient *x)
{
    (void)attr;
    (void)x;
    return is_text(value);
}

static bool read_name(span value, enum smtp_xclient_attr attr, struct smtp_xclient *x)
{
    (void)attr;
    (void)x;
    return (domain_parse(value).faults & ~DOMAIN_FORGIVABLE) == 0;
}

static bool read_addr(span value, enum smtp_xclient_attr attr, struct smtp_xclient *x)
{
    struct ip_addr *to = attr == SMTP_XCLIENT_ADDR ? &x->addr : &x->destaddr;

    if (span_istarts(value, SPAN("IPV6:")))
        return ip_addr_parse_v6(span_skip(value, 5), to);
    return ip_addr_parse(value, to);
}

static bool read_port(span value, enum smtp_xclient_attr attr, struct smtp_xclient *x)
{
    uint64_t n;

    if (!num_parse_u64(value, UINT16_MAX, &n))
        return false;
    *(attr == SMTP_XCLIENT_PORT ? &x->port : &x->destport) = (uint16_t)n;
    return true;
}

/* What a client that greets may have spoken; LMTP does not come by a proxy. */
static bool read_proto(span value, enum smtp_xclient_attr attr, struct smtp_xclient *x)
{
    (void)attr;
    (void)x;
    return span_ieq(value, SPAN("SMTP")) || span_ieq(value, SPAN("ESMTP"));
}

/* ---- the table ---- */

#define OF(verb) (1u << SMTP_##verb)
#define BOTH     (OF(XCLIENT) | OF(XFORWARD))

typedef bool read_fn(span value, enum smtp_xclient_attr attr, struct smtp_xclient *x);

static const struct {
    span name;
    unsigned verbs; /* set of OF(verb) */
    read_fn *read;
} attrs[SMTP_XCLIENT_ATTRS] = {
    [SMTP_XCLIENT_NAME] = {SPAN_INIT("NAME"), BOTH, read_name},
    [SMTP_XCLIENT_ADDR] = {SPAN_INIT("ADDR"), BOTH, read_addr},
    [SMTP_XCLIENT_PORT] = {SPAN_INIT("PORT"), BOTH, read_port},
    [SMTP_XCLIENT_PROTO] = {SPAN_INIT("PROTO"), BOTH, read_proto},
    [SMTP_XCLIENT_HELO] = {SPAN_INIT("HELO"), BOTH, read_text},
    [SMTP_XCLIENT_LOGIN] = {SPAN_INIT("LOGIN"), OF(XCLIENT), read_text},
    [SMTP_XCLIENT_DESTADDR] = {SPAN_INIT("DESTADDR"), OF(XCLIENT), read_addr},
    [SMTP_XCLIENT_DESTPORT] = {SPAN_INIT("DESTPORT"), OF(XCLIENT), read_port},
    [SMTP_XCLIENT_IDENT] = {SPAN_INIT("IDENT"), OF(XFORWARD), read_text},
    [SMTP_XCLIENT_SOURCE] = {SPAN_INIT("SOURCE"), OF(XFORWARD), read_text},
};

span smtp_xclient_attributes(enum smtp_xclient_verb verb)
{
    static const span lists[] = {
        [SMTP_XCLIENT] = SPAN_INIT("NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT"),
        [SMTP_XFORWARD] = SPAN_INIT("NAME ADDR PORT PROTO HELO IDENT SOURCE"),
    };

    return lists[verb];
}

static bool find_attr(span name, enum smtp_xclient_verb verb, enum smtp_xclient_attr *out_attr)
{
    for (unsigned i = 0; i < SMTP_XCLIENT_ATTRS; i++) {
        if ((attrs[i].verbs & 1u << verb) != 0 && span_ieq(attrs[i].name, name)) {
            *out_attr = (enum smtp_xclient_attr)i;
            return true;
        }
    }
    return false;
}

static bool read_value(span text, enum smtp_xclient_verb verb, enum smtp_xclient_attr attr,
                       struct buf *memory, struct smtp_xclient *x)
{
    size_t from = memory->n;
    /* XFORWARD tells of a past that may have been any protocol. */
    bool any = verb == SMTP_XFORWARD && attr == SMTP_XCLIENT_PROTO;

    if (span_ieq(text, SPAN("[UNAVAILABLE]")))
        x->known[attr] = SMTP_XCLIENT_UNAVAILABLE;
    else if (span_ieq(text, SPAN("[TEMPUNAVAIL]")))
        x->known[attr] = SMTP_XCLIENT_TEMPUNAVAIL;
    if (x->known[attr] != SMTP_XCLIENT_UNSAID)
        return true;
    if (!smtp_xtext_put(memory, text) || memory->overflow ||
        memory->n - from > SMTP_XCLIENT_VALUE_BYTES)
        return false;
    x->known[attr] = SMTP_XCLIENT_SAID;
    x->value[attr] = span_of(memory->p + from, memory->n - from);
    return any ? is_text(x->value[attr]) : attrs[attr].read(x->value[attr], attr, x);
}

static enum smtp_xclient_fault read_attr(span word, enum smtp_xclient_verb verb, struct buf *memory,
                                         struct smtp_xclient *x)
{
    size_t equals = span_find(word, '=');
    enum smtp_xclient_attr attr;

    if (equals == word.n || equals == 0)
        return SMTP_XCLIENT_FORM;
    if (!find_attr(span_head(word, equals), verb, &attr))
        return SMTP_XCLIENT_UNKNOWN;
    if (x->known[attr] != SMTP_XCLIENT_UNSAID)
        return SMTP_XCLIENT_REPEATED;
    return read_value(span_skip(word, equals + 1), verb, attr, memory, x) ? SMTP_XCLIENT_FINE
                                                                          : SMTP_XCLIENT_BAD;
}

enum smtp_xclient_fault smtp_xclient_parse(span text, enum smtp_xclient_verb verb,
                                           struct buf *memory, struct smtp_xclient *out_x)
{
    struct smtp_xclient x = {0};
    enum smtp_xclient_fault fault = SMTP_XCLIENT_EMPTY;
    span word;

    while (span_split(&text, ' ', &word)) {
        if (word.n == 0)
            continue;
        fault = read_attr(word, verb, memory, &x);
        if (fault != SMTP_XCLIENT_FINE)
            return fault;
    }
    if (fault == SMTP_XCLIENT_FINE)
        *out_x = x;
    return fault;
}

const char *smtp_xclient_fault_text(enum smtp_xclient_fault fault)
{
#define FAULT_TEXT(id, text) [id] = (text),
    static const char *const texts[] = {SMTP_XCLIENT_FAULT_LIST(FAULT_TEXT)};
#undef FAULT_TEXT

    return texts[fault];
}
