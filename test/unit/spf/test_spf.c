/* SPDX-License-Identifier: ISC */
/* How the engine is driven; what it decides is in test/spf/cases.txt. */
#include "../guard.h"

#include "dns/script.h"
#include "spf/spf.h"

static struct dns_script_row rows[64];
static char script_memory[65536];
static char answer_memory[DNS_ANSWER_MAX_BYTES];
static char spf_memory[SPF_MEMORY_BYTES];
static struct dns_script script;
static struct spf spf;

static void list(const char *name, enum dns_type type, span data)
{
    assert_int_equal(dns_script_add(&script, span_cstr(name), type, data), ERR_OK);
}

static void begin(size_t memory_bytes)
{
    struct spf_identity who = {.sender = SPAN("user@t.example"), .helo = SPAN("h.example")};

    assert_true(ip_addr_parse(SPAN("192.0.2.1"), &who.client));
    spf_init(&spf, &who, spf_memory, memory_bytes);
}

static int set_up(void **state)
{
    (void)state;
    dns_script_init(&script, rows, COUNT(rows), BUF_OVER(script_memory));
    return 0;
}

static void answer(const struct spf_event *event)
{
    struct buf mem = BUF_OVER(answer_memory);
    struct dns_answer a = dns_script_ask(&script, event->question, &mem);

    spf_told(&spf, &a);
    memset(answer_memory, 'x', sizeof(answer_memory));
}

static struct spf_event finish(void)
{
    struct spf_event event;

    while (spf_next(&spf, &event) == SPF_ASK)
        answer(&event);
    return event;
}

static void test_next_is_idempotent(void **state)
{
    struct spf_event first;
    struct spf_event again;

    (void)state;
    list("t.example", DNS_TXT, SPAN("v=spf1 a:a.example -all"));
    begin(sizeof(spf_memory));
    do {
        assert_int_equal(spf_next(&spf, &first), spf_next(&spf, &again));
        assert_span_equal(first.question.name, again.question.name);
        assert_int_equal(first.question.type, again.question.type);
        if (first.need == SPF_ASK)
            answer(&first);
    } while (first.need == SPF_ASK);
    assert_int_equal(first.result, SPF_FAIL);
    assert_int_equal(spf_next(&spf, &again), SPF_DONE);
}

static void test_patience_ends(void **state)
{
    struct spf_event event;

    (void)state;
    list("t.example", DNS_TXT, SPAN("v=spf1 a:a.example -all exp=e.example"));
    begin(sizeof(spf_memory));
    spf_timeout(&spf);
    assert_int_equal(spf_next(&spf, &event), SPF_DONE);
    assert_int_equal(event.result, SPF_TEMPERROR);

    /* While only the explanation is missing the result stands. */
    begin(sizeof(spf_memory));
    while (spf_next(&spf, &event) == SPF_ASK && event.question.name.p[0] != 'e')
        answer(&event);
    assert_int_equal(event.need, SPF_ASK);
    spf_timeout(&spf);
    assert_int_equal(spf_next(&spf, &event), SPF_DONE);
    assert_int_equal(event.result, SPF_FAIL);
}

static void test_records_that_do_not_fit(void **state)
{
    static char big[20000];
    struct spf_event event;

    (void)state;
    memset(big, ' ', sizeof(big));
    memcpy(big, "v=spf1", 6);
    list("t.example", DNS_TXT, span_of(big, sizeof(big)));
    begin(sizeof(spf_memory));
    event = finish();
    assert_int_equal(event.result, SPF_PERMERROR);
    assert_int_equal(event.problem, SPF_TOO_BIG);
    begin(4);
    assert_int_equal(finish().problem, SPF_TOO_BIG);
    /* More TXT than is kept: whether there is a record among the others cannot be said. */
    {
        struct dns_answer cut = dns_answer_of(DNS_TXT, DNS_NODATA);

        cut.cut = true;
        begin(sizeof(spf_memory));
        spf_told(&spf, &cut);
        assert_int_equal(spf_next(&spf, &event), SPF_DONE);
        assert_int_equal(event.result, SPF_PERMERROR);
        assert_int_equal(event.problem, SPF_TOO_BIG);
    }
}

