/* SPDX-License-Identifier: ISC */
#include "../guard.h"

#include "greeting/choose.h"

static struct ip_addr addr(const char *text)
{
    struct ip_addr a = {0};

    assert_true(ip_addr_parse(span_cstr(text), &a));
    return a;
}

static struct greeting_choice choose(const struct greeting_candidates *c)
{
    struct greeting_choice out;

    greeting_choose(c, &out);
    return out;
}

static void assert_choice(const struct greeting_candidates *c, enum greeting_rule rule,
                          const char *text)
{
    struct greeting_choice out = choose(c);

    assert_span_equal(span_of(out.text, out.n), span_cstr(text));
    assert_int_equal(out.rule, rule);
}

static void test_order_of_the_rules(void **state)
{
    static const span confirmed[] = {SPAN_INIT("ptr.example.com")};
    struct greeting_candidates c = {
        .address = addr("203.0.113.9"),
        .socket = addr("10.0.0.9"),
        .mapped = SPAN("map.example.com"),
        .configured = SPAN("Name.Example.com"),
        .host = SPAN("host.example.com"),
        .confirmed = confirmed,
        .n_confirmed = 1,
        .tied = {PASS_PASS, PASS_PASS, PASS_PASS},
    };

    (void)state;
    assert_choice(&c, RULE_MAP, "map.example.com");
    c.mapped = SPAN_NONE;
    assert_choice(&c, RULE_NAME, "name.example.com");
    c.configured = SPAN_NONE;
    assert_choice(&c, RULE_PTR, "ptr.example.com");
    c.n_confirmed = 0;
    assert_choice(&c, RULE_HOST, "host.example.com");
    c.tied[2] = PASS_FAIL;
    assert_choice(&c, RULE_LITERAL, "[203.0.113.9]");
    assert_false(choose(&c).helo);
    c.address = addr("2001:db8::25");
    assert_choice(&c, RULE_LITERAL, "[IPv6:2001:db8::25]");
    c.address = addr("::ffff:203.0.113.9");
    assert_choice(&c, RULE_LITERAL, "[203.0.113.9]");
    c.address = addr("10.0.0.9");
    assert_choice(&c, RULE_NOTHING, "");
    assert_true(greeting_rule_advice(RULE_NOTHING).n > 0);
}

static void test_a_pod_never_says_its_name(void **state)
{
    static const char *const hosts[] = {"web-7d9f8b6c5-x2x9q",
                                        "localhost",
                                        "localhost.localdomain",
                                        "pod.ns.svc.cluster.local",
                                        "box.internal",
                                        "a_b.example.com",
                                        "mail.example.com.",
                                        "mail.example.com:25",
                                        "10.0.0.9",
                                        ""};

    (void)state;
    for (size_t i = 0; i < COUNT(hosts); i++) {
        struct greeting_candidates c = {.socket = addr("10.42.3.17"),
                                        .host = span_cstr(hosts[i]),
                                        .tied = {PASS_PASS, PASS_PASS, PASS_PASS}};
        struct greeting_choice out = choose(&c);

        assert_int_equal(out.rule, RULE_NOTHING);
        assert_int_equal(out.n, 0);
        assert_true(out.host_unfit != FIT);
        assert_true((out.warnings & WARN_NAT) != 0);
        /* With the setting it sends. */
        c.configured = SPAN("mail.example.com");
        assert_choice(&c, RULE_NAME, "mail.example.com");
    }
}

static void test_submission_may_say_more(void **state)
{
    struct greeting_candidates c = {
        .socket = addr("10.42.3.17"), .host = SPAN("web-7d9f"), .submission = true};

    (void)state;
    assert_choice(&c, RULE_SUBMISSION, "[10.42.3.17]");
    c.host = SPAN("pc.corp.local");
    assert_choice(&c, RULE_SUBMISSION, "pc.corp.local");
}

static void test_several_reverse_names(void **state)
{
    static const span names[] = {SPAN_INIT("203-0-113-9.dyn.isp.example.com"),
                                 SPAN_INIT("z.example.com"), SPAN_INIT("b.example.org"),
                                 SPAN_INIT("a.example.com"), SPAN_INIT("bad_name.example.com")};
    static const span domains[] = {SPAN_INIT("example.org")};
    struct greeting_candidates c = {
        .address = addr("203.0.113.9"), .confirmed = names, .n_confirmed = COUNT(names)};

    (void)state;
    assert_choice(&c, RULE_PTR, "a.example.com");
    assert_true((choose(&c).warnings & WARN_SEVERAL) != 0);
    c.domains = domains;
    c.n_domains = 1;
    assert_choice(&c, RULE_PTR, "b.example.org");
    c.host = SPAN("Z.example.com");
    assert_choice(&c, RULE_PTR, "z.example.com");
    c.n_confirmed = 1;
    c.host = SPAN_NONE;
    assert_true((choose(&c).warnings & WARN_GENERIC) != 0);
}

