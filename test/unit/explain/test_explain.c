/* SPDX-License-Identifier: ISC */
#include "help.h"

static const char *folder; /* test/explain */

/* What the text gives around the cause. NULL: the text does not say. */
static const struct {
    const char *text, *cause, *stage, *greeting, *client, *recipient, *software, *reporter;
    bool late;
} facts[] = {
    {"postfix/smtpd[2211]: NOQUEUE: reject: RCPT from unknown[192.0.2.8]: 504 5.5.2 <WEB-01>: Helo "
     "command "
     "rejected: need fully-qualified hostname; from=<app@example.com> to=<user@example.org> "
     "proto=ESMTP "
     "helo=<WEB-01>",
     "helo.not_fqdn", "rcpt", "WEB-01", "192.0.2.8", "user@example.org", "postfix", NULL, true},
    {"user2@example.org host server.example.org [192.0.2.25] SMTP error from remote mail server "
     "after "
     "pipelined MAIL FROM:<user1@example.com> SIZE=3964: 550 \"REJECTED - Bad HELO - Host "
     "impersonating "
     "[mx.example.com]\"",
     "helo.forged_local", "mail", "mx.example.com", NULL, NULL, "exim", "exim", true},
    {"smtplib.SMTPRecipientsRefused: {'user@example.org': (504, b'5.5.2 <build-host>: Helo command "
     "rejected: "
     "need fully-qualified hostname')}",
     "helo.not_fqdn", "rcpt", "build-host", NULL, "user@example.org", "postfix", "python", true},
    {"2026-01-01 09:44:33 H=(app_1) [192.0.2.9] rejected EHLO or HELO app_1: syntactically invalid "
     "argument(s): _",
     "helo.syntax", "ehlo", "app_1", "192.0.2.9", NULL, "exim", NULL, false},
    {"504 5.5.2 <[127.0.0.1]>: Helo command rejected: Access denied", "helo.literal.private", NULL,
     "[127.0.0.1]", NULL, NULL, "postfix", NULL, false},
    {"450 4.7.25 Client host rejected: cannot find your reverse hostname, [192.0.2.17]", "ptr.none",
     NULL, NULL, "192.0.2.17", NULL, "postfix", NULL, false},
    {"550 this EHLO string was (app01), which is unacceptable", "helo.not_fqdn", NULL, "app01",
     NULL, NULL, NULL, NULL, false},
    {"550 <mx_1.example.com>: bad thing to say in HELO, see RFC5321", "helo.unspecified", NULL,
     NULL, NULL, NULL, NULL, NULL, false},
    {"550 mail refused, invalid EHLO RFC2821 says no", "helo.unspecified", NULL, NULL, NULL, NULL,
     NULL, NULL, false},
};

static void assert_text(span got, const char *want)
{
    assert_span_equal(got, want != NULL ? span_cstr(want) : SPAN_NONE);
}

static void facts_are_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(facts); i++) {
        struct explain_answer a = explain(facts[i].text);

        assert_string_equal(a.page->id, facts[i].cause);
        assert_text(span_cstr(explain_stage_text(a.stage)), facts[i].stage);
        assert_text(a.field[EXPLAIN_FIELD_GREETING], facts[i].greeting);
        assert_text(a.field[EXPLAIN_FIELD_CLIENT], facts[i].client);
        assert_text(a.field[EXPLAIN_FIELD_RECIPIENT], facts[i].recipient);
        assert_text(span_cstr(a.software), facts[i].software);
        assert_text(span_cstr(a.reporter), facts[i].reporter);
        assert_int_equal(a.late, facts[i].late);
    }
}

/* One word separates them, and only one of the two says which half is missing. */
static void the_two_postfix_texts_differ(void **state)
{
    (void)state;
    assert_string_equal(
        explain("Client host rejected: cannot find your reverse hostname, [192.0.2.1]").page->id,
        "ptr.none");
    assert_string_equal(
        explain("Client host rejected: cannot find your hostname, [192.0.2.1]").page->id,
        "ptr.none_or_unconfirmed");
}

