/* SPDX-License-Identifier: ISC */
#include "../guard.h"

#include "greeting/judge.h"

/* A greeting with which nothing is wrong. */
static struct greeting_facts fine(void)
{
    struct greeting_facts f = {0};

    f.value[FACT_FQDN] = PASS_PASS;
    f.value[FACT_RESOLVES] = RESOLVES_ADDR;
    f.value[FACT_ADDRESS_MATCH] = PASS_PASS;
    f.value[FACT_RDNS] = RDNS_PRESENT;
    f.value[FACT_IPREV] = IPREV_PASS;
    f.value[FACT_MATCHES_RDNS] = MATCH_YES;
    f.value[FACT_RESOLVES_TO_OWN] = OWN_NO;
    return f;
}

static struct greeting_facts forged(enum greeting_vouched vouched)
{
    struct greeting_facts f = fine();

    f.value[FACT_OWN_NAME] = YES_YES;
    f.value[FACT_ADDRESS_MATCH] = vouched == VOUCHED_UNKNOWN ? PASS_TEMPERROR : PASS_FAIL;
    f.value[FACT_MATCHES_RDNS] = MATCH_NO;
    f.value[FACT_VOUCHED] = (uint8_t)vouched;
    return f;
}

static struct greeting_verdict judge(const struct greeting_facts *f, enum greeting_preset preset)
{
    struct greeting_policy p;
    struct greeting_session s = {0};
    struct greeting_verdict v;

    greeting_policy_init(&p, preset);
    greeting_judge(f, &p, &s, &v);
    return v;
}

static bool finds(const struct greeting_verdict *v, enum greeting_check check)
{
    bool found = false;

    for (size_t i = 0; i < v->n_findings; i++)
        found = found || v->finding[i].check == check;
    return found;
}

static void test_nothing_wrong(void **state)
{
    struct greeting_facts f = fine();

    (void)state;
    for (unsigned i = 0; i < GREETING_PRESET_COUNT; i++) {
        struct greeting_verdict v = judge(&f, (enum greeting_preset)i);

        assert_int_equal(v.action, GREETING_ACCEPT);
        assert_int_equal(v.code, 250);
        assert_int_equal(v.n_findings, 0);
        assert_int_equal(v.cause.n + v.enhanced.n, 0);
    }
}

/* Reply codes: spec 4. Each by the one fact that makes it. */
static void test_codes(void **state)
{
    static const struct {
        enum greeting_fact fact;
        uint8_t value;
        unsigned traits;
        const char *cause;
        unsigned code;
        const char *enhanced;
        enum greeting_stage stage;
    } cases[] = {
        {FACT_SYNTAX, SYNTAX_INVALID, 0, "helo.syntax", 501, "5.5.4", STAGE_HELO},
        {FACT_SYNTAX, SYNTAX_INVALID, TRAIT_IMPOSSIBLE, "helo.syntax", 501, "5.5.4", STAGE_HELO},
        {FACT_SYNTAX, SYNTAX_INVALID, TRAIT_UNDERSCORE, "helo.syntax", 501, "5.5.4", STAGE_HELO},
        {FACT_FORM, FORM_SINGLE_LABEL, 0, "helo.not_fqdn", 550, "5.7.1", STAGE_RCPT},
        {FACT_FORM, FORM_BARE_IPV4, 0, "helo.bare_ip", 550, "5.7.1", STAGE_RCPT},
        {FACT_RESOLVES, RESOLVES_SPECIAL, TRAIT_LOCALHOST, "helo.localhost", 550, "5.7.1",
         STAGE_RCPT},
        {FACT_RESOLVES, RESOLVES_SPECIAL, TRAIT_RESERVED_TLD, "helo.invalid_tld", 550, "5.7.1",
         STAGE_RCPT},
        {FACT_RESOLVES, RESOLVES_NXDOMAIN, 0, "helo.unresolvable", 550, "5.7.1", STAGE_RCPT},
        {FACT_SPF_HELO, SPF_FAIL, 0, "helo.spf_fail", 550, "5.7.23", STAGE_RCPT},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct greeting_facts f = fine();
        struct greeting_verdict v;

        f.value[cases[i].fact] = cases[i].value;
        f.traits = (uint16_t)cases[i].traits;
        v = judge(&f, PRESET_STRICT);
        assert_int_equal(v.action, GREETING_REFUSE);
        assert_span_equal(v.cause, span_cstr(cases[i].cause));
        assert_int_equal(v.code, cases[i].code);
        assert_span_equal(v.enhanced, span_cstr(cases[i].enhanced));
        assert_int_equal(v.stage, cases[i].stage);
    }
}

