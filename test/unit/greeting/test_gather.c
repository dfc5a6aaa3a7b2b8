/* SPDX-License-Identifier: ISC */
/* The facts do not depend on the order of the answers, on the moment, or on being asked twice. */
#include "../guard.h"

#include "dns/script.h"
#include "greeting/gather.h"

static struct dns_script_row rows[256];
static char script_memory[65536];
static char answer_memory[DNS_ANSWER_MAX_BYTES];
static struct dns_script script;
static struct greeting_gather gather;

static const span own_names[] = {SPAN_INIT("mx1.example.net"), SPAN_INIT("mx2.example.net")};
static struct ip_addr own_addresses[2];
static struct greeting_server server = {.names = own_names,
                                        .n_names = COUNT(own_names),
                                        .addresses = own_addresses,
                                        .n_addresses = COUNT(own_addresses)};

static void list(const char *name, enum dns_type type, const char *data)
{
    assert_int_equal(dns_script_add(&script, span_cstr(name), type, span_cstr(data)), ERR_OK);
}

/* A name with everything: addresses, MX, PTRs, SPF with an include, and names of ours. */
static int set_up(void **state)
{
    (void)state;
    assert_true(ip_addr_parse(SPAN("192.0.2.1"), &own_addresses[0]));
    assert_true(ip_addr_parse(SPAN("2001:db8:1::1"), &own_addresses[1]));
    dns_script_init(&script, rows, COUNT(rows), BUF_OVER(script_memory));
    list("mx1.example.net", DNS_A, "192.0.2.1");
    list("mx2.example.net", DNS_A, "203.0.113.2");
    list("mx2.example.net", DNS_MX, "10 nat.example.net");
    list("nat.example.net", DNS_A, "203.0.113.3");
    list("mail.example.com", DNS_A, "198.51.100.7");
    list("mail.example.com", DNS_A, "203.0.113.3");
    list("mail.example.com", DNS_MX, "10 a.example.com");
    list("mail.example.com", DNS_MX, "20 mx1.example.net");
    list("mail.example.com", DNS_TXT, "v=spf1 include:spf.example.com -all");
    list("spf.example.com", DNS_TXT, "v=spf1 mx:mail.example.com a:other.example.com ~all");
    list("a.example.com", DNS_A, "198.51.100.9");
    list("7.100.51.198.in-addr.arpa", DNS_PTR, "other.example.com");
    list("7.100.51.198.in-addr.arpa", DNS_PTR, "mail.example.com");
    list("other.example.com", DNS_A, "198.51.100.7");
    list("outside.example.com", DNS_A, "203.0.113.3");
    return 0;
}

static struct greeting_claim claim(const char *client, const char *greeting)
{
    struct greeting_claim c = {.greeting = span_cstr(greeting)};

    assert_true(ip_addr_parse(span_cstr(client), &c.client));
    return c;
}

static void tell(unsigned tag, struct dns_question q)
{
    struct buf mem = BUF_OVER(answer_memory);
    struct dns_answer a = dns_script_ask(&script, q, &mem);

    greeting_gather_told(&gather, tag, &a);
    memset(answer_memory, 'x', sizeof(answer_memory));
}

/* Ask everything that is wanted, then answer one of what is open, picked by `pick`; and again. */
static struct greeting_facts run(const struct greeting_claim *c, unsigned (*pick)(unsigned n))
{
    struct greeting_event open[GREETING_SLOTS_MAX];
    unsigned n = 0;

    greeting_gather_init(&gather, c, &server);
    for (;;) {
        struct greeting_event event;
        struct greeting_event again;
        enum greeting_need need = greeting_gather_next(&gather, &event);

        assert_int_equal(greeting_gather_next(&gather, &again), need);
        if (need == GREETING_KNOWN)
            return *greeting_gather_facts(&gather);
        if (need == GREETING_ASK) {
            assert_int_equal(again.tag, event.tag);
            greeting_gather_asked(&gather, event.tag);
            open[n++] = event;
            continue;
        }
        {
            unsigned i = pick(n);

            assert_true(n > 0);
            tell(open[i].tag, open[i].question);
            open[i] = open[--n];
        }
    }
}

static unsigned first(unsigned n)
{
    (void)n;
    return 0;
}

static unsigned last(unsigned n)
{
    return n - 1;
}

static uint32_t seed;

static unsigned shuffled(unsigned n)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % n;
}

static const char *const greetings[] = {
    "mail.example.com",
    "MX1.example.net.",
    "outside.example.com",
    "[203.0.113.3]",
    "[192.0.2.1]",
    "localhost",
    "none.example.com",
    "web-1",
    "",
    "198.51.100.7",
};

static void test_order_does_not_matter(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(greetings); i++) {
        struct greeting_claim c = claim("198.51.100.7", greetings[i]);
        struct greeting_facts want = run(&c, first);
        struct greeting_facts got = run(&c, last);

        assert_memory_equal(&want, &got, sizeof(want));
        for (seed = 1; seed < 400; seed++) {
            got = run(&c, shuffled);
            assert_memory_equal(&want, &got, sizeof(want));
        }
    }
}

