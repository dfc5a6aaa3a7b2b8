/* SPDX-License-Identifier: ISC */
#include "../guard.h"

#include <stdio.h>

#include "packet.h"

static char packet_memory[65536];
static char answer_memory[DNS_ANSWER_MAX_BYTES];
static struct buf packet;
static struct buf mem;

static int set_up(void **state)
{
    (void)state;
    packet = BUF_OVER(packet_memory);
    mem = BUF_OVER(answer_memory);
    return 0;
}

static enum err read_for(const char *name, enum dns_type type, struct dns_answer *out)
{
    struct dns_question q = {span_cstr(name), type};

    assert_false(packet.overflow);
    return dns_wire_read(guard_copy(buf_span(&packet)), q, &mem, out);
}

static struct dns_answer must_read(const char *name, enum dns_type type)
{
    struct dns_answer a = {0};

    assert_int_equal(read_for(name, type, &a), ERR_OK);
    return a;
}

static struct dns_record first(const struct dns_answer *a)
{
    struct dns_cursor at = dns_records(a);
    struct dns_record r = {0};

    assert_true(dns_record_next(&at, &r));
    return r;
}

static void test_addresses(void **state)
{
    struct dns_answer a;

    (void)state;
    packet_begin(&packet, PACKET_RESPONSE | 0x20, "Mail.Example.COM", DNS_A);
    packet_data(&packet, "mAIL.example.com", DNS_A, 300, SPAN("\xc6\x33\x64\x07"));
    packet_data(&packet, "mail.example.com", DNS_A, 60, SPAN("\xc6\x33\x64\x08"));
    a = must_read("mail.example.com.", DNS_A);
    assert_int_equal(a.n, 2);
    assert_int_equal(a.ttl_s, 60);
    assert_true(a.secure);
    assert_span_equal(first(&a).octets, SPAN("\xc6\x33\x64\x07"));
}

static void test_mx_with_pointer(void **state)
{
    struct dns_answer a;

    (void)state;
    packet_begin(&packet, PACKET_RESPONSE, "example.com", DNS_MX);
    packet_record(&packet, "example.com", DNS_MX, 300, 7);
    packet_u16(&packet, 10);
    buf_put(&packet, SPAN("\2MX"));
    packet_pointer(&packet, PACKET_AT_NAME);
    a = must_read("example.com", DNS_MX);
    assert_int_equal(first(&a).preference, 10);
    assert_span_equal(first(&a).name, SPAN("mx.example.com"));
}

static void test_txt_strings_are_joined(void **state)
{
    struct dns_answer a;

    (void)state;
    packet_begin(&packet, PACKET_RESPONSE, "example.com", DNS_TXT);
    packet_data(&packet, "example.com", DNS_TXT, 1,
                SPAN("\5v=spf\0\5"
                     "1 -al\1l"));
    a = must_read("example.com", DNS_TXT);
    assert_span_equal(first(&a).octets, SPAN("v=spf1 -all"));
}

static void test_odd_octets_are_escaped(void **state)
{
    struct dns_answer a;

    (void)state;
    packet_begin(&packet, PACKET_RESPONSE, "1.example", DNS_PTR);
    packet_data(&packet, "1.example", DNS_PTR, 1, SPAN("\5A.\\ \n\2xy\0"));
    a = must_read("1.example", DNS_PTR);
    assert_span_equal(first(&a).name, SPAN("a\\046\\092\\032\\010.xy"));
}

static void test_alias_is_followed(void **state)
{
    struct dns_answer a;

    (void)state;
    packet_begin(&packet, PACKET_RESPONSE, "www.example.com", DNS_A);
    packet_data(&packet, "c.example.net", DNS_A, 9, SPAN("\1\2\3\4"));
    packet_target(&packet, "b.example.net", DNS_CNAME, "c.example.net");
    packet_target(&packet, "www.example.com", DNS_CNAME, "B.example.net");
    packet_data(&packet, "stranger.example", DNS_A, 9, SPAN("\6\6\6\6"));
    a = must_read("www.example.com", DNS_A);
    assert_int_equal(a.n, 1);
    assert_int_equal(a.ttl_s, 9);
    assert_span_equal(first(&a).octets, SPAN("\1\2\3\4"));
}

