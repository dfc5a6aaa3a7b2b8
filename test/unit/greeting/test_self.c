/* SPDX-License-Identifier: ISC */
#include "../guard.h"

#include "dns/script.h"
#include "greeting/self.h"

static struct dns_script_row rows[32];
static char memory[8192], answers[DNS_ANSWER_MAX_BYTES];
static struct dns_script script;
static struct greeting_self s;

static struct ip_addr addr(const char *text)
{
    struct ip_addr a = {0};

    assert_true(ip_addr_parse(span_cstr(text), &a));
    return a;
}

static int set_up(void **state)
{
    (void)state;
    dns_script_init(&script, rows, COUNT(rows), BUF_OVER(memory));
    return 0;
}

static void record(const char *name, enum dns_type type, const char *value)
{
    assert_int_equal(dns_script_add(&script, span_cstr(name), type, span_cstr(value)), ERR_OK);
}

/* All questions at once, then the answers from the last to the first, until nothing is wanted. */
static unsigned ask_all(const char *address, const char *mapped, const char *configured,
                        const char *host)
{
    const span names[] = {span_cstr(mapped), span_cstr(configured), span_cstr(host)};
    struct dns_question q[GREETING_SELF_SLOTS_MAX];
    unsigned tag[GREETING_SELF_SLOTS_MAX], n, total = 0;

    greeting_self_init(&s, address != NULL ? addr(address) : (struct ip_addr){0}, names);
    do {
        for (n = 0; greeting_self_next(&s, &q[n], &tag[n]); n++)
            ;
        total += n;
        for (unsigned i = n; i-- > 0;) {
            struct buf mem = BUF_OVER(answers);
            struct dns_answer a = dns_script_ask(&script, q[i], &mem);

            greeting_self_told(&s, tag[i], &a);
            greeting_self_told(&s, tag[i], &a); /* a second one is ignored */
        }
    } while (n > 0);
    assert_true(greeting_self_is_known(&s));
    return total;
}

static void test_names_and_ties(void **state)
{
    struct greeting_candidates c = {0};

    (void)state;
    record("9.113.0.203.in-addr.arpa", DNS_PTR, "A.example.net");
    record("9.113.0.203.in-addr.arpa", DNS_PTR, "b.example.net");
    record("a.example.net", DNS_A, "203.0.113.9");
    record("b.example.net", DNS_A, "203.0.113.10");
    record("map.example.net", DNS_A, "203.0.113.9");
    assert_int_equal(dns_script_add_status(&script, SPAN("host.example.net"), 0, DNS_TIMEOUT),
                     ERR_OK);
    assert_int_equal(
        ask_all("203.0.113.9", "map.example.net", "gone.example.net", "host.example.net"), 6);
    greeting_self_fill(&s, &c);
    assert_int_equal(c.n_confirmed, 1);
    assert_span_equal(c.confirmed[0], SPAN("a.example.net"));
    assert_span_equal(greeting_self_ptr(&s, 1), SPAN("b.example.net"));
    assert_int_equal(greeting_self_ptr(&s, 2).n, 0);
    assert_int_equal(c.tied[SELF_MAPPED], PASS_PASS);
    assert_int_equal(c.tied[SELF_CONFIGURED], PASS_FAIL);
    assert_int_equal(c.tied[SELF_HOST], PASS_TEMPERROR);
    assert_true(greeting_self_is_doubtful(&s));
    greeting_self_trust(&c);
    assert_int_equal(c.tied[SELF_CONFIGURED], PASS_FAIL);
}

/* An IPv6 address asks for AAAA; nothing is asked about what is no name, or without an address. */
static void test_what_is_asked(void **state)
{
    struct greeting_candidates c = {0};

    (void)state;
    record("mail.example.net", DNS_AAAA, "2001:db8::25");
    record("mail.example.net", DNS_A, "203.0.113.9");
    assert_int_equal(ask_all("2001:db8::25", "mail.example.net", "web-1", "10.0.0.1"), 2);
    greeting_self_fill(&s, &c);
    assert_int_equal(c.tied[SELF_MAPPED], PASS_PASS);
    assert_int_equal(c.tied[SELF_CONFIGURED], PASS_NA);
    assert_false(greeting_self_is_doubtful(&s));
    assert_int_equal(ask_all(NULL, "mail.example.net", "", ""), 0);
}

/* A hundred reverse names: ten are followed. */
static void test_bounds(void **state)
{
    struct buf mem = BUF_OVER(answers);
    struct dns_answer a = dns_answer_of(DNS_PTR, DNS_NODATA);
    const span names[SELF_NAMES] = {SPAN_NONE};
    struct dns_question q;
    char text[300];
    unsigned tag, n = 0;

    (void)state;
    memset(text, 'a', sizeof(text));
    for (int i = 0; i < 100; i++) {
        struct dns_record r = {.name = i % 2 == 0 ? span_of(text, sizeof(text))
                                                  : SPAN("x.example.net")};

        dns_answer_add(&a, &mem, &r);
    }
    greeting_self_init(&s, addr("203.0.113.9"), names);
    assert_true(greeting_self_next(&s, &q, &tag));
    greeting_self_told(&s, tag, &a);
    while (greeting_self_next(&s, &q, &tag))
        n++;
    assert_int_equal(n, GREETING_SELF_PTR_MAX / 2);
}

static void advises(const struct greeting_candidates *c, const char *words)
{
    struct greeting_choice choice;
    char room[1024];
    struct buf b = BUF_OVER(room);

    greeting_choose(c, &choice);
    greeting_self_advise(&b, c, &choice, SPAN("out"));
    assert_false(b.overflow);
    if (words == NULL)
        assert_int_equal(b.n, 0);
    else if (span_search(buf_span(&b), span_cstr(words)) == b.n)
        fail_msg("\"%s\" is not in \"%.*s\"", words, SPAN_ARG(buf_span(&b)));
}

static void test_advice(void **state)
{
    static const span confirmed[] = {SPAN_INIT("ptr.example.net")};
    struct greeting_candidates c = {.address = addr("203.0.113.9"),
                                    .mapped = SPAN("mail.example.com"),
                                    .host = SPAN("web-1"),
                                    .tied = {PASS_PASS, PASS_NA, PASS_NA}};

    (void)state;
    advises(&c, "publish: 9.113.0.203.in-addr.arpa. PTR mail.example.com.");
    c.confirmed = confirmed;
    c.n_confirmed = 1;
    advises(&c, "the reverse name is \"ptr.example.net\": greet with it, or publish: ");
    c.mapped = SPAN("ptr.example.net");
    advises(&c, NULL);
    c.tied[SELF_MAPPED] = PASS_FAIL;
    advises(&c, "publish: ptr.example.net. A 203.0.113.9");
    c.mapped = SPAN("bad_name.example");
    advises(&c, "the egress's name \"bad_name.example\" is not said: it has an underscore");
    c = (struct greeting_candidates){.host = SPAN("web-1")};
    advises(&c, "nothing can be said, and mail waits: set hostname, or greeting of egress \"out\" "
                "(the host name \"web-1\" will not do: it is not fully qualified)");
    advises(&c, "set public_address");
    c.host = SPAN("a\"\x1b.example\n");
    advises(&c, "\\x1b");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_names_and_ties, set_up),
        cmocka_unit_test_setup(test_what_is_asked, set_up),
        cmocka_unit_test_setup(test_bounds, set_up),
        cmocka_unit_test_setup(test_advice, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