static void test_claims_to_be_us(void **state)
{
    struct greeting_facts f = forged(VOUCHED_NO);
    struct greeting_verdict v = judge(&f, PRESET_STANDARD);

    (void)state;
    assert_int_equal(v.action, GREETING_REFUSE);
    assert_int_equal(v.code, 550);
    assert_span_equal(v.cause, SPAN("helo.forged_local.server"));
    assert_int_equal(judge(&f, PRESET_OBSERVE).action, GREETING_ACCEPT);

    f = forged(VOUCHED_YES);
    assert_int_equal(judge(&f, PRESET_STRICT).action, GREETING_ACCEPT);

    /* DNS did not say: neither a refusal for good nor a pass. */
    f = forged(VOUCHED_UNKNOWN);
    v = judge(&f, PRESET_STRICT);
    assert_int_equal(v.action, GREETING_DEFER);
    assert_int_equal(v.code, 451);
    assert_span_equal(v.enhanced, SPAN("4.4.3"));
    assert_int_equal(v.finding[0].severity, SEVERITY_TEMPORARY);
}

/* An own address claimed: whose it is, and from where, decides whether that says anything. */
static void test_claims_to_be_one_of_our_addresses(void **state)
{
    static const struct {
        const char *name;
        enum greeting_scope scope;
        unsigned traits;
        bool forged;
    } cases[] = {
        {"a public one from outside", SCOPE_PUBLIC, 0, true},
        {"a public one from inside", SCOPE_PUBLIC, TRAIT_INSIDE, true},
        {"where it connects from", SCOPE_PUBLIC, TRAIT_OWN_BY_CLIENT, false},
        {"the operator answers for it", SCOPE_PUBLIC, TRAIT_OPERATOR_VOUCHED, false},
        {"a private one from outside", SCOPE_PRIVATE, 0, false},
        {"a private one from inside", SCOPE_PRIVATE, TRAIT_INSIDE, true},
        {"a unique local one from inside", SCOPE_UNIQUE_LOCAL, TRAIT_INSIDE, true},
        {"loopback from inside", SCOPE_LOOPBACK, TRAIT_INSIDE, false},
        {"loopback from outside", SCOPE_LOOPBACK, 0, false},
        {"the unspecified one from inside", SCOPE_UNSPECIFIED, TRAIT_INSIDE, false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct greeting_facts f = fine();
        struct greeting_verdict v;

        f.value[FACT_FORM] = FORM_IPV4_LITERAL;
        f.value[FACT_OWN_ADDRESS] = YES_YES;
        f.value[FACT_LITERAL_SCOPE] = (uint8_t)cases[i].scope;
        f.traits = (uint16_t)cases[i].traits;
        v = judge(&f, PRESET_STANDARD);
        if (finds(&v, CHECK_FORGED_SERVER) != cases[i].forged ||
            (v.action == GREETING_REFUSE) != cases[i].forged)
            fail_msg("%s", cases[i].name);
    }
}

/* DNS has no say in whose address a literal is: what it withholds makes no difference. */
static void test_own_address_does_not_wait_for_dns(void **state)
{
    struct greeting_facts f = fine();

    (void)state;
    f.value[FACT_OWN_ADDRESS] = YES_YES;
    f.value[FACT_LITERAL_SCOPE] = SCOPE_PUBLIC;
    f.value[FACT_VOUCHED] = VOUCHED_UNKNOWN;
    assert_int_equal(judge(&f, PRESET_STANDARD).action, GREETING_REFUSE);
}

/* A name below a hosted domain is this server only where it leads to one of our addresses. */
static void test_names_below_a_hosted_domain(void **state)
{
    static const struct {
        enum greeting_own own;
        enum greeting_check want;
    } cases[] = {{OWN_ADDR, CHECK_FORGED_SERVER},
                 {OWN_MX, CHECK_FORGED_UNDER},
                 {OWN_NO, CHECK_FORGED_UNDER}};

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct greeting_facts f = forged(VOUCHED_NO);
        struct greeting_verdict v;

        f.value[FACT_OWN_NAME] = YES_NO;
        f.value[FACT_LOCAL_DOMAIN] = LOCAL_UNDER;
        f.value[FACT_RESOLVES_TO_OWN] = (uint8_t)cases[i].own;
        v = judge(&f, PRESET_STANDARD);
        assert_int_equal(v.finding[0].check, cases[i].want);
        assert_int_equal(v.action, i == 0 ? GREETING_REFUSE : GREETING_ACCEPT);
    }
}

