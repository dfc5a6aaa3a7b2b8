/* SPDX-License-Identifier: ISC */
/*
 * name/domain.h - is this text a domain name, and if not, why not?
 *
 * Reads the Domain of RFC 5321 4.1.2: labels of letters, digits and inner
 * hyphens, 63 octets each (RFC 1035 2.3.4), 255 in all (RFC 5321 4.5.3.1.2), no
 * trailing dot, no underscore. All faults are reported, as a set, because the
 * judge of greetings forgives some of them: a name whose only faults are in
 * DOMAIN_FORGIVABLE still means the host it says.
 *
 * Nothing here asks DNS. Not here: address literals (name/literal.h).
 */
#ifndef NAME_DOMAIN_H
#define NAME_DOMAIN_H

#include "base/buf.h"

#define DOMAIN_MAX_BYTES       255
#define DOMAIN_LABEL_MAX_BYTES 63

/* clang-format off */
/* id, bit, what a person is told; the gravest first */
#define DOMAIN_FAULT_LIST(X)                                                  \
    X(DOMAIN_EMPTY,         0, "the name is empty")                           \
    X(DOMAIN_CONTROL,       1, "a control octet in the name")                 \
    X(DOMAIN_SPACE,         2, "a space or tab in the name")                  \
    X(DOMAIN_NON_ASCII,     3, "an octet above 127 in the name")              \
    X(DOMAIN_BAD_OCTET,     4, "an octet that no name may have")              \
    X(DOMAIN_EMPTY_LABEL,   5, "two dots together, or a dot in front")        \
    X(DOMAIN_LONG_LABEL,    6, "a label of more than 63 octets")              \
    X(DOMAIN_LONG,          7, "more than 255 octets")                        \
    X(DOMAIN_HYPHEN_EDGE,   8, "a label begins or ends with a hyphen")        \
    X(DOMAIN_UNDERSCORE,    9, "an underscore in the name")                   \
    X(DOMAIN_TRAILING_DOT, 10, "a dot at the end of the name")
/* clang-format on */

enum domain_fault {
#define DOMAIN_ENUM(id, bit, text) id = 1u << (bit),
    DOMAIN_FAULT_LIST(DOMAIN_ENUM)
#undef DOMAIN_ENUM
};

/* Faults that leave no doubt which host is meant. */
#define DOMAIN_FORGIVABLE ((unsigned)DOMAIN_UNDERSCORE | (unsigned)DOMAIN_TRAILING_DOT)

struct domain {
    span text;         /* what was said, without one trailing dot; borrowed */
    unsigned faults;   /* set of enum domain_fault; 0: valid */
    unsigned labels;   /* labels that are not empty */
    bool numeric_tail; /* the last label is all digits, which no top-level domain is */
    bool numeric;      /* nothing but digits and dots */
};

/* Read all of s as a domain name. Never fails: the faults are the finding. */
struct domain domain_parse(span s);

static inline bool domain_is_valid(const struct domain *d)
{
    return d->faults == 0;
}

/* Two labels or more, no all-digit label at the end, at most forgivable faults. */
bool domain_is_fqdn(const struct domain *d);

/* The normal form: lower case, no trailing dot. */
void domain_put(struct buf *b, const struct domain *d);

/* The same name: without regard to ASCII case and one trailing dot. */
bool domain_eq(span a, span b);

/* `name` lies below `parent` (is not it): a.example.net is under example.net. */
bool domain_is_under(span name, span parent);

/* The gravest of the faults in words; static; "" for none. */
const char *domain_fault_text(unsigned faults);

#endif
