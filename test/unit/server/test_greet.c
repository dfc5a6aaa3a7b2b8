/* SPDX-License-Identifier: ISC */
/* How greetings of sessions are judged, what is said of them and what is kept. */
#include "greet_rig.h"

static const struct {
    const char *policy, *client, *greeting;
    enum from from;
    enum greeting_action action;
    unsigned code;
    const char *cause; /* empty when accepted */
    const char *says;  /* in the reply */
} stories[] = {
    /* A pod. */
    {"policy = strict", "203.0.113.66", "[10.42.3.17]", SUBMISSION, GREETING_ACCEPT, 250, "", ""},
    {"policy = strict", "203.0.113.66", "[127.0.0.1]", SUBMISSION, GREETING_ACCEPT, 250, "", ""},
    {"policy = strict", "203.0.113.66", "web-7d9f8b6c5-x2x9q", SUBMISSION, GREETING_ACCEPT, 250, "",
     ""},
    {"policy = strict", "203.0.113.66", "[10.42.3.17]", OUTSIDE, GREETING_REFUSE, 550,
     "helo.literal.private", "[10.42.3.17]"},
    {"policy = strict", "203.0.113.66", "web-7d9f8b6c5-x2x9q", OUTSIDE, GREETING_REFUSE, 550,
     "helo.not_fqdn", "\"web-7d9f8b6c5-x2x9q\""},
    {"policy = standard", "203.0.113.66", "web-7d9f8b6c5-x2x9q", OUTSIDE, GREETING_ACCEPT, 250, "",
     ""},
    /* A web server, and a stranger. */
    {"policy = strict", "198.51.100.20", "hosted.example.org", OUTSIDE, GREETING_ACCEPT, 250, "",
     ""},
    {"", "198.51.100.20", "hosted.example.org", OUTSIDE, GREETING_ACCEPT, 250, "", ""},
    {"", "203.0.113.66", "hosted.example.org", OUTSIDE, GREETING_REFUSE, 550,
     "helo.forged_local.domain", "203.0.113.66 (no reverse name)"},
    {"policy = observe", "203.0.113.66", "hosted.example.org", OUTSIDE, GREETING_ACCEPT, 250, "",
     ""},
    {"", "203.0.113.66", "hosted.example.org", TRUSTED, GREETING_ACCEPT, 250, "", ""},
    /* Our own name in any spelling; our own address, also the one that only DNS tells. */
    {"", "198.51.100.20", "mx1.example.net", OUTSIDE, GREETING_REFUSE, 550,
     "helo.forged_local.server", "198.51.100.20 (web1.far.example)"},
    {"", "203.0.113.66", "MX1.Example.NET.", OUTSIDE, GREETING_REFUSE, 550,
     "helo.forged_local.server", "which is our own name"},
    {"", "203.0.113.66", "[192.0.2.2]", OUTSIDE, GREETING_REFUSE, 550, "helo.forged_local.server",
     "[192.0.2.2]"},
    {"", "203.0.113.66", "[192.0.2.9]", OUTSIDE, GREETING_REFUSE, 550, "helo.forged_local.server",
     "[192.0.2.9]"},
    /* DNS does not answer: never for good, never a pass for our own name. */
    {"", "203.0.113.99", "mx1.example.net", OUTSIDE, GREETING_DEFER, 451,
     "helo.forged_local.server", "no lasting refusal"},
    {"policy = strict", "203.0.113.99", "slow.example", OUTSIDE, GREETING_ACCEPT, 250, "", ""},
    /* Literals of the client itself; names that resolve elsewhere. */
    {"policy = strict", "2001:db8::7", "[IPv6:2001:0DB8:0:0:0:0:0:7]", OUTSIDE, GREETING_ACCEPT,
     250, "", ""},
    {"policy = strict", "198.51.100.7", "[198.51.100.70]", OUTSIDE, GREETING_ACCEPT, 250, "", ""},
    {"policy = strict", "198.51.100.7", "else.example", OUTSIDE, GREETING_ACCEPT, 250, "", ""},
    {"check \"helo.ip_mismatch\" = unsafe_refuse", "198.51.100.7", "else.example", OUTSIDE,
     GREETING_REFUSE, 550, "helo.ip_mismatch", "else.example"},
    /* Exemptions: by network, by a confirmed name, and over. */
    {"exempt = [{ client = \"203.0.113.0/24\"; check = \"helo.forged_local\"; reason = \"farm\"; "
     "}]",
     "203.0.113.66", "hosted.example.org", OUTSIDE, GREETING_ACCEPT, 250, "", ""},
    {"exempt = [{ host = \"far.example\"; reason = \"theirs\"; }]", "198.51.100.7",
     "hosted.example.org", OUTSIDE, GREETING_ACCEPT, 250, "", ""},
    {"exempt = [{ client = \"203.0.113.66\"; reason = \"was\"; until = \"2026-11-21\"; }]",
     "203.0.113.66", "hosted.example.org", OUTSIDE, GREETING_REFUSE, 550,
     "helo.forged_local.domain", "hosted.example.org"},
    {"listed = [\"*.far.example\"]; check \"helo.listed\" = enforce; "
     "exempt = [{ spf = \"mail.far.example\"; reason = \"ours\"; }]",
     "198.51.100.7", "mail.far.example", OUTSIDE, GREETING_ACCEPT, 250, "", ""},
    {"", "203.0.113.99", "[192.0.2.9]", OUTSIDE, GREETING_REFUSE, 550, "helo.forged_local.server",
     "203.0.113.99 (reverse name not known now)"},
    /* Whom the operator answers for, and whom he does not want. */
    {"vouched = [\"203.0.113.66 mx1.example.net\"]", "203.0.113.66", "mx1.example.net", OUTSIDE,
     GREETING_ACCEPT, 250, "", ""},
    {"vouched = [\"203.0.113.66 mx1.example.net\"]", "203.0.113.67", "mx1.example.net", OUTSIDE,
     GREETING_REFUSE, 550, "helo.forged_local.server", "our own name"},
    {"listed = [\"*.far.example\"]; check \"helo.listed\" = enforce", "198.51.100.7",
     "mail.far.example", OUTSIDE, GREETING_REFUSE, 550, "helo.listed", "mail.far.example"},
};

