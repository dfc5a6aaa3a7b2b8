/* SPDX-License-Identifier: ISC */
/*
 * greeting/name.h - read the argument of HELO or EHLO once, and normalise it once.
 *
 * All that can be said without asking anybody: syntax, form, the normal form (lower
 * case, without one trailing dot) that every check uses, the address of a literal.
 * (RFC 5321 4.1.1.1, 4.1.2, 4.1.3, 4.5.3.1.2; RFC 6531 3.7.1)
 */
#ifndef GREETING_NAME_H
#define GREETING_NAME_H

#include "greeting/facts.h"
#include "name/addr.h"
#include "name/domain.h"

struct greeting_name {
    enum greeting_syntax syntax;
    enum greeting_form form;
    unsigned traits;        /* set of enum greeting_trait that the name alone decides */
    unsigned faults;        /* set of enum domain_fault, 0 for literals */
    const char *fault_text; /* what is wrong in words, "" when nothing is; static */
    struct ip_addr addr;    /* of a literal or a bare address; else IP_NONE */
    span normal;            /* in `room`; empty unless it is a name that can be looked up */
    char room[DOMAIN_MAX_BYTES + 1];
};

/* Read an argument. Never fails. Blanks at its end are no part of it (RFC 5321 4.1.1). */
void greeting_name_read(struct greeting_name *n, span argument, bool is_helo);

/* The name holds the digits of the client's address, or reads like a dynamic pool. */
bool greeting_name_is_generic(span normal, struct ip_addr client);

/* Names that no public DNS has (RFC 6761, 6762, 8375): .local, .lan, .internal ... */
bool greeting_name_is_reserved(span normal);
/* Those of them that no resolver is ever asked for: localhost, .local, .invalid ... */
bool greeting_name_is_special(span normal);
bool greeting_name_is_localhost(span normal);

#endif
