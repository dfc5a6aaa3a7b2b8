/* SPDX-License-Identifier: ISC */
#include "../guard.h"

#include "spf/macro.h"

static struct spf_macro values(const char *client)
{
    struct spf_macro m = {.sender_local = SPAN("strong-bad"),
                          .sender_domain = SPAN("email.example.com"),
                          .domain = SPAN("email.example.com"),
                          .helo = SPAN("helo.example"),
                          .receiver = SPAN("mx.example.net"),
                          .now_s = 1234567890};

    assert_true(ip_addr_parse(span_cstr(client), &m.client));
    return m;
}

/* RFC 7208 7.4, as it stands there. */
static void test_examples_of_the_standard(void **state)
{
    static const struct {
        const char *client;
        const char *text;
        const char *want;
    } cases[] = {
        {"192.0.2.3", "%{s}", "strong-bad@email.example.com"},
        {"192.0.2.3", "%{o}", "email.example.com"},
        {"192.0.2.3", "%{d}", "email.example.com"},
        {"192.0.2.3", "%{d4}", "email.example.com"},
        {"192.0.2.3", "%{d3}", "email.example.com"},
        {"192.0.2.3", "%{d2}", "example.com"},
        {"192.0.2.3", "%{d1}", "com"},
        {"192.0.2.3", "%{dr}", "com.example.email"},
        {"192.0.2.3", "%{d2r}", "example.email"},
        {"192.0.2.3", "%{l}", "strong-bad"},
        {"192.0.2.3", "%{l-}", "strong.bad"},
        {"192.0.2.3", "%{lr}", "strong-bad"},
        {"192.0.2.3", "%{lr-}", "bad.strong"},
        {"192.0.2.3", "%{l1r-}", "strong"},
        {"192.0.2.3", "%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com"},
        {"192.0.2.3", "%{lr-}.lp._spf.%{d2}", "bad.strong.lp._spf.example.com"},
        {"192.0.2.3", "%{lr-}.lp.%{ir}.%{v}._spf.%{d2}",
         "bad.strong.lp.3.2.0.192.in-addr._spf.example.com"},
        {"192.0.2.3", "%{ir}.%{v}.%{l1r-}.lp._spf.%{d2}",
         "3.2.0.192.in-addr.strong.lp._spf.example.com"},
        {"192.0.2.3", "%{d2}.trusted-domains.example.net",
         "example.com.trusted-domains.example.net"},
        {"2001:db8::cb01", "%{ir}.%{v}._spf.%{d2}",
         "1.0.B.C.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.B.D.0.1.0.0.2.ip6._spf.example.com"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char room[256];
        struct buf b = BUF_OVER(room);
        struct spf_macro m = values(cases[i].client);

        assert_true(spf_macro_put(&b, guard_copy(span_cstr(cases[i].text)), SPF_IN_DOMAIN, &m));
        assert_span_equal(buf_span(&b), span_cstr(cases[i].want));
    }
}

static void test_only_explanations_have_all_letters(void **state)
{
    char room[256];
    struct buf b = BUF_OVER(room);
    struct spf_macro m = values("2001:db8::1");

    (void)state;
    assert_true(spf_macro_put(&b, SPAN("%{c} %{r} %{t} %{p} %%"), SPF_IN_EXPLANATION, &m));
    assert_span_equal(buf_span(&b), SPAN("2001:db8::1 mx.example.net 1234567890 unknown %"));
    assert_false(spf_macro_check(SPAN("%{c}"), SPF_IN_DOMAIN));
    assert_false(spf_macro_check(SPAN("%{t}"), SPF_IN_MODIFIER));
    assert_false(spf_macro_check(SPAN("a b.example"), SPF_IN_DOMAIN));
}

static void test_places(void **state)
{
    static const struct {
        const char *text;
        bool domain;
        bool modifier;
    } cases[] = {
        {"a.example", true, true}, {"a.example.", true, true},
        {"example", false, true},  {"", false, true},
        {"%{d}", true, true},      {"a.1", false, true},
        {"a.-b", false, true},     {"a.b-", false, true},
        {"a.b-c", true, true},     {"%{d}x", false, true},
        {"%{d}.x", true, true},    {"%{d}.1x", true, true},
        {"a.%%", true, true},      {"%", false, false},
        {"%{", false, false},      {"%{d", false, false},
        {"%{d2", false, false},    {"%{d2r", false, false},
        {"%{d2r.", false, false},  {"%{0d}", false, false},
        {"%{d00}", false, false},  {"\x80.example", false, false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        span text = guard_copy(span_cstr(cases[i].text));

        if (spf_macro_check(text, SPF_IN_DOMAIN) != cases[i].domain ||
            spf_macro_check(text, SPF_IN_MODIFIER) != cases[i].modifier)
            fail_msg("%s", cases[i].text);
    }
}

static void test_too_long_says_so(void **state)
{
    char room[64];
    struct buf b = BUF_OVER(room);
    struct spf_macro m = values("192.0.2.3");

    (void)state;
    assert_true(spf_macro_put(&b, SPAN("%{s}%{s}%{s}.example"), SPF_IN_DOMAIN, &m));
    assert_true(b.overflow);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_examples_of_the_standard),
        cmocka_unit_test(test_only_explanations_have_all_letters),
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_too_long_says_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
