/* SPDX-License-Identifier: ISC */
#include "../guard.h"
#include "name/path.h"

#define L64  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define L48  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define SAID (PATH_ALLOW_NULL | PATH_ALLOW_POSTMASTER)
#define UTF8 (SAID | PATH_ALLOW_UTF8)
#define D189 L48 "." L48 "." L48 "." L48 /* 195 octets */

static const struct {
    span text;
    unsigned allow;
    enum path_fault fault;
    const char *canonical;
    const char *local;
    const char *rest;
} cases[] = {
    {SPAN_INIT("<a@b.example>"), SAID, PATH_FINE, "a@b.example", "a", ""},
    {SPAN_INIT("<A.b+c@B.Example> SIZE=1"), SAID, PATH_FINE, "A.b+c@b.example", "A.b+c", " SIZE=1"},
    {SPAN_INIT("<>"), SAID, PATH_FINE, "", "", ""},
    {SPAN_INIT("<>"), 0, PATH_NULL, NULL, NULL, NULL},
    {SPAN_INIT("<Postmaster>"), SAID, PATH_FINE, "Postmaster", "Postmaster", ""},
    {SPAN_INIT("<postmaster>"), 0, PATH_NO_DOMAIN, NULL, NULL, NULL},
    {SPAN_INIT("<\"a b\"@b.example>"), SAID, PATH_FINE, "\"a b\"@b.example", "a b", ""},
    {SPAN_INIT("<\"a\\b\"@b.example>"), SAID, PATH_FINE, "ab@b.example", "ab", ""},
    {SPAN_INIT("<\"a\\\"\\\\>@\"@b.example>"), SAID, PATH_FINE, "\"a\\\"\\\\>@\"@b.example",
     "a\"\\>@", ""},
    {SPAN_INIT("<\"\"@b.example>"), SAID, PATH_FINE, "\"\"@b.example", "", ""},
    {SPAN_INIT("<@x.example:a@b.example>"), SAID, PATH_FINE, "a@b.example", "a", ""},
    {SPAN_INIT("<@x.example,@y.example:a@b.example>"), SAID, PATH_FINE, "a@b.example", "a", ""},
    {SPAN_INIT("<a@[192.0.2.1]>"), SAID, PATH_FINE, "a@[192.0.2.1]", "a", ""},
    {SPAN_INIT("<a@[IPv6:2001:db8::1]>"), SAID, PATH_FINE, "a@[ipv6:2001:db8::1]", "a", ""},
    {SPAN_INIT("<a@b_c.example>"), SAID, PATH_FINE, "a@b_c.example", "a", ""},
    {SPAN_INIT("<" L64 "@b.example>"), SAID, PATH_FINE, L64 "@b.example", L64, ""},
    {SPAN_INIT("<\xc3\xa4@b.example>"), UTF8, PATH_FINE, "\xc3\xa4@b.example", "\xc3\xa4", ""},
    {SPAN_INIT("<a@b\xc3\xbc.example>"), UTF8, PATH_FINE, "a@b\xc3\xbc.example", "a", ""},
    {SPAN_INIT("<\xc3\xa4@b.example>"), SAID, PATH_NEEDS_UTF8, NULL, NULL, NULL},
    {SPAN_INIT("<\xc3@b.example>"), UTF8, PATH_BAD_UTF8, NULL, NULL, NULL},
    {SPAN_INIT("<\"\\\xc3\xa4\"@b.example>"), UTF8, PATH_BAD_QUOTE, NULL, NULL, NULL},
    {SPAN_INIT(""), SAID, PATH_NO_BRACKET, NULL, NULL, NULL},
    {SPAN_INIT("a@b.example"), SAID, PATH_NO_BRACKET, NULL, NULL, NULL},
    {SPAN_INIT("<"), SAID, PATH_UNCLOSED, NULL, NULL, NULL},
    {SPAN_INIT("<a@b.example"), SAID, PATH_UNCLOSED, NULL, NULL, NULL},
    {SPAN_INIT("<a@b.example>>"), SAID, PATH_TRAILING, NULL, NULL, NULL},
    {SPAN_INIT("<@b.example>"), SAID, PATH_BAD_ROUTE, NULL, NULL, NULL},
    {SPAN_INIT("<@x.example,y.example:a@b.example>"), SAID, PATH_BAD_ROUTE, NULL, NULL, NULL},
    {SPAN_INIT("<@:a@b.example>"), SAID, PATH_BAD_ROUTE, NULL, NULL, NULL},
    {SPAN_INIT("<a>"), SAID, PATH_NO_DOMAIN, NULL, NULL, NULL},
    {SPAN_INIT("<a@>"), SAID, PATH_NO_DOMAIN, NULL, NULL, NULL},
    {SPAN_INIT("<a@b@c.example>"), SAID, PATH_BAD_DOMAIN, NULL, NULL, NULL},
    {SPAN_INIT("<a@b..example>"), SAID, PATH_BAD_DOMAIN, NULL, NULL, NULL},
    {SPAN_INIT("<a@b.example.>"), SAID, PATH_BAD_DOMAIN, NULL, NULL, NULL},
    {SPAN_INIT("<a@-b.example>"), SAID, PATH_BAD_DOMAIN, NULL, NULL, NULL},
    {SPAN_INIT("<a@[1.2.3]>"), SAID, PATH_BAD_LITERAL, NULL, NULL, NULL},
    {SPAN_INIT("<a@[1.2.3.4]x>"), SAID, PATH_BAD_LITERAL, NULL, NULL, NULL},
    {SPAN_INIT("<.a@b.example>"), SAID, PATH_BAD_LOCAL, NULL, NULL, NULL},
    {SPAN_INIT("<a.@b.example>"), SAID, PATH_BAD_LOCAL, NULL, NULL, NULL},
    {SPAN_INIT("<a..b@b.example>"), SAID, PATH_BAD_LOCAL, NULL, NULL, NULL},
    {SPAN_INIT("<a b@b.example>"), SAID, PATH_BAD_LOCAL, NULL, NULL, NULL},
    {SPAN_INIT("<a\0b@b.example>"), SAID, PATH_BAD_LOCAL, NULL, NULL, NULL},
    {SPAN_INIT("<a\"b\"@b.example>"), SAID, PATH_BAD_LOCAL, NULL, NULL, NULL},
    {SPAN_INIT("<\"a\"b@b.example>"), SAID, PATH_BAD_QUOTE, NULL, NULL, NULL},
    {SPAN_INIT("<\"a@b.example>"), SAID, PATH_BAD_QUOTE, NULL, NULL, NULL},
    {SPAN_INIT("<\"a\\"), SAID, PATH_UNCLOSED, NULL, NULL, NULL},
    {SPAN_INIT("<\"a\0\"@b.example>"), SAID, PATH_BAD_QUOTE, NULL, NULL, NULL},
    {SPAN_INIT("<" L64 "a@b.example>"), SAID, PATH_LONG_LOCAL, NULL, NULL, NULL},
    {SPAN_INIT("<" L64 "@" D189 ">"), SAID, PATH_LONG, NULL, NULL, NULL},
    {SPAN_INIT("<@" D189 ":" L48 "@" D189 ">"), SAID, PATH_FINE, L48 "@" D189, L48, ""},
};

