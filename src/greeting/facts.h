/* SPDX-License-Identifier: ISC */
/*
 * greeting/facts.h - what was seen of a greeting, in one vocabulary.
 *
 * A fact is a value of a small set of words; JSON, logs, the ledger and the console
 * use the same words, which stand here and nowhere else. Facts say what is, not what
 * is wrong: that is greeting/judge.h. How they are found out is greeting/gather.h.
 *
 * Every fact that comes from DNS is three-valued: "temperror" is neither yes nor no.
 */
#ifndef GREETING_FACTS_H
#define GREETING_FACTS_H

#include "base/pack.h"
#include "spf/spf.h"

/* The facts in the order in which they are shown: id, word, set of values. */
#define GREETING_FACT_LIST(X)                                                                      \
    X(FACT_SYNTAX, "syntax", SYNTAX)                                                               \
    X(FACT_FORM, "form", FORM)                                                                     \
    X(FACT_FQDN, "fqdn", PASS)                                                                     \
    X(FACT_RESOLVES, "resolves", RESOLVES)                                                         \
    X(FACT_ADDRESS_MATCH, "address_match", PASS)                                                   \
    X(FACT_LITERAL_MATCH, "literal_match", PASS)                                                   \
    X(FACT_LITERAL_SCOPE, "literal_scope", SCOPE)                                                  \
    X(FACT_RDNS, "rdns", PRESENT)                                                                  \
    X(FACT_IPREV, "iprev", IPREV)                                                                  \
    X(FACT_MATCHES_RDNS, "matches_rdns", MATCH)                                                    \
    X(FACT_OWN_NAME, "own_name", YES)                                                              \
    X(FACT_OWN_ADDRESS, "own_address", YES)                                                        \
    X(FACT_LOCAL_DOMAIN, "local_domain", LOCAL)                                                    \
    X(FACT_VOUCHED, "vouched", VOUCHED)                                                            \
    X(FACT_RESOLVES_TO_OWN, "resolves_to_own", OWN)                                                \
    X(FACT_SPF_HELO, "spf_helo", SPF)                                                              \
    X(FACT_GENERIC, "generic", YES)                                                                \
    X(FACT_CHANGED, "changed", YES)                                                                \
    X(FACT_EARLY, "early", YES)                                                                    \
    X(FACT_LISTED, "listed", YES)

enum greeting_fact {
#define FACT_ENUM(id, word, values) id,
    GREETING_FACT_LIST(FACT_ENUM)
#undef FACT_ENUM
        GREETING_FACT_COUNT,
};

/* Each set of values: id, word. */
#define GREETING_SYNTAX_LIST(X)                                                                    \
    X(SYNTAX_VALID, "valid")                                                                       \
    X(SYNTAX_INVALID, "invalid")                                                                   \
    X(SYNTAX_TOLERATE, "tolerate")                                                                 \
    X(SYNTAX_NOT_FOR_HELO, "valid-but-not-for-HELO")

#define GREETING_FORM_LIST(X)                                                                      \
    X(FORM_FQDN, "fqdn")                                                                           \
    X(FORM_SINGLE_LABEL, "single-label")                                                           \
    X(FORM_BARE_IPV4, "bare-ipv4")                                                                 \
    X(FORM_BARE_IPV6, "bare-ipv6")                                                                 \
    X(FORM_NUMERIC_NAME, "numeric-name")                                                           \
    X(FORM_IPV4_LITERAL, "ipv4-literal")                                                           \
    X(FORM_IPV6_LITERAL, "ipv6-literal")                                                           \
    X(FORM_GENERAL_LITERAL, "general-literal")                                                     \
    X(FORM_MALFORMED, "malformed")                                                                 \
    X(FORM_EMPTY, "empty")

#define GREETING_PASS_LIST(X)                                                                      \
    X(PASS_NA, "na")                                                                               \
    X(PASS_PASS, "pass")                                                                           \
    X(PASS_FAIL, "fail")                                                                           \
    X(PASS_TEMPERROR, "temperror")

#define GREETING_RESOLVES_LIST(X)                                                                  \
    X(RESOLVES_NA, "na")                                                                           \
    X(RESOLVES_ADDR, "addr")                                                                       \
    X(RESOLVES_MX_ONLY, "mx-only")                                                                 \
    X(RESOLVES_NODATA, "nodata")                                                                   \
    X(RESOLVES_NXDOMAIN, "nxdomain")                                                               \
    X(RESOLVES_TEMPERROR, "temperror")                                                             \
    X(RESOLVES_SPECIAL, "special")

#define GREETING_SCOPE_LIST(X)                                                                     \
    X(SCOPE_NA, "na")                                                                              \
    X(SCOPE_PUBLIC, "public")                                                                      \
    X(SCOPE_PRIVATE, "private")                                                                    \
    X(SCOPE_CGNAT, "cgnat")                                                                        \
    X(SCOPE_LINK_LOCAL, "link-local")                                                              \
    X(SCOPE_UNIQUE_LOCAL, "unique-local")                                                          \
    X(SCOPE_LOOPBACK, "loopback")                                                                  \
    X(SCOPE_UNSPECIFIED, "unspecified")

#define GREETING_PRESENT_LIST(X)                                                                   \
    X(RDNS_PRESENT, "present")                                                                     \
    X(RDNS_ABSENT, "absent")                                                                       \
    X(RDNS_TEMPERROR, "temperror")

#define GREETING_IPREV_LIST(X)                                                                     \
    X(IPREV_PASS, "pass")                                                                          \
    X(IPREV_FAIL, "fail")                                                                          \
    X(IPREV_TEMPERROR, "temperror")                                                                \
    X(IPREV_PERMERROR, "permerror")