static void check_story(size_t i)
{
    struct greet *g;
    struct greeting_verdict v;
    char memory[GREET_REPLY_BYTES];
    struct buf b = BUF_OVER(memory);

    start(stories[i].policy);
    g = greet_as(stories[i].client, stories[i].greeting, stories[i].from, false);
    greet_judge_name(g, &v);
    assert_int_equal(v.action, GREETING_ACCEPT);
    await(g);
    greet_judge(g, &v);
    if (v.action != stories[i].action || v.code != stories[i].code ||
        !span_eq(v.cause, span_cstr(stories[i].cause)))
        fail_msg("story %zu, %s from %s: %.*s", i, stories[i].greeting, stories[i].client,
                 SPAN_ARG(v.cause));
    if (v.action != GREETING_ACCEPT) {
        struct smtp_reply r = greet_reply(g, &v, SPAN("7QK2M9P"), &b);

        assert_int_equal(r.code, stories[i].code);
        assert_int_equal(v.stage, STAGE_RCPT);
        assert_false(b.overflow);
        if (span_search(r.text, span_cstr(stories[i].says)) == r.text.n)
            fail_msg("story %zu says: %.*s", i, SPAN_ARG(r.text));
    }
    assert_int_equal(questions == 0, stories[i].from != OUTSIDE);
    greet_free(g);
    stop();
}

static void the_stories(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(stories); i++)
        check_story(i);
}

/* What cannot be a name is refused at once, whoever says it; an underscore only when it is strict.
 */
static void broken_syntax(void **state)
{
    static const struct {
        const char *policy, *greeting;
        enum from from;
        unsigned code;
    } rows[] = {
        {"", "a b", OUTSIDE, 501},
        {"policy = observe", "a\tb", OUTSIDE, 501},
        {"", "a b", SUBMISSION, 501},
        {"", "http://x/", OUTSIDE, 501},
        {"", "http://x/", SUBMISSION, 250},
        {"", "a_b.example", OUTSIDE, 250},
        {"policy = strict", "a_b.example", OUTSIDE, 501},
        {"policy = strict", "a_b.example", TRUSTED, 250},
        {"policy = strict; refuse_at = helo", "localhost", OUTSIDE, 250},
        /* Who may be freed by what only DNS tells waits for that. */
        {"exempt = [{ host = \"far.example\"; check = \"helo.syntax\"; reason = \"x\"; }]",
         "http://x/", OUTSIDE, 250},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct greeting_verdict v;
        struct greet *g;

        start(rows[i].policy);
        g = greet_as("203.0.113.66", rows[i].greeting, rows[i].from, false);
        greet_judge_name(g, &v);
        if (v.code != rows[i].code)
            fail_msg("%s: %u", rows[i].greeting, v.code);
        greet_free(g);
        stop();
    }
}

