/* SPDX-License-Identifier: ISC */
/*
 * greeting/judge.h - what is wrong with a greeting, and what becomes of it.
 *
 * A pure function of facts, policy and session: no DNS, no order, no clock but the one it
 * is given. So one set of facts can be judged again after AUTH, under every preset, or
 * years later from the ledger.
 *
 * A finding is a cause id of the taxonomy, the severity that the standard gives it, and
 * the facts it rests on. The policy says of each check whether it is off, observed or
 * enforced; only an enforced finding refuses. Findings that RFC 5321 4.1.4 protects are
 * observed at most, unless the operator made that one check unsafe_refuse.
 *
 * Words are not here: explain_reply gives them for `cause`.
 */
#ifndef GREETING_JUDGE_H
#define GREETING_JUDGE_H

#include "greeting/facts.h"

enum greeting_severity {
    SEVERITY_SYNTAX,    /* may be answered 501 */
    SEVERITY_POLICY,    /* a site may refuse with 550 (RFC 5321 7.9) */
    SEVERITY_PROTECTED, /* must not be the reason to refuse (RFC 5321 4.1.4) */
    SEVERITY_TEMPORARY, /* DNS did not answer: at most 4xx */
};

/* Rows of the table of checks in judge.c, gravest first; several may share a cause. */
enum greeting_check {
    CHECK_SEQUENCE, /* no policy changes it: without a greeting there is no mail */
    CHECK_IMPOSSIBLE,
    CHECK_FORGED_SERVER,
    CHECK_FORGED_DOMAIN,
    CHECK_FORGED_UNDER,
    CHECK_BARE_IPV6,
    CHECK_SYNTAX,
    CHECK_LOCALHOST,
    CHECK_NOT_FQDN,
    CHECK_BARE_IPV4,
    CHECK_LITERAL_PRIVATE,
    CHECK_LISTED,
    CHECK_RESERVED_TLD,
    CHECK_UNRESOLVABLE,
    CHECK_SPF_FAIL,
    CHECK_UNDERSCORE,
    CHECK_TRAILING_DOT,
    CHECK_NOTED_SYNTAX,
    CHECK_LITERAL_MISMATCH,
    CHECK_IP_MISMATCH,
    CHECK_PTR_MISMATCH,
    CHECK_PTR_NONE,
    CHECK_PTR_UNCONFIRMED,
    CHECK_PTR_TEMP,
    CHECK_UNRESOLVABLE_NOW,
    CHECK_SPF_NOT_NOW,
    CHECK_GENERIC,
    CHECK_CHANGES,
    CHECK_MANY_NAMES,
    CHECK_MANY_NETWORKS,
    CHECK_EARLY,
    GREETING_CHECK_COUNT,
};

enum greeting_state { CHECK_OFF, CHECK_OBSERVE, CHECK_ENFORCE };
enum greeting_preset { PRESET_OBSERVE, PRESET_STANDARD, PRESET_STRICT, GREETING_PRESET_COUNT };
enum greeting_stage { STAGE_NONE, STAGE_HELO, STAGE_MAIL, STAGE_RCPT };

/* Lets one known sender through one check; never by the bare greeting. */
struct greeting_exemption {
    enum { EXEMPT_CLIENT, EXEMPT_HOST, EXEMPT_SPF } by;
    struct ip_prefix client; /* EXEMPT_CLIENT */
    span host;               /* EXEMPT_HOST: a confirmed host name, or a parent of it */
    span name;               /* EXEMPT_SPF: the greeting, for which SPF must pass */
    span check; /* cause id or the beginning of one ("helo.forged_local"); empty: all */
    span reason;
    int64_t until_s; /* seconds since 1970; 0: no end */
};

/* Spans and exemptions are borrowed from the configuration. */
struct greeting_policy {
    uint8_t state[GREETING_CHECK_COUNT];
    bool unsafe_refuse[GREETING_CHECK_COUNT];
    enum greeting_stage refuse_at; /* where all but syntax is spoken */
    const struct greeting_exemption *exemptions;
    size_t n_exemptions;
};

