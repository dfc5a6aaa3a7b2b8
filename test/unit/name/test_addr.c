/* SPDX-License-Identifier: ISC */
#include "../guard.h"
#include "name/addr.h"

/* What is read, what is written back, its scope; NULL: not an address. */
static const struct {
    span text;
    const char *normal;
    enum ip_scope scope;
} cases[] = {
    {SPAN_INIT("192.0.2.1"), "192.0.2.1", IP_SPECIAL},
    {SPAN_INIT("8.8.8.8"), "8.8.8.8", IP_PUBLIC},
    {SPAN_INIT("008.008.8.8"), "8.8.8.8", IP_PUBLIC},
    {SPAN_INIT("010.1.2.3"), "10.1.2.3", IP_PRIVATE},
    {SPAN_INIT("172.15.255.255"), "172.15.255.255", IP_PUBLIC},
    {SPAN_INIT("172.31.0.1"), "172.31.0.1", IP_PRIVATE},
    {SPAN_INIT("172.32.0.1"), "172.32.0.1", IP_PUBLIC},
    {SPAN_INIT("192.168.1.1"), "192.168.1.1", IP_PRIVATE},
    {SPAN_INIT("100.64.0.1"), "100.64.0.1", IP_CGNAT},
    {SPAN_INIT("100.128.0.1"), "100.128.0.1", IP_PUBLIC},
    {SPAN_INIT("169.254.1.1"), "169.254.1.1", IP_LINK_LOCAL},
    {SPAN_INIT("127.1.2.3"), "127.1.2.3", IP_LOOPBACK},
    {SPAN_INIT("0.0.0.0"), "0.0.0.0", IP_UNSPECIFIED},
    {SPAN_INIT("255.255.255.255"), "255.255.255.255", IP_SPECIAL},
    {SPAN_INIT("::"), "::", IP_UNSPECIFIED},
    {SPAN_INIT("::1"), "::1", IP_LOOPBACK},
    {SPAN_INIT("fe80::1"), "fe80::1", IP_LINK_LOCAL},
    {SPAN_INIT("fd00::1"), "fd00::1", IP_UNIQUE_LOCAL},
    {SPAN_INIT("2a00:1450::1"), "2a00:1450::1", IP_PUBLIC},
    {SPAN_INIT("2001:DB8:0:0:0:0:0:25"), "2001:db8::25", IP_SPECIAL},
    {SPAN_INIT("2001:0db8:0000::0025"), "2001:db8::25", IP_SPECIAL},
    {SPAN_INIT("2001:db8:0:1:1:1:1:1"), "2001:db8:0:1:1:1:1:1", IP_SPECIAL},
    {SPAN_INIT("2001:db8:0:0:1:0:0:1"), "2001:db8::1:0:0:1", IP_SPECIAL},
    {SPAN_INIT("2a00:0:0:1:0:0:0:1"), "2a00:0:0:1::1", IP_PUBLIC},
    {SPAN_INIT("1:2:3:4:5:6:7::"), "1:2:3:4:5:6:7:0", IP_PUBLIC},
    {SPAN_INIT("::2:3:4:5:6:7:8"), "0:2:3:4:5:6:7:8", IP_PUBLIC},
    {SPAN_INIT("2a00::"), "2a00::", IP_PUBLIC},
    {SPAN_INIT("::ffff:192.168.0.1"), "192.168.0.1", IP_PRIVATE},
    {SPAN_INIT("0:0:0:0:0:FFFF:7F00:1"), "127.0.0.1", IP_LOOPBACK},
    {SPAN_INIT("64:ff9b::192.0.2.33"), "64:ff9b::c000:221", IP_PUBLIC},
    {SPAN_INIT(""), NULL, 0},
    {SPAN_INIT("1.2.3"), NULL, 0},
    {SPAN_INIT("1.2.3.4.5"), NULL, 0},
    {SPAN_INIT("1.2.3.256"), NULL, 0},
    {SPAN_INIT("1.2.3.0004"), NULL, 0},
    {SPAN_INIT("1.2.3."), NULL, 0},
    {SPAN_INIT("1..3.4"), NULL, 0},
    {SPAN_INIT("1.2.3.4 "), NULL, 0},
    {SPAN_INIT("1.2.3.4\0"), NULL, 0},
    {SPAN_INIT("0x7f.0.0.1"), NULL, 0},
    {SPAN_INIT(":"), NULL, 0},
    {SPAN_INIT(":::"), NULL, 0},
    {SPAN_INIT("1:"), NULL, 0},
    {SPAN_INIT(":1"), NULL, 0},
    {SPAN_INIT("1::2::3"), NULL, 0},
    {SPAN_INIT("1:2:3:4:5:6:7"), NULL, 0},
    {SPAN_INIT("1:2:3:4:5:6:7:8:9"), NULL, 0},
    {SPAN_INIT("1:2:3:4:5:6:7:8::"), NULL, 0},
    {SPAN_INIT("12345::"), NULL, 0},
    {SPAN_INIT("g::"), NULL, 0},
    {SPAN_INIT("::1.2.3"), NULL, 0},
    {SPAN_INIT("::1.2.3.4:5"), NULL, 0},
    {SPAN_INIT("1:2:3:4:5:6:7:1.2.3.4"), NULL, 0},
    {SPAN_INIT("fe80::1%eth0"), NULL, 0},
    {SPAN_INIT("[::1]"), NULL, 0},
};

