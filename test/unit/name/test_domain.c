/* SPDX-License-Identifier: ISC */
#include "../guard.h"
#include "name/domain.h"

#define L63 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const struct {
    span text;
    unsigned faults;
    bool fqdn;
    bool numeric_tail;
    bool numeric;
} cases[] = {
    {SPAN_INIT("mail.example.com"), 0, true, false, false},
    {SPAN_INIT("MAIL.Example.COM"), 0, true, false, false},
    {SPAN_INIT("xn--bcher-kva.example"), 0, true, false, false},
    {SPAN_INIT("1.example"), 0, true, false, false},
    {SPAN_INIT("localhost"), 0, false, false, false},
    {SPAN_INIT("a-b.c--d.example"), 0, true, false, false},
    {SPAN_INIT(""), DOMAIN_EMPTY, false, false, false},
    {SPAN_INIT("."), DOMAIN_EMPTY | DOMAIN_TRAILING_DOT, false, false, false},
    {SPAN_INIT("a.example."), DOMAIN_TRAILING_DOT, true, false, false},
    {SPAN_INIT("a.example.."), DOMAIN_TRAILING_DOT | DOMAIN_EMPTY_LABEL, false, false, false},
    {SPAN_INIT(".a.example"), DOMAIN_EMPTY_LABEL, false, false, false},
    {SPAN_INIT("a..example"), DOMAIN_EMPTY_LABEL, false, false, false},
    {SPAN_INIT("bad_host.example"), DOMAIN_UNDERSCORE, true, false, false},
    {SPAN_INIT("_.example."), DOMAIN_UNDERSCORE | DOMAIN_TRAILING_DOT, true, false, false},
    {SPAN_INIT("-a.example"), DOMAIN_HYPHEN_EDGE, false, false, false},
    {SPAN_INIT("a-.example"), DOMAIN_HYPHEN_EDGE, false, false, false},
    {SPAN_INIT("a b.example"), DOMAIN_SPACE, false, false, false},
    {SPAN_INIT("a\tb.example"), DOMAIN_SPACE, false, false, false},
    {SPAN_INIT("a\0b.example"), DOMAIN_CONTROL, false, false, false},
    {SPAN_INIT("a\x7f.example"), DOMAIN_CONTROL, false, false, false},
    {SPAN_INIT("b\xc3\xbc.example"), DOMAIN_NON_ASCII, false, false, false},
    {SPAN_INIT("a@b.example"), DOMAIN_BAD_OCTET, false, false, false},
    {SPAN_INIT("2001:db8::1"), DOMAIN_BAD_OCTET, false, false, false},
    {SPAN_INIT("192.0.2.1"), 0, false, true, true},
    {SPAN_INIT("1234"), 0, false, true, true},
    {SPAN_INIT("host.123"), 0, false, true, false},
    {SPAN_INIT("1.2.3.4.example"), 0, true, false, false},
    {SPAN_INIT(L63 ".example"), 0, true, false, false},
    {SPAN_INIT(L63 "a.example"), DOMAIN_LONG_LABEL, false, false, false},
    {SPAN_INIT(L63 "." L63 "." L63 "." L63), 0, true, false, false},
    {SPAN_INIT(L63 "." L63 "." L63 "." L63 "."), DOMAIN_TRAILING_DOT, true, false, false},
    {SPAN_INIT(L63 "." L63 "." L63 "." L63 ".a"), DOMAIN_LONG, false, false, false},
};

static void parses(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct domain d = domain_parse(guard_copy(cases[i].text));

        if (d.faults != cases[i].faults || domain_is_fqdn(&d) != cases[i].fqdn ||
            d.numeric_tail != cases[i].numeric_tail || d.numeric != cases[i].numeric)
            fail_msg("%.*s: faults %x fqdn %d tail %d numeric %d", SPAN_ARG(cases[i].text),
                     d.faults, domain_is_fqdn(&d), d.numeric_tail, d.numeric);
        assert_int_equal(domain_fault_text(d.faults)[0] == '\0', d.faults == 0);
    }
}

static void normal_form(void **state)
{
    char room[64];
    struct buf b = BUF_OVER(room);
    struct domain d = domain_parse(SPAN("MX1.Example.NET."));

    (void)state;
    domain_put(&b, &d);
    assert_span_equal(buf_span(&b), SPAN("mx1.example.net"));
}

static void compares(void **state)
{
    (void)state;
    assert_true(domain_eq(SPAN("a.Example"), SPAN("A.example.")));
    assert_false(domain_eq(SPAN("a.example"), SPAN("aa.example")));
    assert_true(domain_is_under(SPAN("a.Example.net."), SPAN("example.NET")));
    assert_false(domain_is_under(SPAN("example.net"), SPAN("example.net")));
    assert_false(domain_is_under(SPAN("badexample.net"), SPAN("example.net")));
    assert_false(domain_is_under(SPAN(".example.net"), SPAN("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses),
        cmocka_unit_test(normal_form),
        cmocka_unit_test(compares),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