/* Tables of mail systems hold "localhost" too, and so says every machine: no claim to be us. */
static void test_localhost_claims_nothing(void **state)
{
    static const enum greeting_fact own[] = {FACT_OWN_NAME, FACT_LOCAL_DOMAIN};

    (void)state;
    for (size_t i = 0; i < COUNT(own); i++) {
        for (unsigned value = 1; value <= (own[i] == FACT_LOCAL_DOMAIN ? 2u : 1u); value++) {
            struct greeting_facts f = fine();

            f.value[FACT_RESOLVES] = RESOLVES_SPECIAL;
            f.value[own[i]] = (uint8_t)value;
            f.value[FACT_VOUCHED] = VOUCHED_NO;
            f.traits = TRAIT_LOCALHOST;
            assert_int_equal(judge(&f, PRESET_STANDARD).action, GREETING_ACCEPT);
            assert_span_equal(judge(&f, PRESET_STRICT).cause, SPAN("helo.localhost"));
        }
    }
}

/* What a machine may say of itself, and to whom: each check by the one fact that it turns on. */
static void test_what_is_said_inside(void **state)
{
    static const struct {
        const char *name;
        enum greeting_scope scope; /* of a literal that is not the client's address */
        unsigned traits;
        enum greeting_check check;
        bool found;
    } cases[] = {
        {"localhost", SCOPE_NA, TRAIT_LOCALHOST, CHECK_LOCALHOST, true},
        {"localhost from here", SCOPE_NA, TRAIT_LOCALHOST | TRAIT_CLIENT_LOOPBACK | TRAIT_INSIDE,
         CHECK_LOCALHOST, false},
        {"loopback from outside", SCOPE_LOOPBACK, 0, CHECK_LITERAL_PRIVATE, true},
        {"loopback from inside", SCOPE_LOOPBACK, TRAIT_INSIDE, CHECK_LITERAL_PRIVATE, true},
        {"loopback from here", SCOPE_LOOPBACK, TRAIT_CLIENT_LOOPBACK | TRAIT_INSIDE,
         CHECK_LITERAL_PRIVATE, false},
        {"unspecified from inside", SCOPE_UNSPECIFIED, TRAIT_INSIDE, CHECK_LITERAL_PRIVATE, true},
        {"private from outside", SCOPE_PRIVATE, 0, CHECK_LITERAL_PRIVATE, true},
        {"private from inside", SCOPE_PRIVATE, TRAIT_INSIDE, CHECK_LITERAL_PRIVATE, false},
        {"public", SCOPE_PUBLIC, 0, CHECK_LITERAL_PRIVATE, false},
        {"public is another one", SCOPE_PUBLIC, 0, CHECK_LITERAL_MISMATCH, true},
        {"private is worse than another one", SCOPE_PRIVATE, 0, CHECK_LITERAL_MISMATCH, false},
        {"private inside is another one", SCOPE_PRIVATE, TRAIT_INSIDE, CHECK_LITERAL_MISMATCH,
         true},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct greeting_facts f = fine();
        struct greeting_verdict v;

        f.value[FACT_LITERAL_SCOPE] = (uint8_t)cases[i].scope;
        f.value[FACT_LITERAL_MATCH] = cases[i].scope == SCOPE_NA ? PASS_NA : PASS_FAIL;
        f.traits = (uint16_t)cases[i].traits;
        v = judge(&f, PRESET_STRICT);
        if (finds(&v, cases[i].check) != cases[i].found)
            fail_msg("%s", cases[i].name);
    }
}

/* A name that no public DNS has is said to be that, not to be missing from DNS too. */
static void test_a_reserved_name_is_one_finding(void **state)
{
    struct greeting_facts f = fine();
    struct greeting_verdict v;

    (void)state;
    f.value[FACT_RESOLVES] = RESOLVES_NXDOMAIN;
    f.traits = TRAIT_RESERVED_TLD;
    v = judge(&f, PRESET_STRICT);
    assert_true(finds(&v, CHECK_RESERVED_TLD));
    assert_false(finds(&v, CHECK_UNRESOLVABLE));
}

