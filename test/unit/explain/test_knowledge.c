/* SPDX-License-Identifier: ISC */
#include "../guard.h"
#include "explain/knowledge.h"

/* The list of causes that all parts of herald share. */
static const char *const causes[] = {
    "helo.not_fqdn",
    "helo.bare_ip",
    "helo.literal.private",
    "helo.literal.mismatch",
    "helo.literal.refused",
    "helo.unresolvable",
    "helo.invalid_tld",
    "helo.localhost",
    "helo.syntax",
    "helo.sequence",
    "helo.early",
    "helo.ehlo_refused",
    "helo.forged_local",
    "helo.forged_local.domain",
    "helo.forged_local.server",
    "helo.forged_other",
    "helo.listed",
    "helo.changes",
    "helo.spf_fail",
    "helo.ptr_mismatch",
    "helo.ip_mismatch",
    "helo.generic",
    "helo.unspecified",
    "ptr.none",
    "ptr.unconfirmed",
    "ptr.none_or_unconfirmed",
    "ptr.generic",
    "ptr.temp",
    "rep.ip_listed",
    "rep.ip_block",
    "rep.ip_reputation",
    "rep.domain_listed",
    "rep.dynamic_ip",
    "rep.geo",
    "rep.dnsbl_query_error",
    "auth.spf_fail",
    "auth.dkim_fail",
    "auth.dmarc_fail",
    "auth.unauthenticated",
    "auth.smtp_required",
    "auth.smtp_failed",
    "relay.denied",
    "sender.domain_unresolvable",
    "sender.rejected",
    "sender.unverified",
    "rcpt.unknown",
    "rcpt.disabled",
    "rcpt.full",
    "rcpt.restricted",
    "rcpt.moved",
    "rcpt.domain_unknown",
    "rcpt.domain_no_mail",
    "rcpt.syntax",
    "rate.greylist",
    "rate.connections",
    "rate.messages",
    "content.spam",
    "content.virus",
    "content.policy",
    "content.format",
    "content.too_big",
    "policy.generic",
    "tls.required",
    "tls.failed",
    "net.timeout",
    "net.dns",
    "net.loop",
    "net.expired",
    "server.temp",
    "server.config",
    "server.storage",
    "proto.syntax",
    "proto.sequence",
    "local.mailer",
    "ambiguous",
};

static const struct explain_facts facts = {
    .greeting = SPAN_INIT("mx1.example.net"),
    .client = SPAN_INIT("198.51.100.7"),
    .reference = SPAN_INIT("7QK2M9"),
    .url = SPAN_INIT("https://mx1.example.net/why/7QK2M9"),
};

static const struct explain_page *page(const char *id)
{
    const struct explain_page *p = explain_page_find(span_cstr(id));

    if (p == NULL)
        fail_msg("no page for %s", id);
    return p;
}

static void every_cause_has_a_page(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(causes); i++) {
        const struct explain_page *p = page(causes[i]);

        assert_true(p->title[0] != '\0' && p->saw[0] != '\0' && p->why[0] != '\0');
        assert_true(p->sender[0] != '\0' && p->receiver[0] != '\0');
    }
    assert_int_equal(explain_page_count, COUNT(causes));
    assert_null(explain_page_find(SPAN("helo.nonsense")));
}

static bool has_fix(const char *topic)
{
    for (size_t i = 0; i < explain_fix_count; i++)
        if (strcmp(explain_fixes[i].topic, topic) == 0 &&
            strcmp(explain_fixes[i].software, "any") == 0)
            return true;
    return topic[0] == '\0';
}

/* What herald itself refuses for says so in words of its own; fix topics and alternatives exist. */
static void pages_hold_together(void **state)
{
    (void)state;
    for (size_t i = 0; i < explain_page_count; i++) {
        const struct explain_page *p = &explain_pages[i];
        bool own = strcmp(p->branch, "helo") == 0 || strcmp(p->branch, "ptr") == 0;

        assert_true(!own || (p->texts[0] != NULL && p->code != 0 && p->enhanced[0] != '\0'));
        assert_true(p->code == 0 || p->texts[0] != NULL);
        /* Never 421, 504 or 554 for a lasting fault. */
        assert_true(!own || (p->code != 421 && p->code != 504 && p->code != 554));
        assert_true(has_fix(p->fix));
        for (const struct explain_alternative *a = p->alternatives; a->cause != NULL; a++)
            assert_non_null(page(a->cause));
    }
}

static void a_refusal_is_worded(void **state)
{
    char memory[EXPLAIN_REPLY_BYTES];
    struct buf b = BUF_OVER(memory);
    struct explain_reply r;

    (void)state;
    assert_true(explain_reply(page("helo.forged_local.server"), &facts, &b, &r));
    assert_int_equal(r.code, 550);
    assert_string_equal(r.enhanced, "5.7.1");
    assert_int_equal(r.lines, 3);
    assert_span_equal(r.line[0],
                      SPAN("You greeted us as \"mx1.example.net\", which is our own name"));
    assert_span_equal(r.line[1],
                      SPAN("but you are 198.51.100.7 (no reverse name), and nothing in DNS "
                           "ties that name to you."));
    assert_span_equal(r.line[2], SPAN("Give your mail software a host name of its own. Ref 7QK2M9 "
                                      "https://mx1.example.net/why/7QK2M9"));
}

/* Whatever a peer called itself: every page fits, in printable lines, none too long. */
static void hostile_facts_are_tamed(void **state)
{
    static char name[5000];
    struct explain_facts f = facts;
    struct explain_reply r;

    (void)state;
    memset(name, '\r', sizeof name);
    f.greeting = f.ptr = f.client = f.url = f.reference = span_of(name, sizeof name);
    for (size_t i = 0; i < explain_page_count; i++) {
        char memory[EXPLAIN_REPLY_BYTES];
        struct buf b = BUF_OVER(memory);

        if (!explain_reply(&explain_pages[i], &f, &b, &r))
            fail_msg("%s does not fit", explain_pages[i].id);
        for (size_t k = 0; k < r.lines; k++) {
            assert_true(r.line[k].n > 0 && r.line[k].n <= EXPLAIN_LINE_BYTES);
            assert_false(span_has(r.line[k], '\r') || span_has(r.line[k], '{'));
        }
    }
}

static void facts_that_are_missing_leave_no_gap(void **state)
{
    struct explain_facts f = {.greeting = SPAN("x"), .client = SPAN("192.0.2.1")};
    char memory[EXPLAIN_REPLY_BYTES];
    struct buf b = BUF_OVER(memory);
    struct explain_reply r;

    (void)state;
    assert_true(explain_reply(page("helo.not_fqdn"), &f, &b, &r));
    assert_true(span_ends(r.line[2], SPAN("software to that name.")));
    b = buf_over(memory, 10);
    assert_false(explain_reply(page("helo.not_fqdn"), &f, &b, &r));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_cause_has_a_page),
        cmocka_unit_test(pages_hold_together),
        cmocka_unit_test(a_refusal_is_worded),
        cmocka_unit_test(hostile_facts_are_tamed),
        cmocka_unit_test(facts_that_are_missing_leave_no_gap),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