static void test_alias_loop_is_servfail(void **state)
{
    struct dns_answer a;

    (void)state;
    packet_begin(&packet, PACKET_RESPONSE, "a.example", DNS_A);
    packet_target(&packet, "a.example", DNS_CNAME, "b.example");
    packet_target(&packet, "b.example", DNS_CNAME, "a.example");
    a = must_read("a.example", DNS_A);
    assert_int_equal(a.status, DNS_SERVFAIL);
}

/* Chains of DNS_CHAIN_MAX aliases are followed, one more is not. */
static void test_long_chain(void **state)
{
    (void)state;
    for (unsigned length = DNS_CHAIN_MAX; length <= DNS_CHAIN_MAX + 1; length++) {
        struct dns_answer a;
        char from[16];
        char to[16];

        packet_begin(&packet, PACKET_RESPONSE, "n0.example", DNS_A);
        for (unsigned i = 0; i < length; i++) {
            (void)snprintf(from, sizeof(from), "n%u.example", i);
            (void)snprintf(to, sizeof(to), "n%u.example", i + 1);
            packet_target(&packet, from, DNS_CNAME, to);
        }
        packet_data(&packet, to, DNS_A, 9, SPAN("\1\2\3\4"));
        a = must_read("n0.example", DNS_A);
        assert_int_equal(a.status, length == DNS_CHAIN_MAX ? DNS_FOUND : DNS_SERVFAIL);
    }
}

static void test_status_of_rcodes(void **state)
{
    static const struct {
        unsigned rcode;
        enum dns_status want;
    } cases[] = {{0, DNS_NODATA},   {1, DNS_SERVFAIL}, {2, DNS_SERVFAIL},
                 {3, DNS_NXDOMAIN}, {4, DNS_SERVFAIL}, {5, DNS_SERVFAIL}};

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        packet_begin(&packet, PACKET_RESPONSE | cases[i].rcode, "x.example", DNS_AAAA);
        assert_int_equal(must_read("x.example", DNS_AAAA).status, cases[i].want);
    }
}

static void test_negative_answer_lives_as_the_soa_says(void **state)
{
    static const char soa[] = "\0\0\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\x3c";
    struct dns_answer a;

    (void)state;
    packet_begin(&packet, PACKET_RESPONSE | 3, "x.example", DNS_A);
    packet_data(&packet, "example", DNS_SOA, 900, span_of(soa, sizeof(soa) - 1));
    packet.p[7] = 0;
    packet.p[9] = 1;
    a = must_read("x.example", DNS_A);
    assert_int_equal(a.status, DNS_NXDOMAIN);
    assert_int_equal(a.ttl_s, 60);
}

static void test_not_a_response_to_this(void **state)
{
    struct dns_answer a;

    (void)state;
    packet_begin(&packet, PACKET_RESPONSE, "x.example", DNS_A);
    assert_int_equal(read_for("y.example", DNS_A, &a), ERR_ABSENT);
    assert_int_equal(read_for("x.example", DNS_AAAA, &a), ERR_ABSENT);
    packet_begin(&packet, 0x0100, "x.example", DNS_A);
    assert_int_equal(read_for("x.example", DNS_A, &a), ERR_ABSENT);
    packet_begin(&packet, PACKET_RESPONSE | 0x200, "x.example", DNS_A);
    assert_int_equal(read_for("x.example", DNS_A, &a), ERR_ABSENT);
}

