/* SPDX-License-Identifier: ISC */
#include "name/domain.h"

#include "base/ascii.h"

static unsigned octet_fault(char c)
{
    if (ascii_is_alnum(c) || c == '-')
        return 0;
    if (c == '_')
        return DOMAIN_UNDERSCORE;
    if (ascii_is_blank(c))
        return DOMAIN_SPACE;
    if (ascii_is_control(c))
        return DOMAIN_CONTROL;
    return ascii_is_high(c) ? DOMAIN_NON_ASCII : DOMAIN_BAD_OCTET;
}

static unsigned label_faults(span label, bool *out_digits)
{
    unsigned faults = 0;
    bool digits = label.n > 0;

    for (size_t i = 0; i < label.n; i++) {
        faults |= octet_fault(label.p[i]);
        digits = digits && ascii_is_digit(label.p[i]);
    }
    if (label.n == 0)
        faults |= DOMAIN_EMPTY_LABEL;
    else if (label.p[0] == '-' || label.p[label.n - 1] == '-')
        faults |= DOMAIN_HYPHEN_EDGE;
    if (label.n > DOMAIN_LABEL_MAX_BYTES)
        faults |= DOMAIN_LONG_LABEL;
    *out_digits = digits;
    return faults;
}

static span without_dot(span s)
{
    return s.n > 0 && s.p[s.n - 1] == '.' ? span_head(s, s.n - 1) : s;
}

struct domain domain_parse(span s)
{
    struct domain d = {.text = without_dot(s), .numeric = true};
    span rest = d.text;
    span label;

    if (d.text.n < s.n)
        d.faults |= DOMAIN_TRAILING_DOT;
    if (d.text.n > DOMAIN_MAX_BYTES)
        d.faults |= DOMAIN_LONG;
    if (d.text.n == 0) {
        d.faults |= DOMAIN_EMPTY;
        d.numeric = false;
        return d;
    }
    while (span_split(&rest, '.', &label)) {
        d.faults |= label_faults(label, &d.numeric_tail);
        d.numeric = d.numeric && (d.numeric_tail || label.n == 0);
        d.labels += label.n > 0;
    }
    return d;
}

bool domain_is_fqdn(const struct domain *d)
{
    return (d->faults & ~DOMAIN_FORGIVABLE) == 0 && d->labels >= 2 && !d->numeric_tail;
}

void domain_put(struct buf *b, const struct domain *d)
{
    buf_put_lower(b, d->text);
}

bool domain_eq(span a, span b)
{
    return span_ieq(without_dot(a), without_dot(b));
}

bool domain_is_under(span name, span parent)
{
    span n = without_dot(name);
    span p = without_dot(parent);

    return p.n > 0 && n.n > p.n + 1 && n.p[n.n - p.n - 1] == '.' && span_iends(n, p);
}

const char *domain_fault_text(unsigned faults)
{
#define FAULT_ROW(id, bit, text) {id, text},
    static const struct {
        enum domain_fault fault;
        const char *text;
    } rows[] = {DOMAIN_FAULT_LIST(FAULT_ROW)};
#undef FAULT_ROW

    for (size_t i = 0; i < COUNT(rows); i++) {
        if ((faults & (unsigned)rows[i].fault) != 0)
            return rows[i].text;
    }
    return "";
}