/* Whatever the facts are: no preset refuses for what RFC 5321 4.1.4 protects or for "not now". */
static void test_no_preset_refuses_what_is_protected(void **state)
{
    static const enum greeting_fact moved[] = {
        FACT_ADDRESS_MATCH, FACT_LITERAL_MATCH, FACT_MATCHES_RDNS, FACT_RDNS,
        FACT_IPREV,         FACT_GENERIC,       FACT_CHANGED,      FACT_EARLY};
    static const uint8_t values[] = {4, 4, 5, 3, 4, 2, 2, 2};
    unsigned total = 1;

    (void)state;
    for (size_t i = 0; i < COUNT(moved); i++)
        total *= values[i];
    for (unsigned n = 0; n < total; n++) {
        struct greeting_facts f = fine();
        unsigned rest = n;

        for (size_t i = 0; i < COUNT(moved); i++) {
            f.value[moved[i]] = (uint8_t)(rest % values[i]);
            rest /= values[i];
        }
        f.value[FACT_LITERAL_SCOPE] = SCOPE_PUBLIC;
        for (unsigned p = 0; p < GREETING_PRESET_COUNT; p++) {
            if (judge(&f, (enum greeting_preset)p).action != GREETING_ACCEPT)
                fail_msg("combination %u under preset %u", n, p);
        }
    }
}

/* What was seen before is noted, and refused only where an operator wants it so. */
static void test_the_past(void **state)
{
    static const struct {
        struct greeting_history history;
        enum greeting_pass match;
        const char *cause; /* NULL: nothing is found */
    } cases[] = {
        {{.names_hour = 10, .names_day = 16, .networks = 10}, PASS_FAIL, NULL},
        {{.names_hour = 11}, PASS_PASS, "helo.changes"},
        {{.networks = 11}, PASS_FAIL, "helo.forged_other"},
        {{.networks = 11}, PASS_PASS, NULL},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct greeting_facts f = fine();
        struct greeting_verdict v;
        span found = SPAN_NONE;

        f.history = cases[i].history;
        f.value[FACT_ADDRESS_MATCH] = (uint8_t)cases[i].match;
        f.value[FACT_MATCHES_RDNS] = cases[i].match == PASS_PASS ? MATCH_YES : MATCH_NO;
        v = judge(&f, PRESET_STRICT);
        assert_int_equal(v.action, GREETING_ACCEPT);
        for (size_t j = 0; j < v.n_findings; j++)
            if (v.finding[j].check == CHECK_MANY_NAMES || v.finding[j].check == CHECK_MANY_NETWORKS)
                found = greeting_check_cause(v.finding[j].check);
        assert_span_equal(found, span_cstr(cases[i].cause));
    }
}

static void test_unsafe_refuse(void **state)
{
    struct greeting_facts f = fine();
    struct greeting_policy p;
    struct greeting_session s = {0};
    struct greeting_verdict v;

    (void)state;
    f.value[FACT_ADDRESS_MATCH] = PASS_FAIL;
    greeting_policy_init(&p, PRESET_STRICT);
    assert_true(greeting_policy_set(&p, SPAN("helo.ip_mismatch"), CHECK_ENFORCE));
    greeting_judge(&f, &p, &s, &v);
    assert_int_equal(v.action, GREETING_ACCEPT);
    assert_true(greeting_policy_set_unsafe(&p, SPAN("helo.ip_mismatch")));
    greeting_judge(&f, &p, &s, &v);
    assert_int_equal(v.action, GREETING_REFUSE);
    assert_span_equal(v.cause, SPAN("helo.ip_mismatch"));
}

