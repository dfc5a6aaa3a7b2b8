/* SPDX-License-Identifier: ISC */
/* A file that a list was made from has changed, whatever way it did. */
#include "config/watch.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../guard.h"

static char dir[64], file[96], other[96], text[256];

static void write_to(const char *path, const char *octets, long second, long nano)
{
    struct timespec times[2] = {{.tv_sec = second, .tv_nsec = nano},
                                {.tv_sec = second, .tv_nsec = nano}};
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    assert_true(fputs(octets, f) >= 0);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static int set_up(void **state)
{
    (void)state;
    snprintf(dir, sizeof(dir), "/tmp/herald-watch-XXXXXX");
    assert_non_null(mkdtemp(dir));
    snprintf(file, sizeof(file), "%s/domains", dir);
    snprintf(other, sizeof(other), "%s/other", dir);
    snprintf(text, sizeof(text), "hostname = mx.example.net\ndomains = [\"file:%s\"]", file);
    write_to(file, "a.example\n", 1000, 1);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    (void)unlink(file);
    (void)unlink(other);
    return rmdir(dir);
}

static void same_size_a_moment_later(void)
{
    write_to(file, "b.example\n", 1000, 2);
}

static void more_of_it(void)
{
    write_to(file, "a.example\nb.example\n", 1000, 1);
}

static void another_file_in_its_place(void)
{
    write_to(other, "b.example\n", 1000, 1);
    assert_int_equal(rename(other, file), 0);
}

static void no_file(void)
{
    assert_int_equal(unlink(file), 0);
}

static void behind_a_link(void)
{
    write_to(other, "b.example\n", 1000, 1);
    assert_int_equal(unlink(file), 0);
    assert_int_equal(symlink(other, file), 0);
}

static void nothing(void)
{
}

static void changes_are_seen(void **state)
{
    static const struct {
        void (*change)(void);
        bool seen;
    } cases[] = {
        {nothing, false},   {same_size_a_moment_later, true},
        {more_of_it, true}, {another_file_in_its_place, true},
        {no_file, true},    {behind_a_link, true},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct config_problems problems = {0};
        struct config *c;

        if (i != 0)
            assert_int_equal(set_up(state), 0);
        c = config_load_text("test", span_cstr(text), &problems);
        config_problems_finish(&problems);
        assert_non_null(c);
        assert_true(config_watch_mark(c) != 0);
        assert_true(config_watch_mark(c) == config_watch_now(c));
        cases[i].change();
        if ((config_watch_mark(c) != config_watch_now(c)) != cases[i].seen)
            fail_msg("case %zu", i);
        config_free(c);
        if (i + 1 < COUNT(cases))
            assert_int_equal(tear_down(state), 0);
    }
}

static void no_files_no_mark(void **state)
{
    struct config_problems problems = {0};
    struct config *c = config_load_text("test", SPAN("domains = [a.example]"), &problems);

    (void)state;
    config_problems_finish(&problems);
    assert_non_null(c);
    assert_true(config_watch_mark(c) == 0 && config_watch_now(c) == 0);
    config_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(changes_are_seen, set_up, tear_down),
        cmocka_unit_test(no_files_no_mark),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