static void test_compression_loops_end(void **state)
{
    static const span data[] = {
        SPAN_INIT("\xc0\x30"),    /* at itself */
        SPAN_INIT("\xc0\x32"),    /* forward */
        SPAN_INIT("\1a\xc0\x30"), /* at the name's own beginning */
        SPAN_INIT("\xc0\x00"),    /* into the header */
        SPAN_INIT("\xff\xff"),    /* past the end */
        SPAN_INIT("\x80"
                  "abc"), /* a reserved label type */
        SPAN_INIT("\x3f"
                  "abc"), /* a label past the end */
    };

    (void)state;
    for (size_t i = 0; i < COUNT(data); i++) {
        struct dns_answer a;

        packet_begin(&packet, PACKET_RESPONSE, "x.example", DNS_PTR);
        packet_data(&packet, "x.example", DNS_PTR, 1, data[i]);
        assert_int_equal(read_for("x.example", DNS_PTR, &a), ERR_SYNTAX);
    }
}

static void test_malformed_data(void **state)
{
    static const struct {
        enum dns_type type;
        span data;
    } cases[] = {
        {DNS_A, SPAN_INIT("abc")},     {DNS_A, SPAN_INIT("abcde")},
        {DNS_AAAA, SPAN_INIT("abcd")}, {DNS_TXT, SPAN_INIT("\5abc")},
        {DNS_MX, SPAN_INIT("\0")},     {DNS_PTR, SPAN_INIT("\1a\0trailing")},
        {DNS_TLSA, SPAN_INIT("\3\1")},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct dns_answer a;

        packet_begin(&packet, PACKET_RESPONSE, "x.example", cases[i].type);
        packet_data(&packet, "x.example", cases[i].type, 1, cases[i].data);
        /* Something behind it, so that reading too far finds octets. */
        packet_data(&packet, "y.example", DNS_A, 1, SPAN("abcd"));
        assert_int_equal(read_for("x.example", cases[i].type, &a), ERR_SYNTAX);
    }
}

static void test_every_cut_of_a_packet_is_refused(void **state)
{
    struct dns_answer a;
    struct dns_question q = {SPAN("www.example.com"), DNS_A};

    (void)state;
    packet_begin(&packet, PACKET_RESPONSE, "www.example.com", DNS_A);
    packet_target(&packet, "www.example.com", DNS_CNAME, "b.example.net");
    packet_data(&packet, "b.example.net", DNS_A, 9, SPAN("\1\2\3\4"));
    for (size_t n = 0; n < packet.n; n++) {
        span cut = guard_copy(span_head(buf_span(&packet), n));

        assert_int_equal(dns_wire_read(cut, q, &mem, &a), ERR_SYNTAX);
    }
}

static void test_500_addresses_and_much_text(void **state)
{
    char text[256];
    struct dns_answer a;

    (void)state;
    packet_begin(&packet, PACKET_RESPONSE, "x.example", DNS_A);
    for (int i = 0; i < 500; i++)
        packet_data(&packet, "x.example", DNS_A, 1, SPAN("abcd"));
    a = must_read("x.example", DNS_A);
    assert_int_equal(a.n, 500);
    assert_false(a.cut);
    for (int i = 500; i < 600; i++)
        packet_data(&packet, "x.example", DNS_A, 1, SPAN("abcd"));
    a = must_read("x.example", DNS_A);
    assert_int_equal(a.n, DNS_RECORDS_MAX);
    assert_true(a.cut);

    packet_begin(&packet, PACKET_RESPONSE, "x.example", DNS_TXT);
    memset(text, 'x', sizeof(text));
    text[0] = (char)0xff;
    for (int i = 0; i < 200; i++)
        packet_data(&packet, "x.example", DNS_TXT, 1, span_of(text, sizeof(text)));
    mem = buf_over(answer_memory, 4096);
    a = must_read("x.example", DNS_TXT);
    assert_int_equal(a.n, 15);
    assert_true(a.cut);
}

static void test_query(void **state)
{
    uint16_t id = 0;

    (void)state;
    assert_true(dns_wire_put_query(&packet, 0xbeef, (struct dns_question){SPAN("a.b"), DNS_MX}, 0));
    assert_span_equal(buf_span(&packet),
                      SPAN("\xbe\xef\x01\x20\0\1\0\0\0\0\0\0\1a\1b\0\0\x0f\0\1"));
    assert_true(dns_wire_id(buf_span(&packet), &id));
    assert_int_equal(id, 0xbeef);
}

