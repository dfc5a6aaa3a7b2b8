/* SPDX-License-Identifier: ISC */
#include "greeting/judge.h"

#include "name/domain.h"

/* Whether a fact has that value; reads as English in the judges below. */
static bool is(const struct greeting_facts *f, enum greeting_fact fact, unsigned value)
{
    return f->value[fact] == value;
}

static bool has(const struct greeting_facts *f, enum greeting_trait trait)
{
    return (f->traits & trait) != 0;
}

/* ---- judges: what a check finds ---- */

static bool is_impossible(const struct greeting_facts *f)
{
    return has(f, TRAIT_IMPOSSIBLE);
}

/*
 * An own address claimed. Many machines have 127.0.0.1 and 10.0.0.5: from outside such an address
 * of ours says nothing of us.
 */
static bool claims_address(const struct greeting_facts *f)
{
    if (has(f, TRAIT_OWN_BY_CLIENT) || has(f, TRAIT_OPERATOR_VOUCHED) ||
        is(f, FACT_LITERAL_SCOPE, SCOPE_LOOPBACK) || is(f, FACT_LITERAL_SCOPE, SCOPE_UNSPECIFIED))
        return false;
    return is(f, FACT_LITERAL_SCOPE, SCOPE_PUBLIC) || has(f, TRAIT_INSIDE);
}

/*
 * A claim to be this server: its name, one of its addresses, or a name under a hosted domain
 * that leads to it. An address that is the client's own is no claim but the truth.
 */
static bool claims_server(const struct greeting_facts *f)
{
    if (is(f, FACT_OWN_ADDRESS, YES_YES))
        return claims_address(f);
    if (is(f, FACT_OWN_NAME, YES_NO) &&
        !(is(f, FACT_LOCAL_DOMAIN, LOCAL_UNDER) && is(f, FACT_RESOLVES_TO_OWN, OWN_ADDR)))
        return false;
    return !is(f, FACT_VOUCHED, VOUCHED_YES);
}

static bool claims_domain(const struct greeting_facts *f)
{
    return is(f, FACT_LOCAL_DOMAIN, LOCAL_EXACT) && !is(f, FACT_VOUCHED, VOUCHED_YES) &&
           !claims_server(f);
}

/* Below a hosted domain stand many machines that DNS need not know: a claim, but a weak one. */
static bool claims_under(const struct greeting_facts *f)
{
    return is(f, FACT_LOCAL_DOMAIN, LOCAL_UNDER) && !is(f, FACT_VOUCHED, VOUCHED_YES) &&
           !claims_server(f);
}

static bool is_bare_ipv6(const struct greeting_facts *f)
{
    return is(f, FACT_FORM, FORM_BARE_IPV6);
}

static bool has_bad_syntax(const struct greeting_facts *f)
{
    return is(f, FACT_SYNTAX, SYNTAX_INVALID) && !is_impossible(f) && !is_bare_ipv6(f) &&
           !has(f, TRAIT_UNDERSCORE) && !has(f, TRAIT_TRAILING_DOT);
}

static bool is_localhost(const struct greeting_facts *f)
{
    return has(f, TRAIT_LOCALHOST) && !has(f, TRAIT_CLIENT_LOOPBACK);
}

static bool is_not_fqdn(const struct greeting_facts *f)
{
    return (is(f, FACT_FORM, FORM_SINGLE_LABEL) || is(f, FACT_FORM, FORM_NUMERIC_NAME)) &&
           !has(f, TRAIT_LOCALHOST);
}

static bool is_bare_ipv4(const struct greeting_facts *f)
{
    return is(f, FACT_FORM, FORM_BARE_IPV4);
}

/* A loopback literal from any other machine, or a private one from the Internet. */
static bool is_private_literal(const struct greeting_facts *f)
{
    if (!is(f, FACT_LITERAL_MATCH, PASS_FAIL) || is(f, FACT_LITERAL_SCOPE, SCOPE_PUBLIC))
        return false;
    if (is(f, FACT_LITERAL_SCOPE, SCOPE_LOOPBACK) || is(f, FACT_LITERAL_SCOPE, SCOPE_UNSPECIFIED))
        return !has(f, TRAIT_CLIENT_LOOPBACK);
    return !has(f, TRAIT_INSIDE);
}

