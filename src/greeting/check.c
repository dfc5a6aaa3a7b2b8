/* SPDX-License-Identifier: ISC */
#include "greeting/check.h"

/* ---- judges: what a check finds ---- */

/* A command that needs a greeting, and there is none (RFC 5321 4.1.4). */
static bool is_missing(const struct greeting_facts *f)
{
    return greeting_has(f, TRAIT_MISSING);
}

static bool is_impossible(const struct greeting_facts *f)
{
    return greeting_has(f, TRAIT_IMPOSSIBLE);
}

/*
 * An own address claimed. Many machines have 127.0.0.1 and 10.0.0.5: from outside such an address
 * of ours says nothing of us.
 */
static bool claims_address(const struct greeting_facts *f)
{
    if (greeting_has(f, TRAIT_OWN_BY_CLIENT) || greeting_has(f, TRAIT_OPERATOR_VOUCHED) ||
        greeting_is(f, FACT_LITERAL_SCOPE, SCOPE_LOOPBACK) ||
        greeting_is(f, FACT_LITERAL_SCOPE, SCOPE_UNSPECIFIED))
        return false;
    return greeting_is(f, FACT_LITERAL_SCOPE, SCOPE_PUBLIC) || greeting_has(f, TRAIT_INSIDE);
}

/* Its name or domain is ours, and nothing vouches for it. Every machine is localhost: that says
 * nothing of us, whatever our tables hold. */
static bool is_claim(const struct greeting_facts *f)
{
    return !greeting_is(f, FACT_VOUCHED, VOUCHED_YES) && !greeting_has(f, TRAIT_LOCALHOST);
}

/*
 * A claim to be this server: its name, one of its addresses, or a name under a hosted domain
 * that leads to it. An address that is the client's own is no claim but the truth.
 */
static bool claims_server(const struct greeting_facts *f)
{
    if (greeting_is(f, FACT_OWN_ADDRESS, YES_YES))
        return claims_address(f);
    if (greeting_is(f, FACT_OWN_NAME, YES_NO) && !(greeting_is(f, FACT_LOCAL_DOMAIN, LOCAL_UNDER) &&
                                                   greeting_is(f, FACT_RESOLVES_TO_OWN, OWN_ADDR)))
        return false;
    return is_claim(f);
}

static bool claims_domain(const struct greeting_facts *f)
{
    return greeting_is(f, FACT_LOCAL_DOMAIN, LOCAL_EXACT) && is_claim(f) && !claims_server(f);
}

/* Below a hosted domain stand many machines that DNS need not know: a claim, but a weak one. */
static bool claims_under(const struct greeting_facts *f)
{
    return greeting_is(f, FACT_LOCAL_DOMAIN, LOCAL_UNDER) && is_claim(f) && !claims_server(f);
}

static bool is_bare_ipv6(const struct greeting_facts *f)
{
    return greeting_is(f, FACT_FORM, FORM_BARE_IPV6);
}

static bool has_bad_syntax(const struct greeting_facts *f)
{
    return greeting_is(f, FACT_SYNTAX, SYNTAX_INVALID) && !is_missing(f) && !is_impossible(f) &&
           !is_bare_ipv6(f) && !greeting_has(f, TRAIT_UNDERSCORE) &&
           !greeting_has(f, TRAIT_TRAILING_DOT);
}

static bool is_localhost(const struct greeting_facts *f)
{
    return greeting_has(f, TRAIT_LOCALHOST) && !greeting_has(f, TRAIT_CLIENT_LOOPBACK);
}

static bool is_not_fqdn(const struct greeting_facts *f)
{
    return (greeting_is(f, FACT_FORM, FORM_SINGLE_LABEL) ||
            greeting_is(f, FACT_FORM, FORM_NUMERIC_NAME)) &&
           !greeting_has(f, TRAIT_LOCALHOST);
}

static bool is_bare_ipv4(const struct greeting_facts *f)
{
    return greeting_is(f, FACT_FORM, FORM_BARE_IPV4);
}

