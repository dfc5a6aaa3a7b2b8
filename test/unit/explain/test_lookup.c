/* SPDX-License-Identifier: ISC */
/* The look-ups of `herald explain --live` against a scripted DNS. */
#include "cli/ask.h"
#include "cli/lookup.h"
#include "help.h"

static struct dns_script script;
static struct dns_script_row rows[32];
static char script_memory[4096];
static struct cli_dns dns;

static int set_up(void **state)
{
    static const struct {
        const char *name;
        enum dns_type type;
        const char *data;
    } records[] = {
        {"mx.example.com", DNS_A, "203.0.113.80"}, /* moved away: not the refusing server */
        {"web.example.net", DNS_A, "192.0.2.25"},  /* the refusing server itself */
        {"good.example.org", DNS_A, "198.51.100.9"},
        {"9.100.51.198.in-addr.arpa", DNS_PTR, "good.example.org"},
        {"8.100.51.198.in-addr.arpa", DNS_PTR, "lost.example.org"},
        {"listed.example.org", DNS_A, "198.51.100.9"},
        {"listed.example.org.dbl.example", DNS_A, "127.0.1.2"},
    };

    (void)state;
    dns_script_init(&script, rows, COUNT(rows), buf_over(script_memory, sizeof script_memory));
    for (size_t i = 0; i < COUNT(records); i++)
        assert_int_equal(dns_script_add(&script, span_cstr(records[i].name), records[i].type,
                                        span_cstr(records[i].data)),
                         ERR_OK);
    assert_int_equal(
        dns_script_add_status(&script, SPAN("6.100.51.198.in-addr.arpa"), 0, DNS_SERVFAIL), ERR_OK);
    dns.script = &script;
    return 0;
}

static const struct {
    const char *text;
    const char *cause;
} cases[] = {
    {"user@example.org host server.example.org [192.0.2.25] SMTP error from remote mail server "
     "after EHLO "
     "mx.example.com: 550 Bad HELO - Host impersonating domain name [mx.example.com]",
     "helo.forged_local.domain"},
    {"user@example.org host server.example.org [192.0.2.25] SMTP error from remote mail server "
     "after EHLO "
     "web.example.net: 550 Bad HELO - Host impersonating domain name [web.example.net]",
     "helo.forged_local.server"},
    {"550 5.7.25 Client host rejected: cannot find your hostname, [198.51.100.7]", "ptr.none"},
    {"550 5.7.25 Client host rejected: cannot find your hostname, [198.51.100.8]",
     "ptr.unconfirmed"},
    {"550 5.7.25 Client host rejected: cannot find your hostname, [198.51.100.9]",
     "ptr.none_or_unconfirmed"},
    {"550 5.7.25 Client host rejected: cannot find your hostname, [198.51.100.6]",
     "ptr.none_or_unconfirmed"},
    {"554 5.7.1 <nowhere.example.org>: Helo command rejected: Access denied", "helo.unresolvable"},
    {"554 5.7.1 <listed.example.org>: Helo command rejected: Access denied", "helo.listed"},
    {"554 5.7.1 <good.example.org>: Helo command rejected: Access denied", "helo.unspecified"},
    {"550 5.1.1 <nobody@example.org>: User unknown", "rcpt.unknown"},
};

static void dns_settles_what_is_open(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct explain_answer a = explain(cases[i].text);

        cli_lookup(&dns, SPAN("dbl.example"), &a, NULL);
        if (strcmp(a.page->id, cases[i].cause) != 0)
            fail_msg("%s, not %s: %s", a.page->id, cases[i].cause, cases[i].text);
    }
}

static void nothing_is_asked_in_vain(void **state)
{
    struct explain_answer a = explain("550 5.1.1 <nobody@example.org>: User unknown");

    (void)state;
    assert_false(cli_lookup(&dns, SPAN_NONE, &a, NULL));
    a = explain("550 Bad HELO");
    assert_false(cli_lookup(&dns, SPAN_NONE, &a, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dns_settles_what_is_open),
        cmocka_unit_test(nothing_is_asked_in_vain),
    };

    return cmocka_run_group_tests(tests, set_up, NULL);
}