static unsigned value(const struct greeting_facts *f, enum greeting_fact fact)
{
    return f->value[fact];
}

static void test_facts_of_a_whole_name(void **state)
{
    struct greeting_claim c = claim("198.51.100.7", "mail.example.com");
    struct greeting_facts f = run(&c, first);

    (void)state;
    assert_int_equal(value(&f, FACT_RESOLVES), RESOLVES_ADDR);
    assert_int_equal(value(&f, FACT_ADDRESS_MATCH), PASS_PASS);
    assert_int_equal(value(&f, FACT_MATCHES_RDNS), MATCH_YES);
    assert_int_equal(value(&f, FACT_IPREV), IPREV_PASS);
    assert_int_equal(value(&f, FACT_SPF_HELO), SPF_PASS);
    /* 203.0.113.3 is ours: DNS has it for the MX of our second name. */
    assert_int_equal(value(&f, FACT_RESOLVES_TO_OWN), OWN_ADDR);
    assert_span_equal(greeting_gather_host(&gather, 0), SPAN("mail.example.com"));
    assert_span_equal(greeting_gather_host(&gather, 1), SPAN("other.example.com"));
    assert_int_equal(greeting_gather_host(&gather, 2).n, 0);
}

static void test_own_addresses_out_of_dns(void **state)
{
    struct greeting_claim c = claim("198.51.100.7", "[203.0.113.3]");
    struct greeting_facts f = run(&c, first);

    (void)state;
    assert_int_equal(value(&f, FACT_OWN_ADDRESS), YES_YES);
    server.addresses_known = true;
    f = run(&c, first);
    server.addresses_known = false;
    assert_int_equal(value(&f, FACT_OWN_ADDRESS), YES_NO);
}

/* What strangers say of our address is ours when it is claimed; being there proves nothing. */
static void test_learned_addresses(void **state)
{
    static const struct {
        const char *client;
        const char *greeting;
        enum greeting_fact fact;
        unsigned sure,
            learned; /* the value when the last address is sure, and when it was learned */
    } cases[] = {
        {"198.51.100.7", "[IPv6:2001:db8:1::1]", FACT_OWN_ADDRESS, YES_YES, YES_YES},
        {"198.51.100.7", "[192.0.2.1]", FACT_OWN_ADDRESS, YES_YES, YES_YES},
        {"198.51.100.7", "six.example.com", FACT_RESOLVES_TO_OWN, OWN_ADDR, OWN_ADDR},
        {"192.0.2.1", "mx2.example.net", FACT_VOUCHED, VOUCHED_YES, VOUCHED_YES},
        {"2001:db8:1::1", "mx2.example.net", FACT_VOUCHED, VOUCHED_YES, VOUCHED_NO},
    };

    (void)state;
    list("six.example.com", DNS_AAAA, "2001:db8:1::1");
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct greeting_claim c = claim(cases[i].client, cases[i].greeting);
        struct greeting_facts f = run(&c, first);

        assert_int_equal(value(&f, cases[i].fact), cases[i].sure);
        server.n_learned = 1;
        f = run(&c, first);
        server.n_learned = 0;
        assert_int_equal(value(&f, cases[i].fact), cases[i].learned);
    }
}

static void test_patience_ends_at_any_point(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(greetings); i++) {
        for (unsigned told = 0; told < 30; told++) {
            struct greeting_claim c = claim("198.51.100.7", greetings[i]);
            struct greeting_event event;

            greeting_gather_init(&gather, &c, &server);
            for (unsigned k = 0; k < told && greeting_gather_next(&gather, &event) == GREETING_ASK;
                 k++)
                tell(event.tag, event.question);
            greeting_gather_timeout(&gather);
            assert_int_equal(greeting_gather_next(&gather, &event), GREETING_KNOWN);
            if (told == 0 && gather.name.form == FORM_FQDN && i < 3) {
                const struct greeting_facts *f = greeting_gather_facts(&gather);

                assert_int_equal(value(f, FACT_RESOLVES), RESOLVES_TEMPERROR);
                assert_int_equal(value(f, FACT_SPF_HELO), SPF_TEMPERROR);
                assert_int_equal(value(f, FACT_RDNS), RDNS_TEMPERROR);
                assert_int_equal(value(f, FACT_IPREV), IPREV_TEMPERROR);
            }
        }
    }
}