/* A loopback literal from any other machine, or a private one from the Internet. */
static bool is_private_literal(const struct greeting_facts *f)
{
    if (!greeting_is(f, FACT_LITERAL_MATCH, PASS_FAIL) ||
        greeting_is(f, FACT_LITERAL_SCOPE, SCOPE_PUBLIC))
        return false;
    if (greeting_is(f, FACT_LITERAL_SCOPE, SCOPE_LOOPBACK) ||
        greeting_is(f, FACT_LITERAL_SCOPE, SCOPE_UNSPECIFIED))
        return !greeting_has(f, TRAIT_CLIENT_LOOPBACK);
    return !greeting_has(f, TRAIT_INSIDE);
}

static bool is_reserved(const struct greeting_facts *f)
{
    return greeting_has(f, TRAIT_RESERVED_TLD);
}

static bool is_listed(const struct greeting_facts *f)
{
    return greeting_is(f, FACT_LISTED, YES_YES);
}

static bool is_unresolvable(const struct greeting_facts *f)
{
    return greeting_is(f, FACT_FORM, FORM_FQDN) && !greeting_has(f, TRAIT_RESERVED_TLD) &&
           (greeting_is(f, FACT_RESOLVES, RESOLVES_NXDOMAIN) ||
            greeting_is(f, FACT_RESOLVES, RESOLVES_NODATA));
}

static bool fails_spf(const struct greeting_facts *f)
{
    return greeting_is(f, FACT_SPF_HELO, SPF_FAIL);
}

static bool has_underscore(const struct greeting_facts *f)
{
    return greeting_has(f, TRAIT_UNDERSCORE);
}

static bool has_trailing_dot(const struct greeting_facts *f)
{
    return greeting_has(f, TRAIT_TRAILING_DOT);
}

static bool has_noted_syntax(const struct greeting_facts *f)
{
    return greeting_is(f, FACT_SYNTAX, SYNTAX_TOLERATE) ||
           greeting_is(f, FACT_SYNTAX, SYNTAX_NOT_FOR_HELO);
}

static bool has_other_literal(const struct greeting_facts *f)
{
    return greeting_is(f, FACT_LITERAL_MATCH, PASS_FAIL) && !is_private_literal(f);
}

static bool has_other_address(const struct greeting_facts *f)
{
    return greeting_is(f, FACT_RESOLVES, RESOLVES_ADDR) &&
           greeting_is(f, FACT_ADDRESS_MATCH, PASS_FAIL);
}

static bool has_other_ptr(const struct greeting_facts *f)
{
    return greeting_is(f, FACT_MATCHES_RDNS, MATCH_NO) && greeting_is(f, FACT_RDNS, RDNS_PRESENT);
}

static bool has_no_ptr(const struct greeting_facts *f)
{
    return greeting_is(f, FACT_RDNS, RDNS_ABSENT);
}

static bool is_unconfirmed(const struct greeting_facts *f)
{
    return greeting_is(f, FACT_RDNS, RDNS_PRESENT) && greeting_is(f, FACT_IPREV, IPREV_FAIL);
}

static bool has_no_ptr_now(const struct greeting_facts *f)
{
    return greeting_is(f, FACT_IPREV, IPREV_TEMPERROR);
}

static bool is_unresolvable_now(const struct greeting_facts *f)
{
    return greeting_is(f, FACT_RESOLVES, RESOLVES_TEMPERROR);
}

static bool has_no_spf_now(const struct greeting_facts *f)
{
    return greeting_is(f, FACT_SPF_HELO, SPF_TEMPERROR);
}

static bool is_generic(const struct greeting_facts *f)
{
    return greeting_is(f, FACT_GENERIC, YES_YES);
}

static bool has_changed(const struct greeting_facts *f)
{
    return greeting_is(f, FACT_CHANGED, YES_YES);
}

/* More names in an hour than the machines behind one address have. */
static bool has_many_names(const struct greeting_facts *f)
{
    return f->history.names_hour > CHECK_NAMES_HOUR_MAX;
}

/* One name from everywhere, and nothing in DNS ties it to this client. */
static bool is_used_everywhere(const struct greeting_facts *f)
{
    return f->history.networks > CHECK_NETWORKS_MAX &&
           !greeting_is(f, FACT_ADDRESS_MATCH, PASS_PASS) &&
           !greeting_is(f, FACT_MATCHES_RDNS, MATCH_YES) && !greeting_is(f, FACT_FORM, FORM_EMPTY);
}

static bool is_early(const struct greeting_facts *f)
{
    return greeting_is(f, FACT_EARLY, YES_YES);
}

/* ---- the table ---- */