static bool is_reserved(const struct greeting_facts *f)
{
    return has(f, TRAIT_RESERVED_TLD);
}

static bool is_unresolvable(const struct greeting_facts *f)
{
    return is(f, FACT_FORM, FORM_FQDN) && !has(f, TRAIT_RESERVED_TLD) &&
           (is(f, FACT_RESOLVES, RESOLVES_NXDOMAIN) || is(f, FACT_RESOLVES, RESOLVES_NODATA));
}

static bool fails_spf(const struct greeting_facts *f)
{
    return is(f, FACT_SPF_HELO, SPF_FAIL);
}

static bool has_underscore(const struct greeting_facts *f)
{
    return has(f, TRAIT_UNDERSCORE);
}

static bool has_trailing_dot(const struct greeting_facts *f)
{
    return has(f, TRAIT_TRAILING_DOT);
}

static bool has_noted_syntax(const struct greeting_facts *f)
{
    return is(f, FACT_SYNTAX, SYNTAX_TOLERATE) || is(f, FACT_SYNTAX, SYNTAX_NOT_FOR_HELO);
}

static bool has_other_literal(const struct greeting_facts *f)
{
    return is(f, FACT_LITERAL_MATCH, PASS_FAIL) && !is_private_literal(f);
}

static bool has_other_address(const struct greeting_facts *f)
{
    return is(f, FACT_RESOLVES, RESOLVES_ADDR) && is(f, FACT_ADDRESS_MATCH, PASS_FAIL);
}

static bool has_other_ptr(const struct greeting_facts *f)
{
    return is(f, FACT_MATCHES_RDNS, MATCH_NO) && is(f, FACT_RDNS, RDNS_PRESENT);
}

static bool has_no_ptr(const struct greeting_facts *f)
{
    return is(f, FACT_RDNS, RDNS_ABSENT);
}

static bool is_unconfirmed(const struct greeting_facts *f)
{
    return is(f, FACT_RDNS, RDNS_PRESENT) && is(f, FACT_IPREV, IPREV_FAIL);
}

static bool has_no_ptr_now(const struct greeting_facts *f)
{
    return is(f, FACT_IPREV, IPREV_TEMPERROR);
}

static bool is_unresolvable_now(const struct greeting_facts *f)
{
    return is(f, FACT_RESOLVES, RESOLVES_TEMPERROR);
}

static bool has_no_spf_now(const struct greeting_facts *f)
{
    return is(f, FACT_SPF_HELO, SPF_TEMPERROR);
}

static bool is_generic(const struct greeting_facts *f)
{
    return is(f, FACT_GENERIC, YES_YES);
}

static bool has_changed(const struct greeting_facts *f)
{
    return is(f, FACT_CHANGED, YES_YES);
}

static bool is_early(const struct greeting_facts *f)
{
    return is(f, FACT_EARLY, YES_YES);
}

/* ---- the table ---- */

#define BIT(fact) (1u << (fact))

/* What the ties to the client are read from. */
#define TIES                                                                                       \
    (BIT(FACT_VOUCHED) | BIT(FACT_ADDRESS_MATCH) | BIT(FACT_MATCHES_RDNS) | BIT(FACT_SPF_HELO))