static void reads_and_writes(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char room[64];
        struct buf b = BUF_OVER(room);
        struct ip_addr a;
        bool fine = ip_addr_parse(guard_copy(cases[i].text), &a);

        if (fine != (cases[i].normal != NULL))
            fail_msg("%.*s: read %d", SPAN_ARG(cases[i].text), fine);
        if (!fine)
            continue;
        ip_addr_put(&b, a);
        assert_span_equal(buf_span(&b), span_cstr(cases[i].normal));
        assert_string_equal(ip_scope_text(ip_addr_scope(a)), ip_scope_text(cases[i].scope));
    }
}

static struct ip_addr addr(const char *text)
{
    struct ip_addr a;

    assert_true(ip_addr_parse(span_cstr(text), &a));
    return a;
}

static void other_forms(void **state)
{
    char room[128];
    struct buf b = BUF_OVER(room);

    (void)state;
    ip_addr_put_reverse(&b, addr("192.0.2.10"));
    assert_span_equal(buf_span(&b), SPAN("10.2.0.192.in-addr.arpa"));
    buf_reset(&b);
    ip_addr_put_reverse(&b, addr("2001:db8::567:89ab"));
    assert_span_equal(
        buf_span(&b),
        SPAN("b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"));
    assert_true(b.n < IP_REVERSE_BYTES);
    buf_reset(&b);
    ip_addr_put_literal(&b, addr("::ffff:192.0.2.1"));
    ip_addr_put_literal(&b, addr("2001:db8::1"));
    assert_span_equal(buf_span(&b), SPAN("[192.0.2.1][IPv6:2001:db8::1]"));
}

static const struct {
    const char *prefix;
    const char *normal; /* NULL: none */
    const char *inside;
    const char *outside;
} prefixes[] = {
    {"10.0.0.0/8", "10.0.0.0/8", "10.255.0.1", "11.0.0.0"},
    {"10.1.2.3/8", "10.0.0.0/8", "10.0.0.0", "9.255.255.255"},
    {"192.0.2.1", "192.0.2.1/32", "::ffff:192.0.2.1", "192.0.2.2"},
    {"0.0.0.0/0", "0.0.0.0/0", "255.1.1.1", "::1"},
    {"::/0", "::/0", "2001:db8::1", "1.2.3.4"},
    {"2001:db8::/33", "2001:db8::/33", "2001:db8:7fff::", "2001:db8:8000::"},
    {"::1/128", "::1/128", "::1", "::2"},
    {"::ffff:10.0.0.0/104", "10.0.0.0/8", "10.9.9.9", "11.0.0.0"},
    {"::ffff:10.0.0.0/95", NULL, NULL, NULL},
    {"10.0.0.0/33", NULL, NULL, NULL},
    {"10.0.0.0/", NULL, NULL, NULL},
    {"10.0.0/8", NULL, NULL, NULL},
    {"::/129", NULL, NULL, NULL},
};

static void prefixes_hold(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(prefixes); i++) {
        char room[64];
        struct buf b = BUF_OVER(room);
        struct ip_prefix p;
        bool fine = ip_prefix_parse(guard_copy(span_cstr(prefixes[i].prefix)), &p);

        if (fine != (prefixes[i].normal != NULL))
            fail_msg("%s: read %d", prefixes[i].prefix, fine);
        if (!fine)
            continue;
        ip_prefix_put(&b, p);
        assert_span_equal(buf_span(&b), span_cstr(prefixes[i].normal));
        assert_true(ip_prefix_has(p, addr(prefixes[i].inside)));
        assert_false(ip_prefix_has(p, addr(prefixes[i].outside)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_and_writes),
        cmocka_unit_test(other_forms),
        cmocka_unit_test(prefixes_hold),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