static void assert_results(const struct greet *g, const char *want)
{
    char memory[AUTHRES_MAX_BYTES];
    struct buf b = BUF_OVER(memory);

    greet_put_results(g, &b);
    assert_span_equal(buf_span(&b), span_cstr(want));
}

static void what_the_header_tells(void **state)
{
    struct greet *g;

    (void)state;
    start("");
    g = greet_as("198.51.100.7", "mail.far.example", OUTSIDE, false);
    greet_from(g, SPAN("bob@far.example"));
    await(g);
    assert_span_equal(greet_host(g), SPAN("mail.far.example"));
    assert_results(g, "Authentication-Results: mx1.example.net; iprev=pass "
                      "policy.iprev=198.51.100.7\r\n"
                      "\t(mail.far.example); spf=pass smtp.helo=mail.far.example; spf=pass\r\n"
                      "\tsmtp.mailfrom=bob@far.example\r\n");
    /* A sender with letters beyond ASCII: its domain is asked for in A-labels. */
    greet_from(g, SPAN("bob@b\303\274cher.example"));
    await(g);
    assert_results(g, "Authentication-Results: mx1.example.net; iprev=pass "
                      "policy.iprev=198.51.100.7\r\n"
                      "\t(mail.far.example); spf=pass smtp.helo=mail.far.example; spf=fail\r\n"
                      "\tsmtp.mailfrom=bob@xn--bcher-kva.example\r\n");
    /* Another sender, and the null sender. */
    greet_from(g, SPAN("a@slow.example"));
    assert_false(greet_from_is_ready(g));
    await(g);
    assert_true(greet_gave_up(g));
    assert_results(g, "Authentication-Results: mx1.example.net; iprev=pass "
                      "policy.iprev=198.51.100.7\r\n"
                      "\t(mail.far.example); spf=pass smtp.helo=mail.far.example; spf=temperror\r\n"
                      "\tsmtp.mailfrom=a@slow.example\r\n");
    greet_from(g, SPAN_NONE);
    assert_results(g, "Authentication-Results: mx1.example.net; iprev=pass "
                      "policy.iprev=198.51.100.7\r\n"
                      "\t(mail.far.example); spf=pass smtp.helo=mail.far.example\r\n");
    greet_free(g);
    g = greet_as("198.51.100.7", "mail.far.example", TRUSTED, false);
    assert_results(g, "");
    greet_free(g);
    stop();
}

/* Who waited for DNS in vain once does not wait again in that session. */
static void waits_once(void **state)
{
    struct greet *g;
    struct greeting_verdict v;

    (void)state;
    start("");
    chan_close(&resolver);
    g = greet_as("203.0.113.66", "mx1.example.net", OUTSIDE, false);
    greet_from(g, SPAN("bob@far.example"));
    turns();
    assert_false(greet_is_ready(g) || greet_from_is_ready(g));
    clock_advance(5001);
    turns();
    assert_true(greet_is_ready(g) && greet_from_is_ready(g) && greet_gave_up(g));
    assert_true(calls >= 1);
    greet_judge(g, &v);
    assert_int_equal(v.code, 451);
    greet_from(g, SPAN("else@far.example"));
    assert_true(greet_from_is_ready(g));
    greet_free(g);
    g = greet_as("203.0.113.66", "hosted.example.org", OUTSIDE, true);
    assert_true(greet_is_ready(g));
    greet_judge(g, &v);
    assert_int_equal(v.code, 451);
    greet_free(g);
    stop();
}

/* A client that comes again costs no question until DNS says it is time; own names are asked once.
 */
static void asks_once(void **state)
{
    struct greet *g;
    struct greeting_verdict v;
    unsigned before;

    (void)state;
    start("");
    for (int i = 0; i < 3; i++) {
        before = questions;
        g = greet_as("198.51.100.7", "mail.far.example", OUTSIDE, false);
        greet_from(g, SPAN("bob@far.example"));
        await(g);
        greet_judge(g, &v);
        assert_int_equal(v.action, GREETING_ACCEPT);
        assert_span_equal(greet_host(g), SPAN("mail.far.example"));
        assert_int_equal(questions == before, i != 0);
        greet_free(g);
    }
    assert_int_equal(calls, 2);
    clock_advance(INT64_C(1000) * (GREET_MEMO_S + 1));
    turns();
    before = questions;
    g = greet_as("198.51.100.7", "mail.far.example", OUTSIDE, false);
    await(g);
    /* PTR, its address, and A, AAAA, MX, TXT and once more A of the name. */
    assert_int_equal(questions, before + 7);
    assert_true(shared.own.server.addresses_known);
    assert_int_equal(shared.own.server.n_addresses, 3);
    greet_free(g);
    stop();
}