static void takes(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char room[300];
        struct buf b = BUF_OVER(room);
        span rest = guard_copy(cases[i].text);
        struct path p;
        enum path_fault fault = path_take(&rest, cases[i].allow, &p);

        if (fault != cases[i].fault)
            fail_msg("%.*s: %s", SPAN_ARG(cases[i].text), path_fault_text(fault));
        if (fault != PATH_FINE) {
            assert_int_equal(rest.n, cases[i].text.n);
            assert_true(path_fault_text(fault)[0] != '\0');
            continue;
        }
        path_put(&b, &p);
        assert_span_equal(buf_span(&b), span_cstr(cases[i].canonical));
        buf_reset(&b);
        path_put_local(&b, &p);
        assert_span_equal(buf_span(&b), span_cstr(cases[i].local));
        assert_span_equal(rest, span_cstr(cases[i].rest));
    }
}

static void addresses(void **state)
{
    struct path p;

    (void)state;
    assert_int_equal(path_parse_address(SPAN("a@b.example"), 0, &p), PATH_FINE);
    assert_span_equal(p.domain, SPAN("b.example"));
    assert_int_equal(path_parse_address(SPAN(""), 0, &p), PATH_NULL);
    assert_int_equal(path_parse_address(SPAN(""), PATH_ALLOW_NULL, &p), PATH_FINE);
    assert_true(path_is_null(&p));
    assert_int_equal(path_parse_address(SPAN("a@b.example>"), 0, &p), PATH_BAD_DOMAIN);
    assert_int_equal(path_parse_address(SPAN("a>@b.example"), 0, &p), PATH_BAD_LOCAL);
    assert_int_equal(path_parse_address(SPAN("a@b.example\r\nDATA"), 0, &p), PATH_BAD_DOMAIN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(takes), cmocka_unit_test(addresses)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