/* The resolver is another process: what it answers may be anything. */
static void test_answers_that_do_not_fit(void **state)
{
    struct greeting_claim c = claim("198.51.100.7", "mail.example.com");
    struct greeting_event event;

    (void)state;
    greeting_gather_init(&gather, &c, &server);
    while (greeting_gather_next(&gather, &event) == GREETING_ASK) {
        struct dns_answer a = dns_answer_of(DNS_TLSA, DNS_NODATA);

        greeting_gather_told(&gather, event.tag, &a);
        greeting_gather_told(&gather, event.tag, &a);
    }
    assert_int_equal(event.need, GREETING_KNOWN);
    assert_int_equal(value(greeting_gather_facts(&gather), FACT_RESOLVES), RESOLVES_TEMPERROR);
    tell(0, (struct dns_question){SPAN("mail.example.com"), DNS_PTR});
    assert_int_equal(value(greeting_gather_facts(&gather), FACT_RDNS), RDNS_TEMPERROR);
}

/* A name of many addresses is compared whole; many PTR names are followed within the limit. */
static void test_many_records(void **state)
{
    struct greeting_claim c = claim("198.51.100.77", "many.example.com");
    struct greeting_facts f;
    char text[64];

    (void)state;
    dns_script_init(&script, rows, COUNT(rows), BUF_OVER(script_memory));
    for (int i = 0; i < 100; i++) {
        struct buf b = BUF_OVER(text);

        buf_printf(&b, "198.51.100.%d", i);
        list("many.example.com", DNS_A, buf_cstr(&b));
        buf_reset(&b);
        buf_printf(&b, "ptr%d.example.com", i);
        list("77.100.51.198.in-addr.arpa", DNS_PTR, buf_cstr(&b));
    }
    list("77.100.51.198.in-addr.arpa", DNS_PTR, "many.example.com");
    f = run(&c, first);
    assert_int_equal(value(&f, FACT_ADDRESS_MATCH), PASS_PASS);
    assert_int_equal(value(&f, FACT_MATCHES_RDNS), MATCH_YES);
    assert_true(greeting_gather_ptr(&gather, GREETING_PTR_MAX - 1).n > 0);
    assert_int_equal(greeting_gather_ptr(&gather, GREETING_PTR_MAX).n, 0);
}

/* The limits of questions hold for the worst that DNS can say. */
static void test_worst_case_fits(void **state)
{
    static const span names[] = {SPAN_INIT("o1.example"), SPAN_INIT("o2.example"),
                                 SPAN_INIT("o3.example"), SPAN_INIT("o4.example"),
                                 SPAN_INIT("o5.example")};
    struct greeting_server many = {.names = names, .n_names = COUNT(names)};
    struct greeting_claim c = claim("198.51.100.77", "worst.example.com");
    struct greeting_event event;
    static const char *const all[] = {"worst.example.com",          "o1.example", "o2.example",
                                      "77.100.51.198.in-addr.arpa", "o3.example", "o4.example"};
    char name[300];
    char data[300];

    (void)state;
    dns_script_init(&script, rows, COUNT(rows), BUF_OVER(script_memory));
    for (size_t i = 0; i < COUNT(all); i++) {
        for (int k = 0; k < 12; k++) {
            struct buf b = BUF_OVER(name);
            struct buf d = BUF_OVER(data);

            for (int label = 0; label < 4; label++)
                buf_printf(&b, "%060d.", k);
            buf_printf(&b, "ab%d%zu", k, i);
            buf_printf(&d, "10 %s", buf_cstr(&b));
            if (i == 3)
                list(all[i], DNS_PTR, buf_cstr(&b));
            else
                list(all[i], DNS_MX, buf_cstr(&d));
        }
    }
    greeting_gather_init(&gather, &c, &many);
    while (greeting_gather_next(&gather, &event) == GREETING_ASK)
        tell(event.tag, event.question);
    assert_int_equal(event.need, GREETING_KNOWN);
    assert_true(gather.n_slots > 45);
}

static void test_tables(void **state)
{
    static const span domains[] = {SPAN_INIT("example.net"), SPAN_INIT("a.example.org")};
    static const struct {
        const char *name;
        enum greeting_local want;
    } cases[] = {
        {"example.net", LOCAL_EXACT}, {"x.example.net", LOCAL_UNDER}, {"myexample.net", LOCAL_NO},
        {"example.org", LOCAL_NO},    {"a.example.org", LOCAL_EXACT}, {"", LOCAL_NO},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_int_equal(greeting_local_domain(guard_copy(span_cstr(cases[i].name)), domains, 2),
                         cases[i].want);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_order_does_not_matter, set_up),
        cmocka_unit_test_setup(test_facts_of_a_whole_name, set_up),
        cmocka_unit_test_setup(test_own_addresses_out_of_dns, set_up),
        cmocka_unit_test_setup(test_learned_addresses, set_up),
        cmocka_unit_test_setup(test_patience_ends_at_any_point, set_up),
        cmocka_unit_test_setup(test_answers_that_do_not_fit, set_up),
        cmocka_unit_test_setup(test_many_records, set_up),
        cmocka_unit_test_setup(test_worst_case_fits, set_up),
        cmocka_unit_test(test_tables),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