/* What is kept for the process is what DNS said, not what a session did; and only what it said. */
static void what_is_kept(void **state)
{
    static const struct greet_start starts[] = {
        {.name = SPAN_INIT("[198.51.100.7]")},
        {.name = SPAN_INIT("[198.51.100.7]"), .is_helo = true},
        {.name = SPAN_INIT("[198.51.100.7]"), .changed = true},
        {.name = SPAN_INIT("[198.51.100.7]"), .early = true},
        {.name = SPAN_INIT("[198.51.100.7]")},
    };
    static const char *const unknown[] = {"slow.example", "broken.example"};
    struct greet *g;

    (void)state;
    start("");
    for (size_t i = 0; i < COUNT(starts); i++) {
        struct greeting_facts f;

        g = greet_from_start("198.51.100.7", starts[i]);
        await(g);
        f = greet_facts(g);
        assert_int_equal(f.value[FACT_SYNTAX],
                         starts[i].is_helo ? SYNTAX_NOT_FOR_HELO : SYNTAX_VALID);
        assert_int_equal(f.value[FACT_CHANGED], starts[i].changed ? YES_YES : YES_NO);
        assert_int_equal(f.value[FACT_EARLY], starts[i].early ? YES_YES : YES_NO);
        greet_free(g);
    }
    for (size_t i = 0; i < COUNT(unknown); i++) {
        for (int k = 0; k < 2; k++) {
            unsigned before = questions;

            g = greet_as("198.51.100.7", unknown[i], OUTSIDE, false);
            await(g);
            assert_int_equal(greet_facts(g).value[FACT_RESOLVES], RESOLVES_TEMPERROR);
            assert_true(questions > before);
            greet_free(g);
        }
    }
    stop();
}

/* Who hands over by LMTP greets as he likes. */
static void lmtp_is_not_judged(void **state)
{
    struct greet_start s = {.name = SPAN("web-1"), .lmtp = true};
    struct greeting_verdict v;
    struct greet *g;

    (void)state;
    start("policy = strict");
    g = greet_from_start("203.0.113.66", s);
    await(g);
    greet_judge(g, &v);
    assert_int_equal(v.action, GREETING_ACCEPT);
    assert_int_equal(questions, 0);
    greet_free(g);
    stop();
}

/* An entry that is out of date is told once an hour, however it is spelt. */
static void a_stale_entry_is_told_once(void **state)
{
    static const char *const said[] = {"moved.example.org", "Moved.Example.org",
                                       "moved.example.org"};
    struct greet *g;

    (void)state;
    start("");
    for (size_t i = 0; i < COUNT(said); i++) {
        if (i == 2)
            clock_advance(INT64_C(3600) * 1000 + 1);
        g = greet_as("198.51.100.80", said[i], OUTSIDE, false);
        await(g);
        assert_int_equal(greet_has_stale(g), i != 1);
        greet_free(g);
    }
    g = greet_as("198.51.100.20", "hosted.example.org", OUTSIDE, false);
    await(g);
    assert_false(greet_has_stale(g));
    greet_free(g);
    stop();
}

/* A session may end at any moment, and the resolver may die. */
static void ends_in_the_middle(void **state)
{
    struct greet *g;

    (void)state;
    start("");
    for (int i = 0; i < 12; i++) {
        g = greet_as("198.51.100.20", "hosted.example.org", OUTSIDE, false);
        greet_from(g, SPAN("bob@far.example"));
        for (int k = 0; k < i; k++)
            loop_turn(loop, 0);
        if (i == 5)
            greet_from_drop(g);
        greet_free(g);
    }
    g = greet_as("203.0.113.66", "else.example", OUTSIDE, false);
    chan_close(&resolver);
    turns();
    resolver_start();
    turns();
    assert_true(greet_is_ready(g));
    assert_false(greet_gave_up(g));
    greet_free(g);
    stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_stories),
        cmocka_unit_test(broken_syntax),
        cmocka_unit_test(what_the_header_tells),
        cmocka_unit_test(waits_once),
        cmocka_unit_test(asks_once),
        cmocka_unit_test(what_is_kept),
        cmocka_unit_test(lmtp_is_not_judged),
        cmocka_unit_test(a_stale_entry_is_told_once),
        cmocka_unit_test(ends_in_the_middle),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