/* What names something is no talk about it, and helo= in a log proves nothing. */
static void names_prove_nothing(void **state)
{
    (void)state;
    assert_string_equal(
        explain("550 5.1.1 <helo@spam.example>: User unknown; helo=<localhost>").page->id,
        "rcpt.unknown");
    assert_string_equal(
        explain("550 5.1.1 <hello@example.org>: Recipient address rejected: User unknown in "
                "local recipient table; from=<a@b.c> proto=ESMTP helo=<ehlo>")
            .page->id,
        "rcpt.unknown");
}

/* What stands in a copy of the message says nothing about the refusal of the message. */
static void a_copy_proves_nothing(void **state)
{
    struct explain_answer a = explain(
        "This is the mail system. I am sorry to have to inform you that your message could not be "
        "delivered.\n\n<user@example.org>: host mx.example.org said: 550 5.1.1 User unknown\n\n"
        "------ This is a copy of your message, including all the headers. ------\n\n"
        "Subject: 550 Requested action not taken: Invalid HeloHost (#5.5.0)\n\n"
        "504 5.5.2 <localhost>: Helo command rejected: need fully-qualified hostname\n");

    (void)state;
    assert_string_equal(a.page->id, "rcpt.unknown");
    assert_int_equal(a.code, 550);
}

static void what_is_not_said_is_not_guessed(void **state)
{
    static const char *const texts[] = {"550 rcpt denied", "",       "550",
                                        "hello world",     "\\n\\n", "554 5.0.0 No."};

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct explain_answer a = explain(texts[i]);

        if (strcmp(a.page->id, "ambiguous") != 0)
            fail_msg("'%s' is answered %s", texts[i], a.page->id);
        assert_true(a.alternatives > 0);
    }
}

/* Every row of a table of texts: cause in the first column named, text in the second. */
static void check_rows(const char *name, unsigned cause_column, unsigned text_column,
                       unsigned allowed)
{
    char path[4096], line[16384];
    unsigned wrong = 0, harm = 0;
    FILE *in;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    in = fopen(path, "re");
    assert_non_null(in);
    while (fgets(line, sizeof line, in) != NULL) {
        span rest = span_cstr(line), column[8] = {{NULL, 0}};
        struct explain_answer a;

        for (size_t i = 0; i < COUNT(column) && span_split(&rest, '\t', &column[i]); i++)
            column[i] = span_head(column[i], span_find(column[i], '\n'));
        if (line[0] == '#' || span_eq(column[0], SPAN("source")))
            continue;
        *(char *)(uintptr_t)(column[text_column].p + column[text_column].n) = '\0';
        a = explain(column[text_column].p);
        harm += strcmp(a.page->branch, "rcpt") == 0 &&
                (span_starts(column[cause_column], SPAN("helo.")) ||
                 span_starts(column[cause_column], SPAN("ptr.")));
        if (is_one_of(a.page->id, column[cause_column]))
            continue;
        wrong++;
        printf("%s, not %.*s: %.100s\n", a.page->id, SPAN_ARG(column[cause_column]),
               column[text_column].p);
    }
    fclose(in);
    assert_int_equal(harm, 0);
    assert_true(wrong <= allowed);
}

static void the_corpus_does_not_get_worse(void **state)
{
    (void)state;
    check_rows("refusals.tsv", 4, 2, 6);
}

static void other_wordings_do_not_get_worse(void **state)
{
    (void)state;
    check_rows("wordings.tsv", 0, 2, 2);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(facts_are_found),
        cmocka_unit_test(the_two_postfix_texts_differ),
        cmocka_unit_test(names_prove_nothing),
        cmocka_unit_test(a_copy_proves_nothing),
        cmocka_unit_test(what_is_not_said_is_not_guessed),
        cmocka_unit_test(the_corpus_does_not_get_worse),
        cmocka_unit_test(other_wordings_do_not_get_worse),
    };

    folder = argc > 1 ? argv[1] : "test/explain";
    return cmocka_run_group_tests(tests, NULL, NULL);
}
