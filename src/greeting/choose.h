/* SPDX-License-Identifier: ISC */
/*
 * greeting/choose.h - the name that we say ourselves.
 *
 * A greeting belongs to an egress address, not to a host: it is chosen after connect,
 * for that address. In this order, and which rule fired is told:
 *
 *     map         the operator's name for this address
 *     name        the operator's one name for all addresses
 *     ptr         a reverse name of the address whose own address is it
 *     host        the machine's FQDN, if its address is it
 *     literal     the address itself, if the whole Internet can mean it
 *     submission  to a smart host that we authenticate to: whatever we have
 *     nothing     mail waits, and somebody must set a name
 *
 * Whatever fires, a name is never said that our own judge would refuse elsewhere: see
 * greeting_unfit. The look-ups (PTR, addresses) are the caller's.
 */
#ifndef GREETING_CHOOSE_H
#define GREETING_CHOOSE_H

#include "greeting/facts.h"
#include "greeting/name.h"

/* id, word, advice to the operator */
#define GREETING_RULE_LIST(X)                                                                      \
    X(RULE_NOTHING, "nothing", "set a greeting name for this egress, or publish a PTR record")     \
    X(RULE_MAP, "map", "")                                                                         \
    X(RULE_NAME, "name", "")                                                                       \
    X(RULE_PTR, "ptr", "")                                                                         \
    X(RULE_HOST, "host", "publish a PTR record for the address that is this name")                 \
    X(RULE_LITERAL, "literal",                                                                     \
      "many receivers refuse literals: publish a PTR record or set a name")                        \
    X(RULE_SUBMISSION, "submission", "")

enum greeting_rule {
#define RULE_ENUM(id, word, advice) id,
    GREETING_RULE_LIST(RULE_ENUM)
#undef RULE_ENUM
};

/* Why a name cannot be said to the world. */
#define GREETING_UNFIT_LIST(X)                                                                     \
    X(FIT, "")                                                                                     \
    X(UNFIT_EMPTY, "there is none")                                                                \
    X(UNFIT_SYNTAX, "it is no domain name by RFC 5321")                                            \
    X(UNFIT_UNDERSCORE, "it has an underscore")                                                    \
    X(UNFIT_TRAILING_DOT, "it ends in a dot")                                                      \
    X(UNFIT_NOT_FQDN, "it is not fully qualified")                                                 \
    X(UNFIT_ADDRESS, "it is an address")                                                           \
    X(UNFIT_LOCALHOST, "it means the receiver's own machine")                                      \
    X(UNFIT_RESERVED, "its top-level domain is not in the public DNS")                             \
    X(UNFIT_LONG, "it has more than 253 octets")                                                   \
    X(UNFIT_PEER, "it is the receiver's own name, and DNS does not say that it is ours")           \
    X(UNFIT_RECIPIENT, "it is in the recipient's domain, and DNS does not say that it is ours")

enum greeting_unfit {
#define UNFIT_ENUM(id, text) id,
    GREETING_UNFIT_LIST(UNFIT_ENUM)
#undef UNFIT_ENUM
};

/* What an operator should know although a name was found; a set. */
enum greeting_warning {
    WARN_MAP_UNFIT = 1u << 0,   /* the mapped name was passed over */
    WARN_NAME_UNFIT = 1u << 1,  /* the configured name was passed over */
    WARN_NO_PTR = 1u << 2,      /* the address has no confirmed reverse name */
    WARN_NOT_THE_PTR = 1u << 3, /* it has, but we say another */
    WARN_SEVERAL = 1u << 4,     /* it has several fit ones: one was picked */
    WARN_GENERIC = 1u << 5,     /* the name looks dynamic */
    WARN_UNTIED = 1u << 6,      /* the name's address is not the egress address */
    WARN_NAT = 1u << 7,         /* the public address is not known */
    WARN_DNS = 1u << 8,         /* DNS did not answer: the choice may be another later */
};

struct greeting_candidates {
    struct ip_addr address; /* as the world sees it; IP_NONE: not known (NAT) */
    struct ip_addr socket;  /* as the socket has it */
    span mapped;            /* the operator's name for this address; empty: none */
    span configured;        /* the operator's name for all; empty: none */
    span host;              /* the machine's host name; empty: none */
    const span *confirmed;  /* reverse names of the address that resolve to it */
    size_t n_confirmed;
    bool ptr_unknown;           /* their look-up failed for now */
    enum greeting_pass tied[3]; /* whether mapped, configured, host resolve to the address */
    const span *domains;        /* the operator's own domains, to pick among several names */
    size_t n_domains;
    bool submission; /* we authenticate to a configured smart host */
    span peer;       /* the name of the host we talk to; empty: not known */
    span recipient;  /* the recipients' domain; empty: many or none */
};

struct greeting_choice {
    enum greeting_rule rule;
    unsigned warnings;                /* set of enum greeting_warning */
    enum greeting_unfit mapped_unfit; /* why passed over, FIT when not */
    enum greeting_unfit configured_unfit;
    enum greeting_unfit host_unfit;
    bool helo; /* may be said after HELO too: it is a name (RFC 5321 4.1.1.1) */
    size_t n;  /* octets of text; 0 for RULE_NOTHING */
    char text[DOMAIN_MAX_BYTES + 1];
};

void greeting_choose(const struct greeting_candidates *c, struct greeting_choice *out);

/*
 * Whether a name may be said to that peer about mail for that domain (either may be empty).
 *
 * tied     DNS says that the name is ours: then it may be the peer's or in the recipient's domain
 */
enum greeting_unfit greeting_unfit(span name, bool tied, span peer, span recipient);

/* An address that anybody on the Internet can mean; IP_NONE is none. */
bool greeting_is_public(struct ip_addr a);

/*
 * The address that a server says it sees, in its reply to EHLO.
 *
 * "mx.example Hello name [192.0.2.7]", "mx.google.com at your service, [192.0.2.7]"; brackets with
 * an address in them, the last if there are several.
 */
MUSTUSE bool greeting_echo(span reply_line, struct ip_addr *out_addr);

span greeting_rule_word(enum greeting_rule rule);
span greeting_rule_advice(enum greeting_rule rule);
span greeting_unfit_text(enum greeting_unfit unfit);

#endif
