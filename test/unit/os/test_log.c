/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/log.h"

#define WALL_MS 1795296987204LL
#define TIME    "2026-11-21T21:36:27.204Z"

static int pipe_fds[2];
static char text[200000];

static int set_up(void **state)
{
    (void)state;
    clock_set(1000, WALL_MS);
    return pipe2(pipe_fds, O_CLOEXEC);
}

static int tear_down(void **state)
{
    (void)state;
    clock_unset();
    log_open(STDERR_FILENO, LOG_HUMAN, LOG_INFO);
    close(pipe_fds[0]);
    close(pipe_fds[1]);
    return 0;
}

static span written(void)
{
    fcntl(pipe_fds[0], F_SETFL, O_NONBLOCK);
    ssize_t n = read(pipe_fds[0], text, sizeof text);
    return span_of(text, n > 0 ? (size_t)n : 0);
}

static void assert_written(const char *expect)
{
    span got = written();
    if (!span_eq(got, span_cstr(expect)))
        fail_msg("written:\n%.*sinstead of:\n%s", SPAN_ARG(got), expect);
}

static void write_one(enum log_level level)
{
    struct log_line l = log_begin(LOG_SESSION_OPEN, level);
    log_id(&l, KEY_SESSION, 32);
    log_cstr(&l, KEY_CLIENT, "192.0.2.1");
    log_str(&l, KEY_GREETING, SPAN("a\"b\\\n\xff z"));
    log_str(&l, KEY_SENDER, SPAN_NONE);
    log_num(&l, KEY_SIZE, -5);
    log_bool(&l, KEY_VERDICT, true);
    log_end(&l);
}

static void json_is_json(void **state)
{
    (void)state;
    log_open(pipe_fds[1], LOG_AUTO, LOG_INFO);
    write_one(LOG_INFO);
    assert_int_equal(written().n, 0); /* not before the end of the turn */
    log_flush();
    assert_written(
        "{\"time\":\"" TIME "\",\"level\":\"info\",\"event\":\"session.open\",\"session\":"
        "\"0000000000010\",\"client\":\"192.0.2.1\",\"greeting\":\"a\\\"b\\\\\\n\\ufffd z\","
        "\"sender\":\"\",\"size\":-5,\"verdict\":true}\n");
}

static void words_are_quoted_where_needed(void **state)
{
    (void)state;
    log_open(pipe_fds[1], LOG_LOGFMT, LOG_INFO);
    write_one(LOG_WARNING); /* written at once */
    assert_written(
        "time=" TIME " level=warning event=session.open session=0000000000010 "
        "client=192.0.2.1 greeting=\"a\\\"b\\x5c\\x0a\\xff z\" sender=\"\" size=-5 verdict=true\n");
    log_open(pipe_fds[1], LOG_HUMAN, LOG_INFO);
    log_text(LOG_SERVER_STOP, LOG_ERROR, SPAN("bye"));
    assert_written(TIME " error   server.stop text=bye\n");
}

static void the_level_decides(void **state)
{
    (void)state;
    log_open(pipe_fds[1], LOG_JSON, LOG_WARNING);
    assert_false(log_wants(LOG_INFO));
    write_one(LOG_INFO);
    log_flush();
    assert_int_equal(written().n, 0);
}

static void a_long_line_stays_a_line(void **state)
{
    static char big[3000];
    (void)state;
    memset(big, '\n', sizeof big);
    for (enum log_format f = LOG_HUMAN; f <= LOG_JSON; f++) {
        log_open(pipe_fds[1], f, LOG_INFO);
        struct log_line l = log_begin(LOG_TRACE, LOG_ERROR);
        for (unsigned i = 0; i < 20; i++)
            log_str(&l, KEY_TEXT, span_of(big, sizeof big));
        log_end(&l);
        span got = written();
        assert_true(got.n > 500 && got.n <= LOG_LINE_BYTES);
        assert_int_equal(span_find(got, '\n'), got.n - 1);
        assert_true(f != LOG_JSON || span_ends(got, SPAN("...\"}\n")));
    }
}

static void a_reader_that_stands_still_loses_lines_and_stops_nobody(void **state)
{
    (void)state;
    log_open(pipe_fds[1], LOG_LOGFMT, LOG_INFO);
    for (unsigned i = 0; i < 20000; i++)
        write_one(LOG_ERROR);
    while (written().n != 0)
        log_flush();
    log_text(LOG_TRACE, LOG_ERROR, SPAN("again"));
    span got = written();
    assert_true(span_search(got, SPAN("event=log.dropped count=")) < got.n);
    assert_true(span_ends(got, SPAN("text=again\n")));
}

static void a_reader_that_is_gone_stops_nobody(void **state)
{
    (void)state;
    log_open(pipe_fds[1], LOG_JSON, LOG_INFO);
    close(pipe_fds[0]);
    for (unsigned i = 0; i < 1000; i++)
        write_one(LOG_ERROR);
    pipe_fds[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void every_name_is_new_and_documented(void **state)
{
    (void)state;
    for (unsigned i = 0; i < LOG_EVENT_COUNT; i++) {
        assert_true(log_event_doc(i)[0] != '\0');
        for (unsigned k = 0; k < i; k++)
            assert_string_not_equal(log_event_name(i), log_event_name(k));
    }
    for (unsigned i = 0; i < LOG_KEY_COUNT; i++) {
        assert_true(log_key_doc(i)[0] != '\0');
        for (unsigned k = 0; k < i; k++)
            assert_string_not_equal(log_key_name(i), log_key_name(k));
    }
}

static const struct {
    int64_t ms;
    const char *text;
} times[] = {
    {0, "1970-01-01T00:00:00.000Z"},
    {-1, "1969-12-31T23:59:59.999Z"},
    {951827696789, "2000-02-29T12:34:56.789Z"},
    {2147483648000, "2038-01-19T03:14:08.000Z"},
    {INT64_MAX, "9999-12-31T23:59:59.999Z"},
    {INT64_MIN, "0000-01-01T00:00:00.000Z"},
};

static void times_are_as_in_rfc_3339(void **state)
{
    char got[CLOCK_RFC3339_BYTES + 1];
    (void)state;
    for (size_t i = 0; i < COUNT(times); i++) {
        clock_rfc3339(times[i].ms, got);
        assert_string_equal(got, times[i].text);
    }
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH(json_is_json),
        WITH(words_are_quoted_where_needed),
        WITH(the_level_decides),
        WITH(a_long_line_stays_a_line),
        WITH(a_reader_that_stands_still_loses_lines_and_stops_nobody),
        WITH(a_reader_that_is_gone_stops_nobody),
        cmocka_unit_test(every_name_is_new_and_documented),
        cmocka_unit_test(times_are_as_in_rfc_3339),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
