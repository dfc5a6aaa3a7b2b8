/* SPDX-License-Identifier: ISC */
/*
 * Every key against test/config/KEY.cases: "good VALUE" must be read and shown as the
 * effective value, "bad VALUE" must be refused with that key named. A key without a file, and
 * a file without both kinds of lines, is a failure.
 */
#include "config/show.h"
#include "config/source.h"

#include <stdlib.h>

#include "../guard.h"

static const char *folder = ".";

static void text_of(struct buf *b, const struct config_key *key, span value)
{
    const struct config_section *section = config_schema_section(span_cstr(key->section));

    if (section == NULL) {
        buf_printf(b, "%s = ", key->name);
        buf_put(b, value);
        return;
    }
    buf_printf(b, section->is_named ? "%s \"default\" {\n" : "%s {\n", key->section);
    if ((strcmp(key->section, "listen") == 0 || strcmp(key->section, "guard") == 0) &&
        strcmp(key->name, "address") != 0)
        buf_put(b, SPAN("address = \"127.0.0.1:1\"\n"));
    if (strcmp(key->section, "certificate") == 0 && strcmp(key->name, "file") != 0)
        buf_put(b, SPAN("file = \"cert.pem\"\n"));
    buf_printf(b, config_key_is_named(key) ? "%s " : "%s = ", key->name);
    buf_put(b, value);
    buf_put(b, SPAN("\n}"));
}

static bool key_is_named(const struct config_problems *problems, const struct config_key *key)
{
    char path[80];
    struct buf b = BUF_OVER(path);

    config_schema_put_path(&b, key);
    for (size_t i = 0; i < problems->n; i++)
        if (span_starts(span_cstr(problems->items[i].key), buf_span(&b)) &&
            !problems->items[i].warning && problems->items[i].line != 0)
            return true;
    return false;
}

/* The value is in force: it is shown with our file as its origin. */
static bool is_in_force(const struct config *c, const struct config_key *key)
{
    static char text[65536];
    char want[100];
    struct buf b = BUF_OVER(text), line = BUF_OVER(want);
    span rest, shown;

    config_show_put(&b, c);
    assert_false(b.overflow);
    buf_printf(&line, config_key_is_named(key) ? "%s " : "%s = ", key->name);
    for (rest = buf_span(&b); span_line(&rest, &shown);)
        if (span_starts(span_trim(shown), buf_span(&line)) &&
            span_search(shown, SPAN("# case:")) < shown.n)
            return true;
    return false;
}

static void check(const struct config_key *key, span value, bool good)
{
    char text[2048];
    struct buf b = BUF_OVER(text);
    struct config_problems problems = {0};
    struct config *c;

    text_of(&b, key, value);
    assert_false(b.overflow);
    c = config_load_text("case", buf_span(&b), &problems);
    if (good && c == NULL)
        fail_msg("%s.%s = %.*s is refused: %s", key->section, key->name, SPAN_ARG(value),
                 problems.items[0].text);
    if (!good && (c != NULL || !key_is_named(&problems, key)))
        fail_msg("%s.%s = %.*s is not refused", key->section, key->name, SPAN_ARG(value));
    if (good && !is_in_force(c, key))
        fail_msg("%s.%s = %.*s is not in force", key->section, key->name, SPAN_ARG(value));
    config_free(c);
    config_problems_finish(&problems);
}

static void check_key(const struct config_key *key)
{
    char path[4096];
    struct buf b = BUF_OVER(path);
    unsigned n_good = 0, n_bad = 0;
    struct config_source text;
    span rest, line;
    int sys;

    buf_printf(&b, "%s/", folder);
    config_schema_put_path(&b, key);
    buf_put(&b, SPAN(".cases"));
    assert_non_null(buf_cstr(&b));
    if (config_source_read(buf_cstr(&b), 65536, &text, &sys) != ERR_OK)
        fail_msg("there is no %s", buf_cstr(&b));
    for (rest = config_source_span(&text); span_line(&rest, &line);) {
        bool good = span_starts(line, SPAN("good ")), bad = span_starts(line, SPAN("bad "));

        if (good || bad)
            check(key, span_skip(line, good ? 5 : 4), good);
        n_good += good;
        n_bad += bad;
    }
    if (n_good == 0 || n_bad == 0)
        fail_msg("%s needs good and bad values", buf_cstr(&b));
    config_source_free(&text);
}

static void every_key_has_its_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < config_keys_n; i++)
        check_key(&config_keys[i]);
}

static void every_key_and_section_is_documented(void **state)
{
    (void)state;
    for (size_t i = 0; i < config_keys_n; i++) {
        span doc = span_cstr(config_keys[i].doc);

        if (doc.n < 20 || doc.p[doc.n - 1] != '.')
            fail_msg("%s has no sentence of documentation", config_keys[i].name);
        if (config_keys[i].section[0] != '\0' &&
            config_schema_section(span_cstr(config_keys[i].section)) == NULL)
            fail_msg("%s stands in a section that is not there", config_keys[i].name);
    }
    for (size_t i = 0; i < config_sections_n; i++)
        assert_true(strlen(config_sections[i].doc) > 20);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_key_has_its_cases),
        cmocka_unit_test(every_key_and_section_is_documented),
    };

    if (argc > 1)
        folder = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
