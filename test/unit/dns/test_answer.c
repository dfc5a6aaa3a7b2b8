/* SPDX-License-Identifier: ISC */
#include "../guard.h"

#include "dns/answer.h"

static char memory[DNS_ANSWER_MAX_BYTES + 100];

static struct dns_answer make_mx(struct buf *mem)
{
    struct dns_answer a = dns_answer_of(DNS_MX, DNS_NODATA);

    dns_answer_add(&a, mem,
                   &(struct dns_record){.preference = 10, .name = SPAN("MX.Example.com.")});
    dns_answer_add(&a, mem, &(struct dns_record){.preference = 0, .name = SPAN(".")});
    a.ttl_s = 300;
    a.secure = true;
    return a;
}

static void test_status_is_three_valued(void **state)
{
    static const struct {
        enum dns_status status;
        enum dns_state want;
    } cases[] = {
        {DNS_FOUND, DNS_PRESENT},    {DNS_NXDOMAIN, DNS_ABSENT}, {DNS_NODATA, DNS_ABSENT},
        {DNS_SERVFAIL, DNS_UNKNOWN}, {DNS_TIMEOUT, DNS_UNKNOWN}, {DNS_BOGUS, DNS_UNKNOWN},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        enum dns_status back;

        assert_int_equal(dns_status_state(cases[i].status), cases[i].want);
        assert_true(dns_status_parse(dns_status_word(cases[i].status), &back));
        assert_int_equal(back, cases[i].status);
    }
}

static void test_records_come_back_in_order(void **state)
{
    struct buf mem = BUF_OVER(memory);
    struct dns_answer a = make_mx(&mem);
    struct dns_cursor at = dns_records(&a);
    struct dns_record r;

    (void)state;
    assert_int_equal(a.status, DNS_FOUND);
    assert_true(dns_record_next(&at, &r));
    assert_int_equal(r.preference, 10);
    assert_span_equal(r.name, SPAN("mx.example.com"));
    assert_true(dns_record_next(&at, &r));
    assert_span_equal(r.name, SPAN(""));
    assert_false(dns_record_next(&at, &r));
}

static void test_travels_between_processes(void **state)
{
    char frame[512];
    char again[512];
    struct buf mem = BUF_OVER(memory);
    struct buf packed = BUF_OVER(frame);
    struct buf repacked = BUF_OVER(again);
    struct dns_answer a = make_mx(&mem);
    struct dns_answer b;
    struct unpack u;

    (void)state;
    dns_answer_pack(&packed, &a);
    assert_false(packed.overflow);
    u = unpack_over(guard_copy(buf_span(&packed)));
    assert_true(dns_answer_unpack(&u, &b));
    assert_true(unpack_done(&u));
    dns_answer_pack(&repacked, &b);
    assert_span_equal(buf_span(&repacked), buf_span(&packed));
    assert_true(b.secure);
    assert_int_equal(b.ttl_s, 300);
}

static void test_a_certificate_association_travels(void **state)
{
    char frame[512];
    struct buf mem = BUF_OVER(memory);
    struct buf packed = BUF_OVER(frame);
    struct dns_answer a = dns_answer_of(DNS_TLSA, DNS_NODATA), b;
    struct dns_cursor at;
    struct dns_record r;
    struct unpack u;

    (void)state;
    dns_answer_add(
        &a, &mem,
        &(struct dns_record){.usage = 3, .selector = 1, .matching = 2, .octets = SPAN("\0hash")});
    dns_answer_pack(&packed, &a);
    u = unpack_over(guard_copy(buf_span(&packed)));
    assert_true(dns_answer_unpack(&u, &b));
    at = dns_records(&b);
    assert_true(dns_record_next(&at, &r));
    assert_int_equal(r.usage, 3);
    assert_int_equal(r.selector, 1);
    assert_int_equal(r.matching, 2);
    assert_span_equal(r.octets, SPAN("\0hash"));
    assert_int_equal(dns_record_addr(&r).family, IP_NONE);
    /* A type that is none of those that are asked for. */
    frame[3] = 99;
    u = unpack_over(guard_copy(buf_span(&packed)));
    assert_false(dns_answer_unpack(&u, &b));
}