/* A reverse name that may not be said is as good as none. */
static void test_unfit_reverse_names(void **state)
{
    static const span names[] = {SPAN_INIT("a_b.example.com"), SPAN_INIT("mail.corp.local"),
                                 SPAN_INIT("localhost"), SPAN_INIT("mail")};
    struct greeting_candidates c = {
        .address = addr("203.0.113.9"), .confirmed = names, .n_confirmed = COUNT(names)};

    (void)state;
    assert_choice(&c, RULE_LITERAL, "[203.0.113.9]");
    assert_false((choose(&c).warnings & WARN_SEVERAL) != 0);
}

/* Nobody knows whether the host's name fits: it is not said. */
static void test_host_name_of_unknown_address(void **state)
{
    static const enum greeting_pass tied[] = {PASS_NA, PASS_TEMPERROR, PASS_FAIL};
    struct greeting_candidates c = {.address = addr("203.0.113.9"),
                                    .host = SPAN("host.example.com")};

    (void)state;
    for (size_t i = 0; i < COUNT(tied); i++) {
        c.tied[2] = tied[i];
        assert_choice(&c, RULE_LITERAL, "[203.0.113.9]");
    }
}

static void test_longest_name(void **state)
{
    char name[255];
    struct greeting_candidates c = {.address = addr("203.0.113.9"), .tied = {PASS_PASS}};

    (void)state;
    for (size_t i = 0; i < sizeof(name); i++)
        name[i] = i % 50 == 49 ? '.' : 'a';
    c.mapped = span_of(name, 253);
    assert_int_equal(choose(&c).rule, RULE_MAP);
    c.mapped = span_of(name, 254);
    assert_int_equal(choose(&c).rule, RULE_LITERAL);
    assert_int_not_equal(choose(&c).mapped_unfit, FIT);
}

static void test_never_the_receivers_own_name(void **state)
{
    struct greeting_candidates c = {.address = addr("203.0.113.9"),
                                    .configured = SPAN("mx.example.org"),
                                    .tied = {PASS_FAIL, PASS_FAIL, PASS_FAIL},
                                    .peer = SPAN("MX.example.org")};
    struct greeting_choice out = choose(&c);

    (void)state;
    assert_int_equal(out.configured_unfit, UNFIT_PEER);
    assert_int_equal(out.rule, RULE_LITERAL);
    assert_true((out.warnings & WARN_NAME_UNFIT) != 0);
    c.peer = SPAN_NONE;
    c.recipient = SPAN("example.org");
    assert_int_equal(choose(&c).configured_unfit, UNFIT_RECIPIENT);
    /* Unless it is really us. */
    c.tied[1] = PASS_PASS;
    assert_choice(&c, RULE_NAME, "mx.example.org");
}

static void test_warnings(void **state)
{
    static const span confirmed[] = {SPAN_INIT("ptr.example.com")};
    struct greeting_candidates c = {.address = addr("203.0.113.9"),
                                    .configured = SPAN("mail.example.com"),
                                    .tied = {PASS_NA, PASS_FAIL, PASS_NA}};

    (void)state;
    assert_int_equal(choose(&c).warnings, WARN_NO_PTR | WARN_UNTIED);
    c.confirmed = confirmed;
    c.n_confirmed = 1;
    c.tied[1] = PASS_PASS;
    assert_int_equal(choose(&c).warnings, WARN_NOT_THE_PTR);
    c.configured = SPAN("ptr.example.com");
    assert_int_equal(choose(&c).warnings, 0);
    c.n_confirmed = 0;
    c.ptr_unknown = true;
    assert_int_equal(choose(&c).warnings, WARN_DNS);
}

static void test_echo(void **state)
{
    static const struct {
        const char *line;
        const char *want;
    } cases[] = {
        {"mx.example.org Hello mail.example.com [192.0.2.7]", "192.0.2.7"},
        {"mx.google.com at your service, [192.0.2.7]", "192.0.2.7"},
        {"mx.example.org Hello [10.0.0.9] [2001:db8::7], pleased to meet you", "2001:db8::7"},
        {"mx.example.org Hello x [IPv6:2001:db8::7]", "2001:db8::7"},
        {"mx.example.org", NULL},
        {"mx.example.org [not an address]", NULL},
        {"mx.example.org [192.0.2.7", NULL},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct ip_addr a;
        bool found = greeting_echo(guard_copy(span_cstr(cases[i].line)), &a);

        assert_int_equal(found, cases[i].want != NULL);
        if (found)
            assert_true(ip_addr_eq(a, addr(cases[i].want)));
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_of_the_rules),
        cmocka_unit_test(test_a_pod_never_says_its_name),
        cmocka_unit_test(test_submission_may_say_more),
        cmocka_unit_test(test_several_reverse_names),
        cmocka_unit_test(test_unfit_reverse_names),
        cmocka_unit_test(test_host_name_of_unknown_address),
        cmocka_unit_test(test_longest_name),
        cmocka_unit_test(test_never_the_receivers_own_name),
        cmocka_unit_test(test_warnings),
        cmocka_unit_test(test_echo),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
