/* SPDX-License-Identifier: ISC */
#include "../guard.h"

#include "greeting/name.h"

static struct greeting_name read_name(span argument, bool is_helo)
{
    static struct greeting_name n;

    greeting_name_read(&n, guard_copy(argument), is_helo);
    return n;
}

static void test_syntax_and_form(void **state)
{
    static const struct {
        span argument;
        enum greeting_syntax syntax;
        enum greeting_form form;
    } cases[] = {
        {SPAN_INIT("mail.example.com"), SYNTAX_VALID, FORM_FQDN},
        {SPAN_INIT("mail.example.com."), SYNTAX_INVALID, FORM_FQDN},
        {SPAN_INIT("mail_relay.example.com"), SYNTAX_INVALID, FORM_FQDN},
        {SPAN_INIT("mail"), SYNTAX_VALID, FORM_SINGLE_LABEL},
        {SPAN_INIT("localhost"), SYNTAX_VALID, FORM_SINGLE_LABEL},
        {SPAN_INIT("_"), SYNTAX_INVALID, FORM_SINGLE_LABEL},
        {SPAN_INIT("12345"), SYNTAX_VALID, FORM_NUMERIC_NAME},
        {SPAN_INIT("1.2.3"), SYNTAX_VALID, FORM_NUMERIC_NAME},
        {SPAN_INIT("mail.123"), SYNTAX_VALID, FORM_NUMERIC_NAME},
        {SPAN_INIT("999.999.999.999"), SYNTAX_VALID, FORM_NUMERIC_NAME},
        {SPAN_INIT("198.18.8.1"), SYNTAX_VALID, FORM_BARE_IPV4},
        {SPAN_INIT("2001:db8:8::1"), SYNTAX_INVALID, FORM_BARE_IPV6},
        {SPAN_INIT("::ffff:198.18.8.1"), SYNTAX_INVALID, FORM_BARE_IPV6},
        {SPAN_INIT("[198.18.8.1]"), SYNTAX_VALID, FORM_IPV4_LITERAL},
        {SPAN_INIT("[198.018.008.001]"), SYNTAX_VALID, FORM_IPV4_LITERAL},
        {SPAN_INIT("[IPv6:2001:db8:8::1]"), SYNTAX_VALID, FORM_IPV6_LITERAL},
        {SPAN_INIT("[ipv6:2001:db8:8::1]"), SYNTAX_VALID, FORM_IPV6_LITERAL},
        {SPAN_INIT("[IPv6:::ffff:198.18.8.1]"), SYNTAX_VALID, FORM_IPV6_LITERAL},
        {SPAN_INIT("[IPv6:::1]"), SYNTAX_VALID, FORM_IPV6_LITERAL},
        {SPAN_INIT("[198.18.8.1] my desktop"), SYNTAX_TOLERATE, FORM_IPV4_LITERAL},
        {SPAN_INIT("[198.18.8.1]x"), SYNTAX_INVALID, FORM_MALFORMED},
        {SPAN_INIT("[198.18.8.1] \x07"), SYNTAX_INVALID, FORM_MALFORMED},
        {SPAN_INIT("[198.18.8.1"), SYNTAX_INVALID, FORM_MALFORMED},
        {SPAN_INIT("[2001:db8:8::1]"), SYNTAX_INVALID, FORM_MALFORMED},
        {SPAN_INIT("[IPv6:2001:db8:8::1%eth0]"), SYNTAX_INVALID, FORM_MALFORMED},
        {SPAN_INIT("[IPv6:2001:db8:8]"), SYNTAX_INVALID, FORM_MALFORMED},
        {SPAN_INIT("[IPv4:198.18.8.1]"), SYNTAX_INVALID, FORM_GENERAL_LITERAL},
        {SPAN_INIT("[x400:foo]"), SYNTAX_INVALID, FORM_GENERAL_LITERAL},
        {SPAN_INIT("[mail.example.com]"), SYNTAX_INVALID, FORM_MALFORMED},
        {SPAN_INIT("-mail.example.com"), SYNTAX_INVALID, FORM_MALFORMED},
        {SPAN_INIT("mail..example.com"), SYNTAX_INVALID, FORM_MALFORMED},
        {SPAN_INIT("m\xc3\xbcller.example.com"), SYNTAX_INVALID, FORM_MALFORMED},
        {SPAN_INIT("mail.example.com extra words"), SYNTAX_INVALID, FORM_MALFORMED},
        {SPAN_INIT("mail.example.com:25"), SYNTAX_INVALID, FORM_MALFORMED},
        {SPAN_INIT("mail.example.com \t"), SYNTAX_VALID, FORM_FQDN},
        {SPAN_INIT(""), SYNTAX_INVALID, FORM_EMPTY},
        {SPAN_INIT("  "), SYNTAX_INVALID, FORM_EMPTY},
        {SPAN_INIT("."), SYNTAX_INVALID, FORM_MALFORMED},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct greeting_name n = read_name(cases[i].argument, false);

        if (n.syntax != cases[i].syntax || n.form != cases[i].form)
            fail_msg("%.*s: syntax %d form %d", SPAN_ARG(cases[i].argument), (int)n.syntax,
                     (int)n.form);
        if ((n.syntax == SYNTAX_INVALID) != (n.fault_text[0] != '\0') && n.form != FORM_BARE_IPV6)
            fail_msg("%.*s: fault \"%s\"", SPAN_ARG(cases[i].argument), n.fault_text);
    }
}