/* Ten includes deep is allowed and fits; each leaves no memory behind. */
static void test_deepest_includes(void **state)
{
    char name[32];
    char record[64];
    struct spf_event event;

    (void)state;
    list("t.example", DNS_TXT, SPAN("v=spf1 include:i1.example -all"));
    for (int i = 1; i <= 10; i++) {
        struct buf n = BUF_OVER(name);
        struct buf r = BUF_OVER(record);

        buf_printf(&n, "i%d.example", i);
        if (i < 10)
            buf_printf(&r, "v=spf1 include:i%d.example ?all", i + 1);
        else
            buf_put(&r, SPAN("v=spf1 ip4:192.0.2.1 -all"));
        list(buf_cstr(&n), DNS_TXT, buf_span(&r));
    }
    begin(sizeof(spf_memory));
    event = finish();
    assert_int_equal(event.result, SPF_PASS);
    assert_int_equal(event.lookups, 10);
    assert_span_equal(event.mechanism, SPAN("include:i1.example"));
}

static void test_answers_that_do_not_fit(void **state)
{
    struct dns_answer other = dns_answer_of(DNS_MX, DNS_NODATA);
    struct spf_event event;

    (void)state;
    begin(sizeof(spf_memory));
    spf_told(&spf, &other);
    assert_int_equal(spf_next(&spf, &event), SPF_DONE);
    assert_int_equal(event.result, SPF_TEMPERROR);
    other = dns_answer_of(DNS_TXT, DNS_NODATA);
    spf_told(&spf, &other);
    assert_int_equal(spf_next(&spf, &event), SPF_DONE);
    assert_int_equal(event.result, SPF_TEMPERROR);
}

static void test_each_failure_of_dns_is_temperror(void **state)
{
    static const enum dns_status bad[] = {DNS_SERVFAIL, DNS_TIMEOUT, DNS_BOGUS};

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct dns_answer a = dns_answer_of(DNS_TXT, bad[i]);
        struct spf_event event;

        begin(sizeof(spf_memory));
        spf_told(&spf, &a);
        assert_int_equal(spf_next(&spf, &event), SPF_DONE);
        assert_int_equal(event.result, SPF_TEMPERROR);
    }
}

/* The text is the domain's, what stands in for its macros the client's: neither can end a line. */
static void test_explanations_are_printable(void **state)
{
    static const struct {
        span text;
        span sender;
        span want;
    } cases[] = {
        {SPAN_INIT("no %{l}"), SPAN_INIT("bob@t.example"), SPAN_INIT("no bob")},
        {SPAN_INIT("no\r\n250 ok"), SPAN_INIT("bob@t.example"), SPAN_INIT("")},
        {SPAN_INIT("no \033[31m"), SPAN_INIT("bob@t.example"), SPAN_INIT("")},
        {SPAN_INIT("no\tmail"), SPAN_INIT("bob@t.example"), SPAN_INIT("")},
        {SPAN_INIT("n\303\266"), SPAN_INIT("bob@t.example"), SPAN_INIT("")},
        {SPAN_INIT("no %{l}"), SPAN_INIT("b\r\n250 ok@t.example"), SPAN_INIT("")},
        {SPAN_INIT("no %{s}"), SPAN_INIT("b\033[31m@t.example"), SPAN_INIT("")},
        {SPAN_INIT("no %{L}"), SPAN_INIT("b\r\n@t.example"), SPAN_INIT("no b%0D%0A")},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct spf_identity who = {.sender = cases[i].sender, .helo = SPAN("h.example")};
        struct spf_event event;

        dns_script_init(&script, rows, COUNT(rows), BUF_OVER(script_memory));
        list("t.example", DNS_TXT, SPAN("v=spf1 -all exp=e.example"));
        list("e.example", DNS_TXT, cases[i].text);
        assert_true(ip_addr_parse(SPAN("192.0.2.1"), &who.client));
        spf_init(&spf, &who, spf_memory, sizeof(spf_memory));
        event = finish();
        assert_int_equal(event.result, SPF_FAIL);
        assert_span_equal(event.explanation, cases[i].want);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_next_is_idempotent, set_up),
        cmocka_unit_test_setup(test_patience_ends, set_up),
        cmocka_unit_test_setup(test_records_that_do_not_fit, set_up),
        cmocka_unit_test_setup(test_deepest_includes, set_up),
        cmocka_unit_test_setup(test_answers_that_do_not_fit, set_up),
        cmocka_unit_test_setup(test_explanations_are_printable, set_up),
        cmocka_unit_test_setup(test_each_failure_of_dns_is_temperror, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