/* clang-format off */
static const struct {
    span cause;
    bool (*finds)(const struct greeting_facts *f);
    enum greeting_severity severity;
    uint16_t code;
    span enhanced;
    enum greeting_state state[GREETING_PRESET_COUNT]; /* observe, standard, strict */
    uint32_t because;
} checks[GREETING_CHECK_COUNT] = {
#define NEVER   {CHECK_OBSERVE, CHECK_OBSERVE, CHECK_OBSERVE}
#define STRICT  {CHECK_OBSERVE, CHECK_OBSERVE, CHECK_ENFORCE}
#define USUAL   {CHECK_OBSERVE, CHECK_ENFORCE, CHECK_ENFORCE}
#define ALWAYS  {CHECK_ENFORCE, CHECK_ENFORCE, CHECK_ENFORCE}
#define E501    501, SPAN_INIT("5.5.4")
#define E550    550, SPAN_INIT("5.7.1")
#define EPTR    550, SPAN_INIT("5.7.25")
#define ESPF    550, SPAN_INIT("5.7.23")
#define EARLY   554, SPAN_INIT("5.5.1")
#define TDNS    451, SPAN_INIT("4.4.3")
#define TSPF    451, SPAN_INIT("4.7.24")
    [CHECK_IMPOSSIBLE] = {SPAN_INIT("helo.syntax"), is_impossible, SEVERITY_SYNTAX, E501, ALWAYS,
        BIT(FACT_SYNTAX) | BIT(FACT_FORM)},
    [CHECK_FORGED_SERVER] = {SPAN_INIT("helo.forged_local.server"), claims_server, SEVERITY_POLICY, E550, USUAL,
        BIT(FACT_OWN_NAME) | BIT(FACT_OWN_ADDRESS) | BIT(FACT_RESOLVES_TO_OWN) | TIES | BIT(FACT_LITERAL_MATCH)},
    [CHECK_FORGED_DOMAIN] = {SPAN_INIT("helo.forged_local.domain"), claims_domain, SEVERITY_POLICY, E550, USUAL,
        BIT(FACT_LOCAL_DOMAIN) | TIES},
    [CHECK_FORGED_UNDER] = {SPAN_INIT("helo.forged_local.domain"), claims_under, SEVERITY_POLICY, E550, STRICT,
        BIT(FACT_LOCAL_DOMAIN) | TIES},
    [CHECK_BARE_IPV6] = {SPAN_INIT("helo.bare_ip"), is_bare_ipv6, SEVERITY_SYNTAX, E501, USUAL,
        BIT(FACT_SYNTAX) | BIT(FACT_FORM)},
    [CHECK_SYNTAX] = {SPAN_INIT("helo.syntax"), has_bad_syntax, SEVERITY_SYNTAX, E501, USUAL,
        BIT(FACT_SYNTAX) | BIT(FACT_FORM)},
    [CHECK_LOCALHOST] = {SPAN_INIT("helo.localhost"), is_localhost, SEVERITY_POLICY, E550, STRICT,
        BIT(FACT_RESOLVES)},
    [CHECK_NOT_FQDN] = {SPAN_INIT("helo.not_fqdn"), is_not_fqdn, SEVERITY_POLICY, E550, STRICT,
        BIT(FACT_FQDN) | BIT(FACT_FORM)},
    [CHECK_BARE_IPV4] = {SPAN_INIT("helo.bare_ip"), is_bare_ipv4, SEVERITY_POLICY, E550, STRICT,
        BIT(FACT_FQDN) | BIT(FACT_FORM)},
    [CHECK_LITERAL_PRIVATE] = {SPAN_INIT("helo.literal.private"), is_private_literal, SEVERITY_POLICY, E550, STRICT,
        BIT(FACT_LITERAL_SCOPE) | BIT(FACT_LITERAL_MATCH)},
    [CHECK_RESERVED_TLD] = {SPAN_INIT("helo.invalid_tld"), is_reserved, SEVERITY_POLICY, E550, STRICT,
        BIT(FACT_RESOLVES)},
    [CHECK_UNRESOLVABLE] = {SPAN_INIT("helo.unresolvable"), is_unresolvable, SEVERITY_POLICY, E550, STRICT,
        BIT(FACT_RESOLVES)},
    [CHECK_SPF_FAIL] = {SPAN_INIT("helo.spf_fail"), fails_spf, SEVERITY_POLICY, ESPF, STRICT,
        BIT(FACT_SPF_HELO)},
    [CHECK_UNDERSCORE] = {SPAN_INIT("helo.syntax"), has_underscore, SEVERITY_SYNTAX, E501, STRICT,
        BIT(FACT_SYNTAX)},
    [CHECK_TRAILING_DOT] = {SPAN_INIT("helo.syntax"), has_trailing_dot, SEVERITY_SYNTAX, E501, STRICT,
        BIT(FACT_SYNTAX)},
    [CHECK_NOTED_SYNTAX] = {SPAN_INIT("helo.syntax"), has_noted_syntax, SEVERITY_SYNTAX, E501, NEVER,
        BIT(FACT_SYNTAX)},
    [CHECK_LITERAL_MISMATCH] = {SPAN_INIT("helo.literal.mismatch"), has_other_literal, SEVERITY_PROTECTED, E550, NEVER,
        BIT(FACT_LITERAL_MATCH)},
    [CHECK_IP_MISMATCH] = {SPAN_INIT("helo.ip_mismatch"), has_other_address, SEVERITY_PROTECTED, E550, NEVER,
        BIT(FACT_ADDRESS_MATCH)},
    [CHECK_PTR_MISMATCH] = {SPAN_INIT("helo.ptr_mismatch"), has_other_ptr, SEVERITY_PROTECTED, E550, NEVER,
        BIT(FACT_MATCHES_RDNS)},
    [CHECK_PTR_NONE] = {SPAN_INIT("ptr.none"), has_no_ptr, SEVERITY_POLICY, EPTR, NEVER,
        BIT(FACT_RDNS)},
    [CHECK_PTR_UNCONFIRMED] = {SPAN_INIT("ptr.unconfirmed"), is_unconfirmed, SEVERITY_POLICY, EPTR, NEVER,
        BIT(FACT_IPREV)},
    [CHECK_PTR_TEMP] = {SPAN_INIT("ptr.temp"), has_no_ptr_now, SEVERITY_TEMPORARY, TDNS, NEVER,
        BIT(FACT_RDNS) | BIT(FACT_IPREV)},
    [CHECK_UNRESOLVABLE_NOW] = {SPAN_INIT("helo.unresolvable"), is_unresolvable_now, SEVERITY_TEMPORARY, TDNS, NEVER,
        BIT(FACT_RESOLVES)},
    [CHECK_SPF_NOT_NOW] = {SPAN_INIT("helo.spf_fail"), has_no_spf_now, SEVERITY_TEMPORARY, TSPF, NEVER,
        BIT(FACT_SPF_HELO)},
    [CHECK_GENERIC] = {SPAN_INIT("helo.generic"), is_generic, SEVERITY_POLICY, E550, NEVER,
        BIT(FACT_GENERIC)},
    [CHECK_CHANGES] = {SPAN_INIT("helo.changes"), has_changed, SEVERITY_POLICY, E550, NEVER,
        BIT(FACT_CHANGED)},
    [CHECK_EARLY] = {SPAN_INIT("helo.early"), is_early, SEVERITY_POLICY, EARLY, NEVER,
        BIT(FACT_EARLY)},
};
/* clang-format on */