static void test_query_with_room(void **state)
{
    struct dns_question q = {SPAN("a.b"), DNS_AAAA};
    uint16_t id = 7;

    (void)state;
    assert_true(dns_wire_put_query(&packet, 1, q, 1232));
    /* One additional record: the root, OPT, 1232, no flags, no data (RFC 6891 6.1.2). */
    assert_span_equal(buf_span(&packet), SPAN("\0\1\x01\x20\0\1\0\0\0\0\0\1\1a\1b\0\0\x1c\0\1"
                                              "\0\0\x29\x04\xd0\0\0\0\0\0\0"));
    assert_false(dns_wire_id(guard_copy(span_head(buf_span(&packet), 11)), &id));
    assert_int_equal(id, 7);
    q.name = SPAN("a..b");
    assert_false(dns_wire_put_query(&packet, 1, q, 0));
}

/* RFC 2181 8: a time to live with the highest bit set is none. */
static void test_a_negative_ttl_is_none(void **state)
{
    struct dns_answer a;

    (void)state;
    packet_begin(&packet, PACKET_RESPONSE, "x.example", DNS_A);
    packet_data(&packet, "x.example", DNS_A, 0x80000001, SPAN("\1\2\3\4"));
    a = must_read("x.example", DNS_A);
    assert_int_equal(a.status, DNS_FOUND);
    assert_int_equal(a.ttl_s, 0);
}

static void test_names_that_are_none(void **state)
{
    static const char *const bad[] = {
        "a..b",   ".a",    "a..",
        "a\\",    "a\\25", "a\\256",
        "a\\2x5", "..",    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.b",
    };
    static const char *const good[] = {"", ".", "a", "a.", "a\\.b", "a\\000b", "_x.y"};
    char octets[300];
    char longest[260];

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct buf b = BUF_OVER(octets);

        if (dns_name_put(&b, guard_copy(span_cstr(bad[i]))))
            fail_msg("accepted: %s", bad[i]);
    }
    for (size_t i = 0; i < COUNT(good); i++) {
        struct buf b = BUF_OVER(octets);

        if (!dns_name_put(&b, guard_copy(span_cstr(good[i]))))
            fail_msg("refused: %s", good[i]);
    }
    memset(longest, 'a', sizeof(longest));
    for (size_t i = 1; i < sizeof(longest); i += 2)
        longest[i] = '.';
    for (size_t n = 253; n <= 255; n += 2) {
        struct buf b = BUF_OVER(octets);

        assert_int_equal(dns_name_put(&b, span_of(longest, n)), n == 253);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_addresses, set_up),
        cmocka_unit_test_setup(test_mx_with_pointer, set_up),
        cmocka_unit_test_setup(test_txt_strings_are_joined, set_up),
        cmocka_unit_test_setup(test_odd_octets_are_escaped, set_up),
        cmocka_unit_test_setup(test_alias_is_followed, set_up),
        cmocka_unit_test_setup(test_alias_loop_is_servfail, set_up),
        cmocka_unit_test_setup(test_long_chain, set_up),
        cmocka_unit_test_setup(test_status_of_rcodes, set_up),
        cmocka_unit_test_setup(test_negative_answer_lives_as_the_soa_says, set_up),
        cmocka_unit_test_setup(test_not_a_response_to_this, set_up),
        cmocka_unit_test_setup(test_compression_loops_end, set_up),
        cmocka_unit_test_setup(test_malformed_data, set_up),
        cmocka_unit_test_setup(test_every_cut_of_a_packet_is_refused, set_up),
        cmocka_unit_test_setup(test_500_addresses_and_much_text, set_up),
        cmocka_unit_test_setup(test_query, set_up),
        cmocka_unit_test_setup(test_query_with_room, set_up),
        cmocka_unit_test_setup(test_a_negative_ttl_is_none, set_up),
        cmocka_unit_test_setup(test_names_that_are_none, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
