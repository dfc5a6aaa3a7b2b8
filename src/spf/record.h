/* SPDX-License-Identifier: ISC */
/*
 * spf/record.h - the grammar of SPF records (RFC 7208 12).
 *
 * A record is checked whole before anything in it is evaluated, because a syntax
 * error anywhere is a permerror (4.6). Terms borrow from the record's text.
 * Macros are checked here and expanded in spf/macro.h.
 */
#ifndef SPF_RECORD_H
#define SPF_RECORD_H

#include "name/addr.h"

enum spf_kind {
    SPF_ALL,
    SPF_INCLUDE,
    SPF_A,
    SPF_MX,
    SPF_PTR,
    SPF_IP4,
    SPF_IP6,
    SPF_EXISTS,
    SPF_REDIRECT, /* modifiers from here on */
    SPF_EXP,
    SPF_OTHER, /* a modifier that we do not know: ignored */
};

struct spf_term {
    enum spf_kind kind;
    char qualifier;           /* '+', '-', '~', '?' */
    span text;                /* the whole term as written */
    span spec;                /* domain-spec; empty: the current domain */
    struct ip_prefix network; /* ip4, ip6 */
    unsigned bits4;           /* a, mx */
    unsigned bits6;
};

enum spf_take { SPF_TAKE_TERM, SPF_TAKE_END, SPF_TAKE_BAD };

/* True when a TXT record is an SPF record: "v=spf1" and then a space or nothing (4.5). */
bool spf_record_is(span txt);

/* What stands behind the version of a record for which spf_record_is holds. */
span spf_record_terms(span txt);

/* The next term off *rest. */
enum spf_take spf_term_take(span *rest, struct spf_term *out);

/*
 * Check all terms, and find the two modifiers that count.
 *
 * returns false at any syntax error, and when redirect or exp stands twice (6)
 */
MUSTUSE bool spf_record_check(span terms, span *out_redirect, span *out_exp);

#endif
