/* SPDX-License-Identifier: ISC */
#include "base/escape.h"
#include "explain/show.h"
#include "help.h"

static char memory[EXPLAIN_SHOW_BYTES];

static span json(const char *text)
{
    struct explain_answer a = explain(text);
    struct buf b = BUF_OVER(memory);

    explain_show_json(&b, &a);
    assert_false(b.overflow);
    return buf_span(&b);
}

static void the_fixed_keys_are_there(void **state)
{
    static const char *const keys[] = {"{\"cause\":\"helo.not_fqdn\"",
                                       "\"alternatives\":[",
                                       "\"branch\":\"helo\"",
                                       "\"confidence\":0.",
                                       "\"greeting\":\"web-7d9f\"",
                                       "\"client\":null",
                                       "\"stage\":\"rcpt\"",
                                       "\"late\":true",
                                       "\"code\":504",
                                       "\"enhanced\":\"5.5.2\"",
                                       "\"permanent\":true",
                                       "\"who\":\"sender\"",
                                       "\"software\":\"postfix\"",
                                       "\"recipient\":\"u@example.org\"",
                                       "\"evidence\":[\"",
                                       "\"fixes\":[{\"software\":\"postfix\",\"line\":\""};
    span got = json("<u@example.org>: host mx.example.org[198.51.100.5] said: 504 5.5.2 "
                    "<web-7d9f>: Helo command "
                    "rejected: need fully-qualified hostname (in reply to RCPT TO command)");

    (void)state;
    for (size_t i = 0; i < COUNT(keys); i++)
        if (span_search(got, span_cstr(keys[i])) == got.n)
            fail_msg("no %s in %.*s", keys[i], SPAN_ARG(got));
}

static void hostile_texts_stay_valid(void **state)
{
    span got = json("550 <\x1b[31m\"\\\x01\xff>: Helo command rejected: \xc3\xa9\xff\x02");

    (void)state;
    assert_true(escape_is_utf8(got));
    for (size_t i = 0; i < got.n; i++)
        assert_true((unsigned char)got.p[i] >= ' ');
}

static void a_person_sees_no_control_octet(void **state)
{
    struct explain_answer a = explain("550 <\x1b[31mweb>: Helo command rejected: \x07");
    struct buf b = BUF_OVER(memory);
    span line, rest;

    (void)state;
    explain_show_text(&b, &a, false);
    rest = buf_span(&b);
    while (span_line(&rest, &line))
        for (size_t i = 0; i < line.n; i++)
            assert_true((unsigned char)line.p[i] >= ' ' && (unsigned char)line.p[i] < 127);
}

static span shown(const char *text)
{
    struct explain_answer a = explain(text);
    struct buf b = BUF_OVER(memory);

    explain_show_text(&b, &a, false);
    return buf_span(&b);
}

static bool holds(span text, const char *words)
{
    return span_search(text, span_cstr(words)) < text.n;
}

/* A page may show a line of a configuration: braces that name no fact stand as they are. */
static void a_line_of_configuration_stays_whole(void **state)
{
    (void)state;
    assert_true(holds(shown("504 5.5.2 <web-7d9f>: Helo command rejected: need fully-qualified "
                            "hostname"),
                      "{ client ="));
}

/* Whose software the text does not show is told how to get the line for his. */
static void who_is_not_known_is_asked(void **state)
{
    (void)state;
    assert_true(holds(shown("504 5.5.2 <web-7d9f>: Helo command rejected"), "--software"));
    assert_true(holds(shown("504 5.5.2 <web-7d9f>: Helo command rejected"), "nodemailer"));
    assert_false(holds(shown("{ code: 'EENVELOPE', response: '504 5.5.2 <web-7d9f>: Helo command "
                             "rejected', responseCode: 504, command: 'RCPT TO' }"),
                       "--software"));
    assert_false(holds(shown("550 5.1.1 User unknown"), "--software"));
}

static void no_line_is_too_long(void **state)
{
    span rest = shown("504 5.5.2 <web-7d9f>: Helo command rejected: need fully-qualified"), line;

    (void)state;
    while (span_line(&rest, &line))
        assert_true(line.n <= 88);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_fixed_keys_are_there),
        cmocka_unit_test(hostile_texts_stay_valid),
        cmocka_unit_test(a_person_sees_no_control_octet),
        cmocka_unit_test(a_line_of_configuration_stays_whole),
        cmocka_unit_test(who_is_not_known_is_asked),
        cmocka_unit_test(no_line_is_too_long),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