static const span preset_words[] = {SPAN_INIT("observe"), SPAN_INIT("standard"),
                                    SPAN_INIT("strict")};
static const span state_words[] = {SPAN_INIT("off"), SPAN_INIT("observe"), SPAN_INIT("enforce")};
static const span stage_words[] = {SPAN_INIT(""), SPAN_INIT("helo"), SPAN_INIT("mail"),
                                   SPAN_INIT("rcpt")};
static const span severity_words[] = {SPAN_INIT("syntax"), SPAN_INIT("policy"),
                                      SPAN_INIT("protected"), SPAN_INIT("temporary")};
static const span action_words[] = {SPAN_INIT("accept"), SPAN_INIT("defer"), SPAN_INIT("refuse")};
static const span exempt_words[] = {SPAN_INIT(""), SPAN_INIT("authenticated"),
                                    SPAN_INIT("submission"), SPAN_INIT("trusted")};

/* ---- words ---- */

/* The place of a word in a table, or n. */
static size_t find_word(span word, const span *words, size_t n)
{
    size_t i = 0;

    while (i < n && !span_eq(word, words[i]))
        i++;
    return i;
}

bool greeting_preset_parse(span word, enum greeting_preset *out)
{
    size_t i = find_word(word, preset_words, COUNT(preset_words));

    if (i == COUNT(preset_words))
        return false;
    *out = (enum greeting_preset)i;
    return true;
}

span greeting_preset_word(enum greeting_preset preset)
{
    return preset_words[preset];
}

bool greeting_state_parse(span word, enum greeting_state *out)
{
    size_t i = find_word(word, state_words, COUNT(state_words));

    if (i == COUNT(state_words))
        return false;
    *out = (enum greeting_state)i;
    return true;
}

span greeting_state_word(enum greeting_state state)
{
    return state_words[state];
}