static void test_policy_by_cause(void **state)
{
    struct greeting_facts f = forged(VOUCHED_NO);
    struct greeting_policy p;
    struct greeting_session s = {0};
    struct greeting_verdict v;

    (void)state;
    greeting_policy_init(&p, PRESET_STANDARD);
    assert_true(greeting_policy_set(&p, SPAN("helo.forged_local"), CHECK_OBSERVE));
    greeting_judge(&f, &p, &s, &v);
    assert_int_equal(v.action, GREETING_ACCEPT);
    assert_true(finds(&v, CHECK_FORGED_SERVER));
    assert_true(greeting_policy_set(&p, SPAN("helo.forged_local.server"), CHECK_OFF));
    greeting_judge(&f, &p, &s, &v);
    assert_false(finds(&v, CHECK_FORGED_SERVER));
    assert_false(greeting_policy_set(&p, SPAN("helo.forged"), CHECK_OFF));
    assert_false(greeting_policy_set(&p, SPAN(""), CHECK_OFF));
    assert_false(greeting_policy_set(&p, SPAN("no.such"), CHECK_OFF));
}

static void test_exempt_before_anything(void **state)
{
    struct greeting_facts f = forged(VOUCHED_NO);
    struct greeting_facts impossible = fine();
    struct greeting_session sessions[] = {
        {.authenticated = true, .submission = true}, {.submission = true}, {.trusted = true}};
    static const enum greeting_exempt want[] = {EXEMPT_AUTHENTICATED, EXEMPT_SUBMISSION,
                                                EXEMPT_TRUSTED};
    struct greeting_policy p;
    struct greeting_verdict v;

    (void)state;
    impossible.value[FACT_SYNTAX] = SYNTAX_INVALID;
    impossible.traits = TRAIT_IMPOSSIBLE;
    greeting_policy_init(&p, PRESET_STRICT);
    for (size_t i = 0; i < COUNT(sessions); i++) {
        greeting_judge(&f, &p, &sessions[i], &v);
        assert_int_equal(v.action, GREETING_ACCEPT);
        assert_int_equal(v.exempt, want[i]);
        assert_true(finds(&v, CHECK_FORGED_SERVER));
        greeting_judge(&impossible, &p, &sessions[i], &v);
        assert_int_equal(v.action,
                         want[i] == EXEMPT_SUBMISSION ? GREETING_REFUSE : GREETING_ACCEPT);
    }
}

static void test_exemptions(void **state)
{
    static const span hosts[] = {SPAN_INIT("web1.farm.example")};
    struct greeting_facts f = forged(VOUCHED_NO);
    struct greeting_exemption e[3] = {
        {.by = EXEMPT_HOST, .host = SPAN("farm.example"), .check = SPAN("helo.forged_local")},
        {.by = EXEMPT_SPF, .name = SPAN("mx1.example.net")},
        {.by = EXEMPT_CLIENT, .check = SPAN("helo.forged_local.server"), .until_s = 100},
    };
    struct greeting_session s = {.name = SPAN("mx1.example.net"), .now_s = 50};
    struct greeting_policy p;
    struct greeting_verdict v;

    (void)state;
    assert_true(ip_prefix_parse(SPAN("203.0.113.0/24"), &e[2].client));
    greeting_policy_init(&p, PRESET_STANDARD);
    p.exemptions = e;
    p.n_exemptions = COUNT(e);
    greeting_judge(&f, &p, &s, &v);
    assert_int_equal(v.action, GREETING_REFUSE);

    s.hosts = hosts;
    s.n_hosts = 1;
    greeting_judge(&f, &p, &s, &v);
    assert_int_equal(v.action, GREETING_ACCEPT);
    assert_int_equal(v.finding[0].exemption, 1);

    s.n_hosts = 0;
    f.value[FACT_SPF_HELO] = SPF_PASS;
    greeting_judge(&f, &p, &s, &v);
    assert_int_equal(v.finding[0].exemption, 2);
    /* SPF of another name frees nobody. */
    s.name = SPAN("mx2.example.net");
    greeting_judge(&f, &p, &s, &v);
    assert_int_equal(v.action, GREETING_REFUSE);
    s.name = SPAN("mx1.example.net");
    f.value[FACT_SPF_HELO] = SPF_NONE;

    assert_true(ip_addr_parse(SPAN("203.0.113.9"), &s.client));
    greeting_judge(&f, &p, &s, &v);
    assert_int_equal(v.finding[0].exemption, 3);
    s.now_s = 100;
    greeting_judge(&f, &p, &s, &v);
    assert_int_equal(v.action, GREETING_REFUSE);
}

