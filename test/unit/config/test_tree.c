/* SPDX-License-Identifier: ISC */
#include "config/tree.h"

#include "../guard.h"

struct row {
    const char *text;
    const char *shown;    /* the tree, one line for each setting */
    const char *problems; /* "line:column text found", one line each */
};

static const struct row rows[] = {
    {"", "", ""},
    {"# nothing\n\n", "", ""},
    {"a = b", "a=b\n", ""},
    {"a = b;c=d", "a=b\nc=d\n", ""},
    {"a = b\r\nc = d\r\n", "a=b\nc=d\n", ""},
    {"a=\"x # y; \\\" \\\\ \\x41\" # z", "a=\"x # y; \\\" \\\\ A\"\n", ""},
    {"a = [1, \"two\", [3],]\n", "a=[1, \"two\", [3]]\n", ""},
    {"a = [\n  1, # one\n  2\n]\n", "a=[1, 2]\n", ""},
    {"a = [ { x = 1; y = 2 }, { } ]", "a=[{ x = 1; y = 2; }, { }]\n", ""},
    {"s { a = b; c = d }", "s{\na=b\nc=d\n}\n", ""},
    {"s \"n m\" { a = b; };\nx = y", "s \"n m\"{\na=b\n}\nx=y\n", ""},
    {"s {\n a = b\n t { c = d }\n}\n", "s{\na=b\nt{\nc=d\n}\n}\n", ""},
    {"a = b c = d", "a=b\n", "1:7 the setting does not end: c\n"},
    {"a b", "", "1:3 neither a setting nor a block: b\n"},
    {"a =\n", "", "2:1 a value is missing: end of file\n"},
    {"= b\nc = d", "c=d\n", "1:1 a key is missing: =\n"},
    {"a = \"x\nb = c", "b=c\n", "1:5 the string is not closed on its line: \"x\n"},
    {"a = \"\\q\"\nb = c", "b=c\n", "1:5 an escape that is not known: \\x5cq\n"},
    {"a = \"\\x00\"", "", "1:5 an escape that is not known: \\x5cx00\n"},
    {"a = \"\xff\"", "", "1:5 the string is not UTF-8: \\xff\n"},
    {"a = \x01", "", "1:5 a control octet: \\x01\n"},
    {"a = [1 2]\nb = c", "b=c\n", "1:8 the list goes on wrongly: 2\n"},
    {"s {\n a = b\n", "", "1:3 the brace is not closed: {\n"},
    {"}\na = b", "a=b\n", "1:1 a key is missing: }\n"},
    {"s { a = ; b = c }", "s{\nb=c\n}\n", "1:9 a value is missing: ;\n"},
    {"include 5\na=b", "a=b\n", "1:9 include needs the path of a file: 5\n"},
    {"include \"nonexistent\"", "", "1:9 No such file or directory: nonexistent\n"},
    {"include = 5", "include=5\n", ""},
    {"a=[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]", "",
     "1:19 blocks and lists are nested too deeply: [\n"},
};

static void show(struct buf *b, const struct config_node *n)
{
    for (; n != NULL; n = n->next) {
        buf_put(b, n->key);
        if (n->value != NULL) {
            buf_putc(b, '=');
            config_tree_put_value(b, n->value);
            buf_putc(b, '\n');
            continue;
        }
        if (n->is_named)
            buf_printf(b, " \"%.*s\"", SPAN_ARG(n->name));
        buf_put(b, SPAN("{\n"));
        show(b, n->nodes);
        buf_put(b, SPAN("}\n"));
    }
}

static void check(const struct row *row)
{
    struct config_pool pool = {0};
    struct config_problems problems = {0};
    struct config_parse parse = {&pool, &problems, 0};
    char text[1024], said[1024];
    struct buf shown = BUF_OVER(text), found = BUF_OVER(said);

    show(&shown, config_tree_parse(&parse, "test", guard_copy(span_cstr(row->text))));
    for (size_t i = 0; i < problems.n; i++)
        buf_printf(&found, "%u:%u %s: %s\n", problems.items[i].line, problems.items[i].column,
                   problems.items[i].text, problems.items[i].found);
    if (!span_eq(buf_span(&shown), span_cstr(row->shown)) ||
        !span_eq(buf_span(&found), span_cstr(row->problems)))
        fail_msg("'%s' gives '%.*s' and '%.*s'", row->text, SPAN_ARG(buf_span(&shown)),
                 SPAN_ARG(buf_span(&found)));
    config_problems_finish(&problems);
    config_pool_finish(&pool);
}

static void texts_and_their_trees(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        check(&rows[i]);
}

/* A file that includes itself ends at the limit. */
static void includes_end(void **state)
{
    struct config_pool pool = {0};
    struct config_problems problems = {0};
    struct config_parse parse = {&pool, &problems, 0};
    struct config_where from = {"", 0, 0};

    (void)state;
    config_tree_parse_file(&parse, SPAN("loop.conf"), &from);
    assert_int_equal(problems.n, 1);
    assert_string_equal(problems.items[0].text, "files include each other too deeply");
    assert_string_equal(problems.items[0].file, "loop.conf");
    config_problems_finish(&problems);
    config_pool_finish(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_and_their_trees),
        cmocka_unit_test(includes_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
