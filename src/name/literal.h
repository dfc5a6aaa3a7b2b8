/* SPDX-License-Identifier: ISC */
/*
 * name/literal.h - address literals: [192.0.2.1], [IPv6:2001:db8::1] (RFC 5321 4.1.3).
 *
 * Tags are read in any case. Text after the closing bracket is not part of the
 * literal: it is reported apart, so that the caller can tolerate it (greetings)
 * or not (mail paths). Like a domain, a malformed literal says what is wrong.
 */
#ifndef NAME_LITERAL_H
#define NAME_LITERAL_H

#include "name/addr.h"

enum literal_kind {
    LITERAL_NONE, /* does not begin with a bracket: not meant as a literal */
    LITERAL_V4,
    LITERAL_V6,
    LITERAL_GENERAL,   /* [tag:content] with a tag that we do not know */
    LITERAL_MALFORMED, /* begins with a bracket; `fault` says why it is none */
};

/* id, what a person is told */
#define LITERAL_FAULT_LIST(X)                                                                      \
    X(LITERAL_FINE, "")                                                                            \
    X(LITERAL_UNCLOSED, "the closing bracket is missing")                                          \
    X(LITERAL_EMPTY, "nothing between the brackets")                                               \
    X(LITERAL_LONG, "more than 255 octets")                                                        \
    X(LITERAL_BAD_OCTET, "an octet that no literal may have")                                      \
    X(LITERAL_BAD_V4, "not an IPv4 address: four numbers of 0 to 255")                             \
    X(LITERAL_BAD_V6, "not an IPv6 address after the tag")                                         \
    X(LITERAL_UNTAGGED_V6, "an IPv6 address without the tag IPv6:")                                \
    X(LITERAL_BAD_TAG, "the tag is malformed")                                                     \
    X(LITERAL_NAME, "a name in brackets, not an address")

enum literal_fault {
#define LITERAL_ENUM(id, text) id,
    LITERAL_FAULT_LIST(LITERAL_ENUM)
#undef LITERAL_ENUM
};

struct literal {
    enum literal_kind kind;
    enum literal_fault fault;
    struct ip_addr addr; /* LITERAL_V4, LITERAL_V6 (a mapped address is IPv4); also the address
                            that LITERAL_UNTAGGED_V6 plainly means; else IP_NONE */
    span text;           /* from bracket to bracket; borrowed */
    span trailing;       /* what stands behind it; borrowed */
};

struct literal literal_parse(span s);

/* Why it is malformed, in words; static. */
const char *literal_fault_text(enum literal_fault fault);

#endif
