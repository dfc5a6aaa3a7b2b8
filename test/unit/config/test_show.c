/* SPDX-License-Identifier: ISC */
#include "config/show.h"

#include "../guard.h"

static char room[128 * 1024];

static void origins(void **state)
{
    struct config_problems problems = {0};
    struct config *c = config_load_text("a.conf",
                                        SPAN("hostname = mx.example.net\n\nlog { level = debug }\n"
                                             "egress \"one\" { address = \"192.0.2.1\" }"),
                                        &problems);
    struct buf b = BUF_OVER(room);
    static const char *const lines[] = {
        "hostname = mx.example.net  # a.conf:1\n",
        "    level = debug  # a.conf:3\n",
        "    format = auto  # default\n",
        "egress \"one\" {\n    address = \"192.0.2.1\"  # a.conf:4\n",
        "    greeting = \"\"  # default\n",
        "listen \"mx\" {\n    address = \"127.0.0.1:2525\"  # default\n",
    };

    (void)state;
    assert_non_null(c);
    config_show_put(&b, c);
    assert_false(b.overflow);
    for (size_t i = 0; i < COUNT(lines); i++)
        if (span_search(buf_span(&b), span_cstr(lines[i])) == b.n)
            fail_msg("not shown: %s", lines[i]);
    config_free(c);
    config_problems_finish(&problems);
}

/* What is shown, and the text of all defaults, are configurations themselves. */
static void shown_is_loadable(void **state)
{
    struct config_problems problems = {0};
    struct config *c = config_load_text("a.conf", SPAN("hostname = mx.example.net"), &problems);
    struct config *again;
    struct buf b = BUF_OVER(room);

    (void)state;
    assert_non_null(c);
    config_show_put(&b, c);
    again = config_load_text("b.conf", buf_span(&b), &problems);
    assert_non_null(again);
    assert_int_equal(again->limits.data_timeout_ms, c->limits.data_timeout_ms);
    assert_span_equal(again->mailbox.path, c->mailbox.path);
    config_free(again);
    config_free(c);
    config_problems_finish(&problems);
}

static void every_key_is_in_the_page(void **state)
{
    struct buf b = BUF_OVER(room);

    (void)state;
    config_show_put_mdoc(&b);
    assert_false(b.overflow);
    for (size_t i = 0; i < config_keys_n; i++) {
        char item[80];
        struct buf want = BUF_OVER(item);

        buf_printf(&want, ".It Ic %s%s\n", config_keys[i].name,
                   config_key_is_named(&config_keys[i]) ? " Qq name" : "");
        assert_true(span_search(buf_span(&b), buf_span(&want)) < b.n);
    }
}

static void one_key(void **state)
{
    struct buf b = BUF_OVER(room);
    const struct config_key *key = config_schema_key_by_path(SPAN("limits.recipients"));

    (void)state;
    assert_non_null(key);
    config_show_put_key(&b, key);
    assert_true(span_starts(buf_span(&b), SPAN("limits.recipients\n    Recipients of one")));
    assert_true(span_search(buf_span(&b), SPAN("a number from 100 to 5000")) < b.n);
    buf_reset(&b);
    config_show_put_key_json(&b, key);
    assert_true(
        span_starts(buf_span(&b), SPAN("{\"key\":\"limits.recipients\",\"default\":\"1000\"")));
    assert_null(config_schema_key_by_path(SPAN("recipients")));
    assert_null(config_schema_key_by_path(SPAN("limits.")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(origins),
        cmocka_unit_test(shown_is_loadable),
        cmocka_unit_test(every_key_is_in_the_page),
        cmocka_unit_test(one_key),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