static void test_every_cut_of_a_packed_answer_is_refused(void **state)
{
    char frame[512];
    struct buf mem = BUF_OVER(memory);
    struct buf packed = BUF_OVER(frame);
    struct dns_answer a = make_mx(&mem);
    struct dns_answer b;

    (void)state;
    dns_answer_pack(&packed, &a);
    for (size_t n = 0; n < packed.n; n++) {
        struct unpack u = unpack_over(guard_copy(span_head(buf_span(&packed), n)));

        assert_false(dns_answer_unpack(&u, &b));
    }
}

static void test_malformed_records_are_refused(void **state)
{
    static const struct {
        const char *what;
        enum dns_type type;
        enum dns_status status;
        uint32_t n;
        span record;
    } cases[] = {
        {"an IPv4 address of 3 octets", DNS_A, DNS_FOUND, 1, SPAN_INIT("\3\0\0\0abc")},
        {"an IPv6 address of 4 octets", DNS_AAAA, DNS_FOUND, 1, SPAN_INIT("\4\0\0\0abcd")},
        {"an MX without preference", DNS_MX, DNS_FOUND, 1, SPAN_INIT("\1\0\0\0a")},
        {"a name with capitals", DNS_PTR, DNS_FOUND, 1, SPAN_INIT("\1\0\0\0A")},
        {"a name with a line end", DNS_PTR, DNS_FOUND, 1, SPAN_INIT("\2\0\0\0a\n")},
        {"more records than stated", DNS_TXT, DNS_FOUND, 0, SPAN_INIT("\1\0\0\0a")},
        {"fewer records than stated", DNS_TXT, DNS_FOUND, 2, SPAN_INIT("\1\0\0\0a")},
        {"records where there are none", DNS_TXT, DNS_NXDOMAIN, 1, SPAN_INIT("\1\0\0\0a")},
        {"a length past the end", DNS_TXT, DNS_FOUND, 1, SPAN_INIT("\2\0\0\0a")},
        {"an SOA", DNS_SOA, DNS_FOUND, 1, SPAN_INIT("\1\0\0\0a")},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char frame[128];
        struct buf packed = BUF_OVER(frame);
        struct dns_answer a = {.type = cases[i].type,
                               .status = cases[i].status,
                               .n = cases[i].n,
                               .records = cases[i].record};
        struct dns_answer b;
        struct unpack u;

        dns_answer_pack(&packed, &a);
        u = unpack_over(guard_copy(buf_span(&packed)));
        if (dns_answer_unpack(&u, &b))
            fail_msg("accepted: %s", cases[i].what);
    }
}

static void test_no_more_than_the_limits(void **state)
{
    static char big[40000];
    struct buf mem = BUF_OVER(memory);
    struct dns_answer a = dns_answer_of(DNS_A, DNS_NODATA);
    struct dns_answer t = dns_answer_of(DNS_TXT, DNS_NODATA);

    (void)state;
    for (int i = 0; i < 600; i++)
        dns_answer_add(&a, &mem, &(struct dns_record){.octets = SPAN("abcd")});
    assert_int_equal(a.n, DNS_RECORDS_MAX);
    assert_true(a.cut);
    buf_reset(&mem);
    memset(big, 'x', sizeof(big));
    for (int i = 0; i < 3; i++)
        dns_answer_add(&t, &mem, &(struct dns_record){.octets = span_of(big, sizeof(big))});
    assert_int_equal(t.n, 1);
    assert_true(t.cut);
    assert_int_equal(t.status, DNS_FOUND);
    dns_answer_add(&t, &mem, &(struct dns_record){.octets = SPAN("small")});
    assert_int_equal(t.n, 2);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_status_is_three_valued),
        cmocka_unit_test(test_records_come_back_in_order),
        cmocka_unit_test(test_travels_between_processes),
        cmocka_unit_test(test_a_certificate_association_travels),
        cmocka_unit_test(test_every_cut_of_a_packed_answer_is_refused),
        cmocka_unit_test(test_malformed_records_are_refused),
        cmocka_unit_test(test_no_more_than_the_limits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
