/* SPDX-License-Identifier: ISC */
/* The stories that herald exists for: from the words that people had in hand to the line that mends
 * it. */
#include "explain/message.h"
#include "help.h"

static const char *folder;

static struct explain_answer story(const char *name)
{
    static char text[65536], read[sizeof text + MESSAGE_SPARE_BYTES];
    struct buf b = BUF_OVER(read);
    struct explain_answer a;
    char path[4096];
    FILE *in;
    size_t n;

    snprintf(path, sizeof path, "%s/stories/%s", folder, name);
    in = fopen(path, "re");
    assert_non_null(in);
    n = fread(text, 1, sizeof text, in);
    fclose(in);
    explain_work_init(&work);
    explain_read(&work, message_text(span_of(text, n), &b), NULL, &a);
    return a;
}

static bool has_line(const struct explain_answer *a, const char *software, const char *words)
{
    for (size_t i = 0; i < a->fixes; i++)
        if (strcmp(a->fix[i]->software, software) == 0 && strstr(a->fix[i]->line, words) != NULL)
            return true;
    return false;
}

/* A pod sends through Nodemailer; the refusal comes at MAIL and does not say the name. */
static void the_pod(void **state)
{
    struct explain_answer a = story("nodemailer.json");

    (void)state;
    assert_string_equal(a.page->branch, "helo");
    assert_string_equal(a.reporter, "nodemailer");
    assert_int_equal(a.stage, EXPLAIN_MAIL);
    assert_true(a.late && a.permanent);
    assert_true(has_line(&a, "nodemailer", "name:"));
    assert_non_null(strstr(a.page->why, "container"));
    assert_true(a.alternatives >= 3);
}

static void check_impersonation(const char *name)
{
    struct explain_answer a = story(name);

    assert_string_equal(a.page->id, "helo.forged_local");
    assert_span_equal(a.field[EXPLAIN_FIELD_GREETING], SPAN("mx.example.com"));
    assert_string_equal(a.alternative[0].page->id, "helo.forged_local.domain");
    assert_string_equal(a.alternative[1].page->id, "helo.forged_local.server");
    assert_true(has_line(&a, "any", "/etc/localdomains"));
    assert_non_null(strstr(a.page->why, "share one host name"));
}

/* Two Exim bounces: the old server's table of hosted domains, or one name for web and mail server.
 */
static void the_move_and_the_shared_name(void **state)
{
    (void)state;
    check_impersonation("exim-pipelined.txt");
    check_impersonation("exim-helo.txt");
}

/* The same refusal in DirectAdmin: the local zone differs from the authoritative one. */
static void directadmin(void **state)
{
    struct explain_options options = {.software = SPAN_INIT("directadmin")};
    struct explain_answer a = story("exim-helo.txt");
    struct explain_truths none = {0};

    (void)state;
    explain_told(&a, &none, &options);
    assert_true(has_line(&a, "directadmin", "authoritative SPF record"));
    assert_non_null(strstr(a.page->receiver, "local copy of the zone"));
}

/* Somebody pastes the whole page that he found: what it tells besides is not the refusal. */
static void the_article(void **state)
{
    struct explain_answer a = story("article-pod.txt");

    (void)state;
    assert_string_equal(a.page->id, "helo.unspecified");
    assert_int_equal(a.field[EXPLAIN_FIELD_GREETING].n, 0);
    assert_true(has_line(&a, "nodemailer", "name:"));
    check_impersonation("article-move.txt");
}

/* And the reverse: helo= at the end of a log line is no cause. */
static void the_unknown_user(void **state)
{
    struct explain_answer a = story("postfix-user-unknown.txt");

    (void)state;
    assert_string_equal(a.page->id, "rcpt.unknown");
    assert_false(a.late);
}

/* An expired message above the temporary refusal that is its cause. */
static void the_expired_message(void **state)
{
    struct explain_answer a = story("expired.eml");

    (void)state;
    assert_string_equal(a.page->branch, "ptr");
    assert_int_equal(a.code, 450);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_pod),          cmocka_unit_test(the_move_and_the_shared_name),
        cmocka_unit_test(directadmin),      cmocka_unit_test(the_article),
        cmocka_unit_test(the_unknown_user), cmocka_unit_test(the_expired_message),
    };

    folder = argc > 1 ? argv[1] : "test/explain";
    return cmocka_run_group_tests(tests, NULL, NULL);
}