bool greeting_stage_parse(span word, enum greeting_stage *out)
{
    size_t i = find_word(word, stage_words, COUNT(stage_words));

    if (i == COUNT(stage_words) || i == STAGE_NONE)
        return false;
    *out = (enum greeting_stage)i;
    return true;
}

span greeting_stage_word(enum greeting_stage stage)
{
    return stage_words[stage];
}

span greeting_check_cause(enum greeting_check check)
{
    return checks[check].cause;
}

uint16_t greeting_check_code(enum greeting_check check)
{
    return checks[check].code;
}

span greeting_check_enhanced(enum greeting_check check)
{
    return checks[check].enhanced;
}

enum greeting_severity greeting_check_severity(enum greeting_check check)
{
    return checks[check].severity;
}

span greeting_severity_word(enum greeting_severity severity)
{
    return severity_words[severity];
}

span greeting_action_word(enum greeting_action action)
{
    return action_words[action];
}

span greeting_exempt_word(enum greeting_exempt exempt)
{
    return exempt_words[exempt];
}

/* ---- policy ---- */

void greeting_policy_init(struct greeting_policy *p, enum greeting_preset preset)
{
    *p = (struct greeting_policy){.refuse_at = STAGE_RCPT};
    for (size_t i = 0; i < GREETING_CHECK_COUNT; i++)
        p->state[i] = (uint8_t)checks[i].state[preset];
}

/* The cause itself, or one above it: "helo.forged_local" stands for all that begins so. */
static bool is_meant(span meant, span cause)
{
    return span_eq(meant, cause) ||
           (span_starts(cause, meant) && meant.n > 0 && cause.p[meant.n] == '.');
}

bool greeting_policy_set(struct greeting_policy *p, span cause, enum greeting_state state)
{
    bool found = false;

    for (size_t i = 0; i < GREETING_CHECK_COUNT; i++) {
        if (!is_meant(cause, checks[i].cause))
            continue;
        found = true;
        p->state[i] = (uint8_t)state;
    }
    return found;
}

bool greeting_policy_set_unsafe(struct greeting_policy *p, span cause)
{
    bool found = false;

    for (size_t i = 0; i < GREETING_CHECK_COUNT; i++) {
        if (!is_meant(cause, checks[i].cause))
            continue;
        found = true;
        p->unsafe_refuse[i] = true;
        p->state[i] = CHECK_ENFORCE;
    }
    return found;
}

static bool frees_host(const struct greeting_exemption *e, const struct greeting_session *s)
{
    for (size_t i = 0; i < s->n_hosts; i++) {
        if (domain_eq(s->hosts[i], e->host) || domain_is_under(s->hosts[i], e->host))
            return true;
    }
    return false;
}

static bool frees(const struct greeting_exemption *e, span cause, const struct greeting_facts *f,
                  const struct greeting_session *s)
{
    if ((e->check.n > 0 && !is_meant(e->check, cause)) ||
        (e->until_s != 0 && s->now_s >= e->until_s))
        return false;
    switch (e->by) {
    case EXEMPT_CLIENT:
        return ip_prefix_has(e->client, s->client);
    case EXEMPT_HOST:
        return frees_host(e, s);
    case EXEMPT_SPF:
        return is(f, FACT_SPF_HELO, SPF_PASS) && domain_eq(s->name, e->name);
    }
    return false;
}

/* The exemption that frees this cause: 1 and up; 0: none. */
static size_t find_exemption(const struct greeting_policy *p, span cause,
                             const struct greeting_facts *f, const struct greeting_session *s)
{
    for (size_t i = 0; i < p->n_exemptions; i++) {
        if (frees(&p->exemptions[i], cause, f, s))
            return i + 1;
    }
    return 0;
}

/* ---- verdict ---- */

static enum greeting_exempt exempt_of(const struct greeting_session *s)
{
    if (s->authenticated)
        return EXEMPT_AUTHENTICATED;
    if (s->submission)
        return EXEMPT_SUBMISSION;
    return s->trusted ? EXEMPT_TRUSTED : EXEMPT_NOT;
}