#define BIT(fact) (1u << (fact))

/* What the ties to the client are read from. */
#define TIES                                                                                       \
    (BIT(FACT_VOUCHED) | BIT(FACT_ADDRESS_MATCH) | BIT(FACT_MATCHES_RDNS) | BIT(FACT_SPF_HELO))

/* clang-format off */
const struct greeting_check_row greeting_checks[GREETING_CHECK_COUNT] = {
#define NEVER   {CHECK_OBSERVE, CHECK_OBSERVE, CHECK_OBSERVE}
#define STRICT  {CHECK_OBSERVE, CHECK_OBSERVE, CHECK_ENFORCE}
#define USUAL   {CHECK_OBSERVE, CHECK_ENFORCE, CHECK_ENFORCE}
#define ALWAYS  {CHECK_ENFORCE, CHECK_ENFORCE, CHECK_ENFORCE}
#define E501    501, SPAN_INIT("5.5.4")
#define E550    550, SPAN_INIT("5.7.1")
#define EPTR    550, SPAN_INIT("5.7.25")
#define ESPF    550, SPAN_INIT("5.7.23")
#define E503    503, SPAN_INIT("5.5.1")
#define TDNS    451, SPAN_INIT("4.4.3")
#define TSPF    451, SPAN_INIT("4.7.24")
    [CHECK_SEQUENCE] = {SPAN_INIT("helo.sequence"), is_missing,
        SEVERITY_SYNTAX, E503, ALWAYS,
        BIT(FACT_FORM)},
    [CHECK_IMPOSSIBLE] = {SPAN_INIT("helo.syntax"), is_impossible,
        SEVERITY_SYNTAX, E501, ALWAYS,
        BIT(FACT_SYNTAX) | BIT(FACT_FORM)},
    [CHECK_FORGED_SERVER] = {SPAN_INIT("helo.forged_local.server"), claims_server,
        SEVERITY_POLICY, E550, USUAL,
        BIT(FACT_OWN_NAME) | BIT(FACT_OWN_ADDRESS) | BIT(FACT_RESOLVES_TO_OWN) | TIES |
        BIT(FACT_LITERAL_MATCH)},
    [CHECK_FORGED_DOMAIN] = {SPAN_INIT("helo.forged_local.domain"), claims_domain,
        SEVERITY_POLICY, E550, USUAL,
        BIT(FACT_LOCAL_DOMAIN) | TIES},
    [CHECK_FORGED_UNDER] = {SPAN_INIT("helo.forged_local.domain"), claims_under,
        SEVERITY_POLICY, E550, STRICT,
        BIT(FACT_LOCAL_DOMAIN) | TIES},
    [CHECK_BARE_IPV6] = {SPAN_INIT("helo.bare_ip"), is_bare_ipv6,
        SEVERITY_SYNTAX, E501, USUAL,
        BIT(FACT_SYNTAX) | BIT(FACT_FORM)},
    [CHECK_SYNTAX] = {SPAN_INIT("helo.syntax"), has_bad_syntax,
        SEVERITY_SYNTAX, E501, USUAL,
        BIT(FACT_SYNTAX) | BIT(FACT_FORM)},
    [CHECK_LOCALHOST] = {SPAN_INIT("helo.localhost"), is_localhost,
        SEVERITY_POLICY, E550, STRICT,
        BIT(FACT_RESOLVES)},
    [CHECK_NOT_FQDN] = {SPAN_INIT("helo.not_fqdn"), is_not_fqdn,
        SEVERITY_POLICY, E550, STRICT,
        BIT(FACT_FQDN) | BIT(FACT_FORM)},
    [CHECK_BARE_IPV4] = {SPAN_INIT("helo.bare_ip"), is_bare_ipv4,
        SEVERITY_POLICY, E550, STRICT,
        BIT(FACT_FQDN) | BIT(FACT_FORM)},
    [CHECK_LITERAL_PRIVATE] = {SPAN_INIT("helo.literal.private"), is_private_literal,
        SEVERITY_POLICY, E550, STRICT,
        BIT(FACT_LITERAL_SCOPE) | BIT(FACT_LITERAL_MATCH)},
    [CHECK_LISTED] = {SPAN_INIT("helo.listed"), is_listed,
        SEVERITY_POLICY, E550, STRICT,
        BIT(FACT_LISTED)},
    [CHECK_RESERVED_TLD] = {SPAN_INIT("helo.invalid_tld"), is_reserved,
        SEVERITY_POLICY, E550, STRICT,
        BIT(FACT_RESOLVES)},
    [CHECK_UNRESOLVABLE] = {SPAN_INIT("helo.unresolvable"), is_unresolvable,
        SEVERITY_POLICY, E550, STRICT,
        BIT(FACT_RESOLVES)},
    [CHECK_SPF_FAIL] = {SPAN_INIT("helo.spf_fail"), fails_spf,
        SEVERITY_POLICY, ESPF, STRICT,
        BIT(FACT_SPF_HELO)},
    [CHECK_UNDERSCORE] = {SPAN_INIT("helo.syntax"), has_underscore,
        SEVERITY_SYNTAX, E501, STRICT,
        BIT(FACT_SYNTAX)},
    [CHECK_TRAILING_DOT] = {SPAN_INIT("helo.syntax"), has_trailing_dot,
        SEVERITY_SYNTAX, E501, STRICT,
        BIT(FACT_SYNTAX)},
    [CHECK_NOTED_SYNTAX] = {SPAN_INIT("helo.syntax"), has_noted_syntax,
        SEVERITY_SYNTAX, E501, NEVER,
        BIT(FACT_SYNTAX)},
    [CHECK_LITERAL_MISMATCH] = {SPAN_INIT("helo.literal.mismatch"), has_other_literal,
        SEVERITY_PROTECTED, E550, NEVER,
        BIT(FACT_LITERAL_MATCH)},
    [CHECK_IP_MISMATCH] = {SPAN_INIT("helo.ip_mismatch"), has_other_address,
        SEVERITY_PROTECTED, E550, NEVER,
        BIT(FACT_ADDRESS_MATCH)},
    [CHECK_PTR_MISMATCH] = {SPAN_INIT("helo.ptr_mismatch"), has_other_ptr,
        SEVERITY_PROTECTED, E550, NEVER,
        BIT(FACT_MATCHES_RDNS)},
    [CHECK_PTR_NONE] = {SPAN_INIT("ptr.none"), has_no_ptr,
        SEVERITY_POLICY, EPTR, NEVER,
        BIT(FACT_RDNS)},
    [CHECK_PTR_UNCONFIRMED] = {SPAN_INIT("ptr.unconfirmed"), is_unconfirmed,
        SEVERITY_POLICY, EPTR, NEVER,
        BIT(FACT_IPREV)},
    [CHECK_PTR_TEMP] = {SPAN_INIT("ptr.temp"), has_no_ptr_now,
        SEVERITY_TEMPORARY, TDNS, NEVER,
        BIT(FACT_RDNS) | BIT(FACT_IPREV)},
    [CHECK_UNRESOLVABLE_NOW] = {SPAN_INIT("helo.unresolvable"), is_unresolvable_now,
        SEVERITY_TEMPORARY, TDNS, NEVER,
        BIT(FACT_RESOLVES)},
    [CHECK_SPF_NOT_NOW] = {SPAN_INIT("helo.spf_fail"), has_no_spf_now,
        SEVERITY_TEMPORARY, TSPF, NEVER,
        BIT(FACT_SPF_HELO)},
    [CHECK_GENERIC] = {SPAN_INIT("helo.generic"), is_generic,
        SEVERITY_POLICY, E550, NEVER,
        BIT(FACT_GENERIC)},
    [CHECK_CHANGES] = {SPAN_INIT("helo.changes"), has_changed,
        SEVERITY_POLICY, E550, NEVER,
        BIT(FACT_CHANGED)},
    /* From the past: observed unless an operator asks for more. */
    [CHECK_MANY_NAMES] = {SPAN_INIT("helo.changes"), has_many_names,
        SEVERITY_POLICY, E550, NEVER,
        BIT(HISTORY_NAMES_HOUR)},
    [CHECK_MANY_NETWORKS] = {SPAN_INIT("helo.forged_other"), is_used_everywhere,
        SEVERITY_POLICY, E550, NEVER,
        BIT(HISTORY_NETWORKS)},
    [CHECK_EARLY] = {SPAN_INIT("helo.early"), is_early,
        SEVERITY_POLICY, E503, NEVER,
        BIT(FACT_EARLY)},
};
/* clang-format on */
