/* SPDX-License-Identifier: ISC */
#include "../guard.h"

#include "dns/script.h"

static struct dns_script_row rows[32];
static char memory[4096];
static char answer_memory[DNS_ANSWER_MAX_BYTES];
static struct dns_script script;

static int set_up(void **state)
{
    (void)state;
    dns_script_init(&script, rows, COUNT(rows), BUF_OVER(memory));
    return 0;
}

static void add(const char *name, enum dns_type type, const char *data)
{
    span guarded = guard_copy(span_cstr(data));

    assert_int_equal(dns_script_add(&script, span_cstr(name), type, guarded), ERR_OK);
}

static struct dns_answer ask(const char *name, enum dns_type type)
{
    struct buf mem = BUF_OVER(answer_memory);

    return dns_script_ask(&script, (struct dns_question){span_cstr(name), type}, &mem);
}

static struct dns_record first(const struct dns_answer *a)
{
    struct dns_cursor at = dns_records(a);
    struct dns_record r = {0};

    assert_true(dns_record_next(&at, &r));
    return r;
}

static void test_what_is_listed_is_found(void **state)
{
    struct dns_answer a;

    (void)state;
    add("Mail.Example.com.", DNS_A, "198.51.100.7");
    add("mail.example.com", DNS_A, "198.51.100.8");
    a = ask("MAIL.example.com", DNS_A);
    assert_int_equal(a.status, DNS_FOUND);
    assert_int_equal(a.n, 2);
    assert_span_equal(first(&a).octets, SPAN("\xc6\x33\x64\x07"));
}

static void test_what_is_not_listed_does_not_exist(void **state)
{
    (void)state;
    add("a.example", DNS_A, "198.51.100.7");
    assert_int_equal(ask("b.example", DNS_A).status, DNS_NXDOMAIN);
    assert_int_equal(ask("a.example", DNS_MX).status, DNS_NODATA);
    assert_int_equal(ask("a..example", DNS_A).status, DNS_NXDOMAIN);
}

static void test_status_rows(void **state)
{
    (void)state;
    assert_int_equal(dns_script_add_status(&script, SPAN("slow.example"), 0, DNS_TIMEOUT), ERR_OK);
    assert_int_equal(dns_script_add_status(&script, SPAN("a.example"), DNS_TXT, DNS_SERVFAIL),
                     ERR_OK);
    add("a.example", DNS_A, "198.51.100.7");
    assert_int_equal(ask("slow.example", DNS_AAAA).status, DNS_TIMEOUT);
    assert_int_equal(ask("a.example", DNS_TXT).status, DNS_SERVFAIL);
    assert_int_equal(ask("a.example", DNS_A).status, DNS_FOUND);
    assert_int_equal(dns_script_add_status(&script, SPAN("x.example"), 0, DNS_FOUND), ERR_SYNTAX);
}

static void test_aliases_are_followed(void **state)
{
    struct dns_answer a;

    (void)state;
    add("www.example", DNS_CNAME, "host.example.");
    add("host.example", DNS_AAAA, "2001:db8::1");
    add("c1.example", DNS_CNAME, "c2.example");
    add("c2.example", DNS_CNAME, "c1.example");
    assert_int_equal(ask("www.example", DNS_AAAA).status, DNS_FOUND);
    assert_int_equal(ask("www.example", DNS_A).status, DNS_NODATA);
    assert_int_equal(ask("c1.example", DNS_A).status, DNS_SERVFAIL);
    a = ask("www.example", DNS_CNAME);
    assert_span_equal(first(&a).name, SPAN("host.example"));
}

static void test_every_type(void **state)
{
    struct dns_answer a;

    (void)state;
    add("t.example", DNS_MX, "10 MX.Example.com.");
    add("t.example", DNS_MX, "0 .");
    add("t.example", DNS_TXT, " kept as it is ");
    add("t.example", DNS_AAAA, "::ffff:192.0.2.1");
    a = ask("t.example", DNS_MX);
    assert_int_equal(first(&a).preference, 10);
    assert_span_equal(first(&a).name, SPAN("mx.example.com"));
    a = ask("t.example", DNS_TXT);
    assert_span_equal(first(&a).octets, SPAN(" kept as it is "));
    a = ask("t.example", DNS_AAAA);
    assert_int_equal(first(&a).octets.n, 16);
    assert_int_equal(dns_record_addr(&(struct dns_record){.octets = first(&a).octets}).family,
                     IP_V4);
}

static void test_data_that_is_none(void **state)
{
    static const struct {
        enum dns_type type;
        const char *data;
    } cases[] = {
        {DNS_A, ""},           {DNS_A, "2001:db8::1"}, {DNS_A, "1.2.3"},
        {DNS_AAAA, "1.2.3.4"}, {DNS_AAAA, "::g"},      {DNS_MX, "mx.example"},
        {DNS_MX, "10"},        {DNS_MX, "10 "},        {DNS_MX, "65536 a"},
        {DNS_MX, "10 a..b"},   {DNS_PTR, ""},          {DNS_PTR, "a..b"},
        {DNS_CNAME, ".a"},     {DNS_TLSA, "3 1 1 00"}, {DNS_SOA, "a b 1 2 3 4 5"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        span data = guard_copy(span_cstr(cases[i].data));

        if (dns_script_add(&script, SPAN("x.example"), cases[i].type, data) != ERR_SYNTAX)
            fail_msg("accepted: %s", cases[i].data);
    }
    assert_int_equal(script.n, 0);
}

static void test_full(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        add("a.example", DNS_TXT, "x");
    assert_int_equal(dns_script_add(&script, SPAN("a.example"), DNS_TXT, SPAN("x")), ERR_LIMIT);
    dns_script_init(&script, rows, COUNT(rows), buf_over(memory, 16));
    assert_int_equal(dns_script_add(&script, SPAN("a.example"), DNS_TXT, SPAN("too much text")),
                     ERR_LIMIT);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_what_is_listed_is_found, set_up),
        cmocka_unit_test_setup(test_what_is_not_listed_does_not_exist, set_up),
        cmocka_unit_test_setup(test_status_rows, set_up),
        cmocka_unit_test_setup(test_aliases_are_followed, set_up),
        cmocka_unit_test_setup(test_every_type, set_up),
        cmocka_unit_test_setup(test_data_that_is_none, set_up),
        cmocka_unit_test_setup(test_full, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