static void test_literals_are_not_for_helo(void **state)
{
    (void)state;
    assert_int_equal(read_name(SPAN("[198.18.8.1]"), true).syntax, SYNTAX_NOT_FOR_HELO);
    assert_int_equal(read_name(SPAN("mail.example.com"), true).syntax, SYNTAX_VALID);
}

static void test_normal_form(void **state)
{
    static const struct {
        span argument;
        span want;
    } cases[] = {
        {SPAN_INIT("MAIL.Example.COM."), SPAN_INIT("mail.example.com")},
        {SPAN_INIT("Under_Score.example"), SPAN_INIT("under_score.example")},
        {SPAN_INIT("HOST"), SPAN_INIT("host")},
        {SPAN_INIT("198.18.8.1"), SPAN_INIT("")},
        {SPAN_INIT("[198.18.8.1]"), SPAN_INIT("")},
        {SPAN_INIT("a..b"), SPAN_INIT("")},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct greeting_name n;

        greeting_name_read(&n, guard_copy(cases[i].argument), false);
        assert_span_equal(n.normal, cases[i].want);
    }
}

static void test_what_cannot_be_a_name(void **state)
{
    static char octets[11000];
    static const span impossible[] = {
        SPAN_INIT(""),
        SPAN_INIT("a b.example"),
        SPAN_INIT("a\0b.example"),
        SPAN_INIT("a\x1b[2Jb"),
        SPAN_INIT("[198.18.8.1] \x07"),
        SPAN_INIT("\x7f"),
        SPAN_INIT(" mail.example.com"),
        SPAN_INIT("[198.18.8.1]x y"),
    };
    static const span possible[] = {
        SPAN_INIT("m\xc3\xbcller"),          SPAN_INIT("a:25"),       SPAN_INIT("~^wildcard"),
        SPAN_INIT("[127.0.0.1] my desktop"), SPAN_INIT("-a.example"), SPAN_INIT("_"),
    };

    (void)state;
    for (size_t i = 0; i < COUNT(impossible); i++)
        assert_true((read_name(impossible[i], false).traits & TRAIT_IMPOSSIBLE) != 0);
    for (size_t i = 0; i < COUNT(possible); i++)
        assert_true((read_name(possible[i], false).traits & TRAIT_IMPOSSIBLE) == 0);
    memset(octets, 'a', sizeof(octets));
    for (size_t i = 40; i < sizeof(octets); i += 40)
        octets[i] = '.';
    assert_true((read_name(span_of(octets, 255), false).traits & TRAIT_IMPOSSIBLE) == 0);
    assert_true((read_name(span_of(octets, 257), false).traits & TRAIT_IMPOSSIBLE) != 0);
    assert_true((read_name(span_of(octets, sizeof(octets)), false).traits & TRAIT_IMPOSSIBLE) != 0);
    /* A comment behind a literal counts too (RFC 5321 4.5.3.1.2). */
    memcpy(octets, "[198.18.8.1] ", 13);
    assert_int_equal(read_name(span_of(octets, 255), false).syntax, SYNTAX_TOLERATE);
    assert_int_equal(read_name(span_of(octets, 256), false).syntax, SYNTAX_INVALID);
    assert_true((read_name(span_of(octets, 256), false).traits & TRAIT_IMPOSSIBLE) != 0);
    memset(octets, 'b', 64);
    assert_true((read_name(span_of(octets, 64), false).traits & TRAIT_IMPOSSIBLE) != 0);
}

