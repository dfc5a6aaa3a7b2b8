/* SPDX-License-Identifier: ISC */
#include "../guard.h"
#include "name/literal.h"

static const struct {
    span text;
    enum literal_kind kind;
    enum literal_fault fault;
    const char *addr; /* NULL: none */
    const char *trailing;
} cases[] = {
    {SPAN_INIT("[192.0.2.1]"), LITERAL_V4, LITERAL_FINE, "192.0.2.1", ""},
    {SPAN_INIT("[IPv6:2001:db8::1]"), LITERAL_V6, LITERAL_FINE, "2001:db8::1", ""},
    {SPAN_INIT("[ipV6:2001:DB8:0:0:0:0:0:1]"), LITERAL_V6, LITERAL_FINE, "2001:db8::1", ""},
    {SPAN_INIT("[IPv6:::ffff:192.0.2.1]"), LITERAL_V6, LITERAL_FINE, "192.0.2.1", ""},
    {SPAN_INIT("[192.0.2.1] (web)"), LITERAL_V4, LITERAL_FINE, "192.0.2.1", " (web)"},
    {SPAN_INIT("[192.0.2.1]x]"), LITERAL_V4, LITERAL_FINE, "192.0.2.1", "x]"},
    {SPAN_INIT("[x-net:abc!]"), LITERAL_GENERAL, LITERAL_FINE, NULL, ""},
    {SPAN_INIT(""), LITERAL_NONE, LITERAL_FINE, NULL, ""},
    {SPAN_INIT("192.0.2.1"), LITERAL_NONE, LITERAL_FINE, NULL, ""},
    {SPAN_INIT("mail.example"), LITERAL_NONE, LITERAL_FINE, NULL, ""},
    {SPAN_INIT("["), LITERAL_MALFORMED, LITERAL_UNCLOSED, NULL, ""},
    {SPAN_INIT("[192.0.2.1"), LITERAL_MALFORMED, LITERAL_UNCLOSED, NULL, ""},
    {SPAN_INIT("[]"), LITERAL_MALFORMED, LITERAL_EMPTY, NULL, ""},
    {SPAN_INIT("[192.0.2.256]"), LITERAL_MALFORMED, LITERAL_BAD_V4, NULL, ""},
    {SPAN_INIT("[192.0.2]"), LITERAL_MALFORMED, LITERAL_BAD_V4, NULL, ""},
    {SPAN_INIT("[2001:db8::1]"), LITERAL_MALFORMED, LITERAL_UNTAGGED_V6, "2001:db8::1", ""},
    {SPAN_INIT("[IPv6:]"), LITERAL_MALFORMED, LITERAL_BAD_V6, NULL, ""},
    {SPAN_INIT("[IPv6:192.0.2.1]"), LITERAL_MALFORMED, LITERAL_BAD_V6, NULL, ""},
    {SPAN_INIT("[IPv4:192.0.2.1]"), LITERAL_GENERAL, LITERAL_FINE, NULL, ""},
    {SPAN_INIT("[a_b:c]"), LITERAL_MALFORMED, LITERAL_BAD_TAG, NULL, ""},
    {SPAN_INIT("[ab-:c]"), LITERAL_MALFORMED, LITERAL_BAD_TAG, NULL, ""},
    {SPAN_INIT("[tag:]"), LITERAL_MALFORMED, LITERAL_BAD_TAG, NULL, ""},
    {SPAN_INIT("[mail.example]"), LITERAL_MALFORMED, LITERAL_NAME, NULL, ""},
    {SPAN_INIT("[ 192.0.2.1]"), LITERAL_MALFORMED, LITERAL_BAD_OCTET, NULL, ""},
    {SPAN_INIT("[[192.0.2.1]]"), LITERAL_MALFORMED, LITERAL_BAD_OCTET, NULL, "]"},
    {SPAN_INIT("[192.0.2.1\0]"), LITERAL_MALFORMED, LITERAL_BAD_OCTET, NULL, ""},
};

static void parses(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct literal l = literal_parse(guard_copy(cases[i].text));
        char room[64];
        struct buf b = BUF_OVER(room);

        if (l.kind != cases[i].kind || l.fault != cases[i].fault)
            fail_msg("%.*s: kind %d fault %d", SPAN_ARG(cases[i].text), (int)l.kind, (int)l.fault);
        ip_addr_put(&b, l.addr);
        assert_span_equal(buf_span(&b), span_cstr(cases[i].addr));
        assert_span_equal(l.trailing, span_cstr(cases[i].trailing));
        assert_int_equal(literal_fault_text(l.fault)[0] == '\0', l.fault == LITERAL_FINE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(parses)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