#define GREETING_MATCH_LIST(X)                                                                     \
    X(MATCH_NA, "na")                                                                              \
    X(MATCH_YES, "yes")                                                                            \
    X(MATCH_UNCONFIRMED, "unconfirmed")                                                            \
    X(MATCH_NO, "no")                                                                              \
    X(MATCH_TEMPERROR, "temperror")

#define GREETING_YES_LIST(X)                                                                       \
    X(YES_NO, "no")                                                                                \
    X(YES_YES, "yes")

#define GREETING_LOCAL_LIST(X)                                                                     \
    X(LOCAL_NO, "no")                                                                              \
    X(LOCAL_EXACT, "exact")                                                                        \
    X(LOCAL_UNDER, "under")

/* VOUCHED_UNKNOWN: nothing vouches, but DNS has not said all. Its word is that of NO. */
#define GREETING_VOUCHED_LIST(X)                                                                   \
    X(VOUCHED_NA, "na")                                                                            \
    X(VOUCHED_YES, "yes")                                                                          \
    X(VOUCHED_NO, "no")                                                                            \
    X(VOUCHED_UNKNOWN, "no")

#define GREETING_OWN_LIST(X)                                                                       \
    X(OWN_NA, "na")                                                                                \
    X(OWN_NO, "no")                                                                                \
    X(OWN_ADDR, "addr")                                                                            \
    X(OWN_MX, "mx")

#define GREETING_VALUE_ENUM(id, word) id,
enum greeting_syntax { GREETING_SYNTAX_LIST(GREETING_VALUE_ENUM) };
enum greeting_form { GREETING_FORM_LIST(GREETING_VALUE_ENUM) };
enum greeting_pass { GREETING_PASS_LIST(GREETING_VALUE_ENUM) };
enum greeting_resolves { GREETING_RESOLVES_LIST(GREETING_VALUE_ENUM) };
enum greeting_scope { GREETING_SCOPE_LIST(GREETING_VALUE_ENUM) };
enum greeting_rdns { GREETING_PRESENT_LIST(GREETING_VALUE_ENUM) };
enum greeting_iprev { GREETING_IPREV_LIST(GREETING_VALUE_ENUM) };
enum greeting_match { GREETING_MATCH_LIST(GREETING_VALUE_ENUM) };
enum greeting_yes { GREETING_YES_LIST(GREETING_VALUE_ENUM) };
enum greeting_local { GREETING_LOCAL_LIST(GREETING_VALUE_ENUM) };
enum greeting_vouched { GREETING_VOUCHED_LIST(GREETING_VALUE_ENUM) };
enum greeting_own { GREETING_OWN_LIST(GREETING_VALUE_ENUM) };
#undef GREETING_VALUE_ENUM

/* What else the judge must know of the name; a set. Not shown as facts. */
enum greeting_trait {
    TRAIT_IMPOSSIBLE = 1u << 0, /* empty, control octets, spaces, over-long: no name at all */
    TRAIT_UNDERSCORE = 1u << 1, /* at most these two are wrong with the syntax */
    TRAIT_TRAILING_DOT = 1u << 2,
    TRAIT_LOCALHOST = 1u << 3, /* localhost, localhost.localdomain, anything below localhost */
    TRAIT_RESERVED_TLD =
        1u << 4,            /* .local, .lan, .internal and the like: no name of the Internet */
    TRAIT_INSIDE = 1u << 5, /* the client's own address is private or loopback */
    TRAIT_CLIENT_LOOPBACK = 1u << 6,
    TRAIT_OWN_BY_CLIENT = 1u << 7, /* the own address that it claims is where it connects from */
    TRAIT_OPERATOR_VOUCHED = 1u << 8,
    TRAIT_MISSING = 1u << 9, /* nothing was said at all; never with TRAIT_IMPOSSIBLE */
};

/* What a finding may rest on beside a fact: values of the history. Behind all facts. */
enum greeting_ground {
    HISTORY_NAMES_HOUR = 30,
    HISTORY_NETWORKS = 31,
};
#define GREETING_GROUNDS 32u

/* From the ledger; all 0 when there is none. */
struct greeting_history {
    int64_t first_seen_s; /* seconds since 1970 */
    int64_t last_seen_s;
    uint32_t times;         /* this name from this address */
    uint32_t times_network; /* this name from the address's network */
    uint32_t names_hour;    /* distinct names from this address */
    uint32_t names_day;
    uint32_t networks; /* distinct networks that used this name */
    uint32_t refused;  /* of `times`: refused or deferred */
};

/* A record of fixed size without pointers: it can be kept and judged again later. */
struct greeting_facts {
    uint8_t value[GREETING_FACT_COUNT];
    uint16_t traits;
    struct greeting_history history;
};

/* "syntax", "form" ...; static. */
span greeting_fact_name(enum greeting_fact fact);
/* The word of a fact's value; static. */
span greeting_fact_word(const struct greeting_facts *f, enum greeting_fact fact);

/* A fact or ground with its value: "rdns=absent", "history.names_hour=11"; an unused one: nothing.
 */
void greeting_ground_put(struct buf *b, const struct greeting_facts *f, unsigned ground);

/* The history alone, as it is a part of the facts. */
void greeting_history_pack(struct buf *b, const struct greeting_history *h);
void greeting_history_unpack(struct unpack *u, struct greeting_history *out_h);

void greeting_facts_pack(struct buf *b, const struct greeting_facts *f);
/* False, with *u failed, when a value is none of its fact's. */
MUSTUSE bool greeting_facts_unpack(struct unpack *u, struct greeting_facts *out_f);

#endif
