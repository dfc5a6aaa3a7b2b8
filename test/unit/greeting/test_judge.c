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
