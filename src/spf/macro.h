/* SPDX-License-Identifier: ISC */
/*
 * spf/macro.h - macros in domain names and explanations (RFC 7208 7).
 *
 * Checking and expanding are one walk over the text: what checks also expands.
 */
#ifndef SPF_MACRO_H
#define SPF_MACRO_H

#include "base/buf.h"
#include "name/addr.h"

struct spf_macro {
    span sender_local;  /* %{l} */
    span sender_domain; /* %{o} */
    span domain;        /* %{d} */
    struct ip_addr client;
    span validated; /* %{p} */
    span helo;
    span receiver;
    int64_t now_s;
};

enum spf_macro_place {
    SPF_IN_DOMAIN,      /* domain-spec: no c, r, t; ends in a top label or a macro */
    SPF_IN_MODIFIER,    /* macro-string of an unknown modifier: any end */
    SPF_IN_EXPLANATION, /* explain-string: spaces, and c, r, t */
};

/* True when text may stand in that place. */
bool spf_macro_check(span text, enum spf_macro_place place);

/* True when text holds %{p}, for which DNS must be asked. */
bool spf_macro_wants_p(span text);

/*
 * Put the expansion of text.
 *
 * returns false when text may not stand there; look at b->overflow too
 */
MUSTUSE bool spf_macro_put(struct buf *b, span text, enum spf_macro_place place,
                           const struct spf_macro *m);

#endif
