/* SPDX-License-Identifier: ISC */
#include "../guard.h"

#include "config/table.h"

/* "line key=value|" for each entry. */
static const char *note(struct config_table *t, span key, span value)
{
    buf_printf(t->to, "%u %.*s=%.*s|", t->where.line, SPAN_ARG(key), SPAN_ARG(value));
    return span_eq(key, SPAN("bad")) ? "it is bad" : NULL;
}

static const struct {
    const char *title;
    enum config_table_form form;
    const char *text;
    const char *entries;
    size_t bad;
} cases[] = {
    {"nothing", CONFIG_TABLE_LINES, "", "", 0},
    {"lines", CONFIG_TABLE_LINES, "a.example\r\n\n # x\n b \nbad\nend",
     "1 a.example=|4 b=|5 bad=|6 end=|", 1},
    {"Postfix", CONFIG_TABLE_POSTFIX, "# c\na.example  one two\nb.example\tx\n",
     "2 a.example=one two|3 b.example=x|", 0},
    {"Postfix, continued over comments and blank lines", CONFIG_TABLE_POSTFIX,
     "a one\n# c\n\n   two\nb x\n", "1 a=one         two|5 b=x|", 0},
    {"Postfix, a key alone", CONFIG_TABLE_POSTFIX, "a\nbad\n c", "1 a=|2 bad=c|", 1},
    {"Postfix, colons are of the key", CONFIG_TABLE_POSTFIX, "a:b c", "1 a:b=c|", 0},
    {"Exim", CONFIG_TABLE_EXIM, "a: one\nb : two\nc three\nd:e\nf\n",
     "1 a=one|2 b=two|3 c=three|4 d=e|5 f=|", 0},
    {"Exim, quoted", CONFIG_TABLE_EXIM, "\"a b\": one\n\"c\\\"d\" two\n\"open",
     "1 a b=one|2 c\\\"d=two|3 open=|", 0},
    {"Exim, continued", CONFIG_TABLE_EXIM, "a: one,\n  two\n#x\nb: y", "1 a=one,   two|4 b=y|", 0},
    {"the values of cPanel", CONFIG_TABLE_VALUES, "*: srv.example\nd.example: m.d.example\n",
     "1 srv.example=*|2 m.d.example=d.example|", 0},
    {"aliases", CONFIG_TABLE_JOINED, "root: a,\n\tb\n# x\nc: d", "1 root: a, \tb=|4 c: d=|", 0},
    {"a comment at the end", CONFIG_TABLE_EXIM, "a: b\n#", "1 a=b|", 0},
    {"a blank beginning behind a comment", CONFIG_TABLE_EXIM, "# c\n  a: b\n", "2 a=b|", 0},
    {"a mark of UTF-8", CONFIG_TABLE_LINES,
     "\xef\xbb\xbf"
     "a\nb\n",
     "1 a=|2 b=|", 0},
    {"a mark before a comment", CONFIG_TABLE_EXIM, "\xef\xbb\xbf# c\na: b\n", "2 a=b|", 0},
    {"lines that end in CR LF", CONFIG_TABLE_EXIM, "a: b\r\n  c\r\n\r\nd: e\r\n",
     "1 a=b    c|4 d=e|", 0},
    {"a blank beginning", CONFIG_TABLE_EXIM, "  a: b\n", "1 a=b|", 0},
};

static void test_forms(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct config_problems problems = {0};
        struct config_load load = {.problems = &problems};
        span octets = guard_copy(span_cstr(cases[i].text));
        struct config_source text = {(char *)(uintptr_t)octets.p, octets.n};
        char room[512];
        struct buf got = BUF_OVER(room);
        struct config_table t = {
            .load = &load, .add = note, .to = &got, .where = {.file = "table"}};
        span want = span_cstr(cases[i].entries);

        config_table_parse(&t, cases[i].form, &text);
        if (!span_eq(buf_span(&got), want) || problems.n != cases[i].bad)
            fail_msg("%s: got %.*s, %zu bad", cases[i].title, SPAN_ARG(buf_span(&got)), problems.n);
        config_problems_finish(&problems);
    }
}

/* Twenty bad lines are named. */
static void test_many_bad_lines(void **state)
{
    struct config_problems problems = {0};
    struct config_load load = {.problems = &problems};
    char octets[4 * 100 + 1] = "", room[4096];
    struct buf got = BUF_OVER(room);
    struct config_source text = {octets, 400};
    struct config_table t = {.load = &load, .add = note, .to = &got, .where = {.file = "table"}};

    (void)state;
    for (size_t i = 0; i < 100; i++)
        memcpy(octets + 4 * i, "bad\n", 4);
    config_table_parse(&t, CONFIG_TABLE_LINES, &text);
    assert_int_equal(t.bad, 100);
    assert_int_equal(problems.n, CONFIG_TABLE_WARNINGS_MAX);
    assert_int_equal(problems.items[19].line, 20);
    config_problems_finish(&problems);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_many_bad_lines),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