/* Everything at its default for a preset. */
void greeting_policy_init(struct greeting_policy *p, enum greeting_preset preset);

/*
 * Set one check by its cause id, or all below it ("helo.forged_local").
 *
 * returns false when no check has that cause
 */
MUSTUSE bool greeting_policy_set(struct greeting_policy *p, span cause, enum greeting_state state);

/* Let a protected check refuse all the same (RFC 5321 forbids it); false as above. */
MUSTUSE bool greeting_policy_set_unsafe(struct greeting_policy *p, span cause);

/* "observe", "standard", "strict"; "off", "observe", "enforce"; "helo", "mail", "rcpt". */
MUSTUSE bool greeting_preset_parse(span word, enum greeting_preset *out);
span greeting_preset_word(enum greeting_preset preset);
MUSTUSE bool greeting_state_parse(span word, enum greeting_state *out);
span greeting_state_word(enum greeting_state state);
MUSTUSE bool greeting_stage_parse(span word, enum greeting_stage *out);
/* Empty for STAGE_NONE. */
span greeting_stage_word(enum greeting_stage stage);

/* A check that asks for the past (facts.history) is not off. */
bool greeting_policy_wants_past(const struct greeting_policy *p);

/* Which exemption it is, and why: "client 203.0.113.0/24, helo.forged_local: our web farm". */
void greeting_exemption_put(struct buf *b, const struct greeting_exemption *e);

/* Who greets, beyond the facts; spans are borrowed for the call. */
struct greeting_session {
    struct ip_addr client;
    bool authenticated;
    bool submission;   /* a submission port */
    bool trusted;      /* the client's address is in a trusted network */
    span name;         /* the greeting's normal form, empty when it has none */
    const span *hosts; /* confirmed host names of the client */
    size_t n_hosts;
    int64_t now_s; /* seconds since 1970, for the end dates of exemptions */
};

enum greeting_action { GREETING_ACCEPT, GREETING_DEFER, GREETING_REFUSE };

/* Why nothing is refused whatever is found. */
enum greeting_exempt { EXEMPT_NOT, EXEMPT_AUTHENTICATED, EXEMPT_SUBMISSION, EXEMPT_TRUSTED };

struct greeting_finding {
    enum greeting_check check;
    enum greeting_severity severity;
    enum greeting_state state; /* as the policy has it */
    bool enforced;             /* it refuses or defers */
    size_t exemption;          /* that freed it: 1 and up; 0: none */
    uint32_t because;          /* set of 1u << enum greeting_fact or enum greeting_ground */
};

struct greeting_verdict {
    enum greeting_action action;
    enum greeting_stage stage;
    uint16_t code; /* 250, 451, 501, 550 */
    span enhanced; /* "5.7.1"; empty when accepted; static */
    span cause;    /* "helo.forged_local.server"; empty when accepted; static */
    span words;    /* the cause whose page words the reply: net.dns where we defer; static */
    enum greeting_exempt exempt;
    struct greeting_finding finding[GREETING_CHECK_COUNT];
    size_t n_findings;
};

void greeting_judge(const struct greeting_facts *f, const struct greeting_policy *p,
                    const struct greeting_session *s, struct greeting_verdict *out);

/* The cause id of a check, and how it is refused; static. */
span greeting_check_cause(enum greeting_check check);
uint16_t greeting_check_code(enum greeting_check check);
span greeting_check_enhanced(enum greeting_check check);
enum greeting_severity greeting_check_severity(enum greeting_check check);
span greeting_severity_word(enum greeting_severity severity);
span greeting_action_word(enum greeting_action action);
/* "authenticated", "submission", "trusted"; empty for EXEMPT_NOT. */
span greeting_exempt_word(enum greeting_exempt exempt);

#endif