/* The facts that are said to be the reason: of the ties only those that DNS withheld, if any. */
static uint32_t because_of(const struct greeting_facts *f, enum greeting_check check)
{
    uint32_t set = checks[check].because;

    if (check == CHECK_FORGED_SERVER) {
        bool by_address = is(f, FACT_OWN_ADDRESS, YES_YES);

        set &= by_address ? BIT(FACT_OWN_ADDRESS) | BIT(FACT_LITERAL_MATCH)
                          : ~(BIT(FACT_OWN_ADDRESS) | BIT(FACT_LITERAL_MATCH));
        if (is(f, FACT_OWN_NAME, YES_YES))
            set &= ~BIT(FACT_RESOLVES_TO_OWN);
        else
            set &= ~BIT(FACT_OWN_NAME);
    }
    if (check == CHECK_PTR_TEMP && !is(f, FACT_RDNS, RDNS_TEMPERROR))
        set &= ~BIT(FACT_RDNS);
    return set;
}

static bool is_forged(enum greeting_check check)
{
    return check == CHECK_FORGED_SERVER || check == CHECK_FORGED_DOMAIN ||
           check == CHECK_FORGED_UNDER;
}

/* A claim that nothing vouches for yet, while DNS has not said all, is "not now". */
static enum greeting_severity severity_of(const struct greeting_facts *f, enum greeting_check check)
{
    bool waits = is_forged(check) && is(f, FACT_VOUCHED, VOUCHED_UNKNOWN) &&
                 !is(f, FACT_OWN_ADDRESS, YES_YES);

    return waits ? SEVERITY_TEMPORARY : checks[check].severity;
}

static bool is_enforced(const struct greeting_policy *p, const struct greeting_finding *finding)
{
    if (finding->state != CHECK_ENFORCE || finding->exemption != 0)
        return false;
    return finding->severity != SEVERITY_PROTECTED || p->unsafe_refuse[finding->check];
}

static bool binds(enum greeting_exempt exempt, enum greeting_check check)
{
    return exempt == EXEMPT_NOT || (exempt == EXEMPT_SUBMISSION && check == CHECK_IMPOSSIBLE);
}

static void find(const struct greeting_facts *f, const struct greeting_policy *p,
                 const struct greeting_session *s, struct greeting_verdict *v)
{
    for (unsigned i = 0; i < GREETING_CHECK_COUNT; i++) {
        enum greeting_check check = (enum greeting_check)i;
        struct greeting_finding *finding = &v->finding[v->n_findings];

        if (p->state[i] == CHECK_OFF || !checks[i].finds(f))
            continue;
        *finding = (struct greeting_finding){
            .check = check,
            .severity = severity_of(f, check),
            .state = (enum greeting_state)p->state[i],
            .exemption = find_exemption(p, checks[i].cause, f, s),
            .because = because_of(f, check),
        };
        finding->enforced = is_enforced(p, finding) && binds(v->exempt, check);
        v->n_findings++;
    }
}

static void decide(struct greeting_verdict *v, const struct greeting_policy *p,
                   const struct greeting_finding *finding)
{
    bool waits = finding->severity == SEVERITY_TEMPORARY;
    bool forged_waits = waits && is_forged(finding->check);

    v->action = waits ? GREETING_DEFER : GREETING_REFUSE;
    v->cause = checks[finding->check].cause;
    v->words = forged_waits ? SPAN("net.dns") : v->cause;
    v->code = forged_waits ? 451 : checks[finding->check].code;
    v->enhanced = forged_waits ? SPAN("4.4.3") : checks[finding->check].enhanced;
    v->stage = finding->severity == SEVERITY_SYNTAX ? STAGE_HELO : p->refuse_at;
}

void greeting_judge(const struct greeting_facts *f, const struct greeting_policy *p,
                    const struct greeting_session *s, struct greeting_verdict *out)
{
    const struct greeting_finding *worst = NULL;

    memset(out, 0, sizeof(*out));
    out->code = 250;
    out->exempt = exempt_of(s);
    find(f, p, s, out);
    /* The gravest comes first in the table; what can wait yields to what cannot. */
    for (size_t i = 0; i < out->n_findings; i++) {
        const struct greeting_finding *finding = &out->finding[i];
        bool outweighs = worst == NULL || (worst->severity == SEVERITY_TEMPORARY &&
                                           finding->severity != SEVERITY_TEMPORARY);

        if (finding->enforced && outweighs)
            worst = finding;
    }
    if (worst != NULL)
        decide(out, p, worst);
}