static void test_generic(void **state)
{
    static const struct {
        const char *name;
        const char *client;
        bool want;
    } cases[] = {
        {"host-198-51-100-60.isp.example.com", "198.51.100.60", true},
        {"60.100.51.198.isp.example.com", "198.51.100.60", true},
        {"c633643c.isp.example.com", "198.51.100.60", true},
        {"198051100060.isp.example.com", "198.51.100.60", true},
        {"host-d1245f1a.example.com", "198.51.100.60", false},
        {"host-198-51-100-61.isp.example.com", "198.51.100.60", false},
        {"198-51-100-60.example", "198.51.100.60", false},
        {"pool-7.dsl.isp.example.com", "198.51.100.60", true},
        {"pool.isp.example.com", "198.51.100.60", false},
        {"dyn.example.com", "198.51.100.60", false},
        {"mail7.dyn.example", "198.51.100.60", false},
        {"dynamo7.x.example.com", "198.51.100.60", false},
        {"mail.example.com", "198.51.100.60", false},
        {"host", "198.51.100.60", false},
        {"p2003-ab12-cd34-ef56.dip.isp.example.com", "2001:db8::1", true},
        {"h-0a0b-0c0d-0e0f-1011.isp.example.com", "2001:db8::a0b:c0d:e0f:1011", true},
        {"mail.isp.example.com", "2001:db8::1", false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct ip_addr client;

        assert_true(ip_addr_parse(span_cstr(cases[i].client), &client));
        if (greeting_name_is_generic(guard_copy(span_cstr(cases[i].name)), client) != cases[i].want)
            fail_msg("%s from %s", cases[i].name, cases[i].client);
    }
}

static void test_names_outside_public_dns(void **state)
{
    (void)state;
    assert_true(greeting_name_is_localhost(SPAN("localhost")));
    assert_true(greeting_name_is_localhost(SPAN("a.localhost")));
    assert_true(greeting_name_is_localhost(SPAN("localhost.localdomain")));
    assert_false(greeting_name_is_localhost(SPAN("localhost.example.com")));
    assert_true(greeting_name_is_reserved(SPAN("x.svc.cluster.local")));
    assert_true(greeting_name_is_reserved(SPAN("x.home.arpa")));
    assert_false(greeting_name_is_reserved(SPAN("local.example.com")));
    assert_false(greeting_name_is_reserved(SPAN("mx.herald.test")));
    assert_true(greeting_name_is_special(SPAN("pc.local")));
    assert_false(greeting_name_is_special(SPAN("dc.corp")));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_syntax_and_form), cmocka_unit_test(test_literals_are_not_for_helo),
        cmocka_unit_test(test_normal_form),     cmocka_unit_test(test_what_cannot_be_a_name),
        cmocka_unit_test(test_generic),         cmocka_unit_test(test_names_outside_public_dns),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