/* "Not now" is no reason to refuse for good whom an answer of DNS would have freed. */
static void test_exemptions_that_dns_withholds(void **state)
{
    static const struct {
        unsigned by;
        enum greeting_fact fact;
        uint8_t unknown;
    } cases[] = {
        {EXEMPT_HOST, FACT_IPREV, IPREV_TEMPERROR},
        {EXEMPT_SPF, FACT_SPF_HELO, SPF_TEMPERROR},
    };
    struct greeting_session s = {.name = SPAN("mx1.example.net"), .now_s = 50};

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct greeting_exemption e = {.by = cases[i].by,
                                       .host = SPAN("farm.example"),
                                       .name = SPAN("mx1.example.net"),
                                       .check = SPAN("helo.forged_local")};
        struct greeting_policy p;
        struct greeting_facts f = forged(VOUCHED_NO);
        struct greeting_verdict v;

        greeting_policy_init(&p, PRESET_STANDARD);
        p.exemptions = &e;
        p.n_exemptions = 1;
        f.value[cases[i].fact] = cases[i].unknown;
        greeting_judge(&f, &p, &s, &v);
        assert_int_equal(v.action, GREETING_DEFER);
        assert_int_equal(v.code, 451);
        assert_span_equal(v.enhanced, SPAN("4.4.3"));
        assert_span_equal(v.words, SPAN("net.dns"));

        /* Another cause, one that has ended, and a protected finding are none of its business. */
        e.check = SPAN("helo.syntax");
        greeting_judge(&f, &p, &s, &v);
        assert_int_equal(v.action, GREETING_REFUSE);
        e.check = SPAN("helo.forged_local");
        e.until_s = 50;
        greeting_judge(&f, &p, &s, &v);
        assert_int_equal(v.action, GREETING_REFUSE);
        e = (struct greeting_exemption){.by = cases[i].by, .name = s.name};
        f = fine();
        f.value[FACT_ADDRESS_MATCH] = PASS_FAIL;
        f.value[cases[i].fact] = cases[i].unknown;
        assert_true(greeting_policy_set(&p, SPAN("helo.ip_mismatch"), CHECK_ENFORCE));
        greeting_judge(&f, &p, &s, &v);
        assert_int_equal(v.action, GREETING_ACCEPT);
    }
}

static void test_what_cannot_wait_comes_first(void **state)
{
    struct greeting_facts f = forged(VOUCHED_UNKNOWN);
    struct greeting_verdict v;

    (void)state;
    f.value[FACT_FORM] = FORM_SINGLE_LABEL;
    v = judge(&f, PRESET_STRICT);
    assert_int_equal(v.action, GREETING_REFUSE);
    assert_span_equal(v.cause, SPAN("helo.not_fqdn"));
}

static void test_words(void **state)
{
    (void)state;
    for (unsigned i = 0; i < GREETING_PRESET_COUNT; i++) {
        enum greeting_preset back;

        assert_true(greeting_preset_parse(greeting_preset_word((enum greeting_preset)i), &back));
        assert_int_equal(back, i);
    }
    for (unsigned i = STAGE_HELO; i <= STAGE_RCPT; i++) {
        enum greeting_stage back;

        assert_true(greeting_stage_parse(greeting_stage_word((enum greeting_stage)i), &back));
        assert_int_equal(back, i);
    }
    {
        enum greeting_stage stage;

        assert_false(greeting_stage_parse(SPAN(""), &stage));
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_wrong),
        cmocka_unit_test(test_codes),
        cmocka_unit_test(test_claims_to_be_us),
        cmocka_unit_test(test_claims_to_be_one_of_our_addresses),
        cmocka_unit_test(test_own_address_does_not_wait_for_dns),
        cmocka_unit_test(test_names_below_a_hosted_domain),
        cmocka_unit_test(test_localhost_claims_nothing),
        cmocka_unit_test(test_what_is_said_inside),
        cmocka_unit_test(test_a_reserved_name_is_one_finding),
        cmocka_unit_test(test_no_preset_refuses_what_is_protected),
        cmocka_unit_test(test_the_past),
        cmocka_unit_test(test_unsafe_refuse),
        cmocka_unit_test(test_policy_by_cause),
        cmocka_unit_test(test_exempt_before_anything),
        cmocka_unit_test(test_exemptions),
        cmocka_unit_test(test_exemptions_that_dns_withholds),
        cmocka_unit_test(test_what_cannot_wait_comes_first),
        cmocka_unit_test(test_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
