/* SPDX-License-Identifier: ISC */
/* What dialogues cannot show; those are in test/transcript. */
#include "../guard.h"
#include "smtp/server.h"

static struct smtp_server server;
static char room[1 << 14];
static struct buf out;
static struct smtp_server_conf conf;

/* Answer everything with consent; chunks are taken. Returns the kind of the last event. */
static enum smtp_event_kind consent(void)
{
    struct smtp_event ev = {.kind = SMTP_EVENT_NOOP};

    while (smtp_server_next(&server, &ev) && ev.kind != SMTP_EVENT_CLOSE) {
        if (ev.kind == SMTP_EVENT_CHUNK)
            smtp_server_took(&server);
        else
            smtp_server_answer(&server, ev.reply);
    }
    return ev.kind;
}

static void begin_data(void)
{
    conf = smtp_server_conf_default(SPAN("mx.herald.test"));
    out = BUF_OVER(room);
    smtp_server_init(&server, &conf, &out);
    smtp_server_feed(&server, SPAN("EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<a@b.c>\r\nDATA\r\n"), 0);
    (void)consent();
    assert_int_equal(server.state, SMTP_SERVER_DATA);
}

static void one_write_for_a_group(void **state)
{
    (void)state;
    begin_data();
    assert_true(span_starts(buf_span(&out), SPAN("220 ")));
    assert_true(span_ends(buf_span(&out), SPAN("end it with CRLF.CRLF\r\n")));
}

static void same_event_until_answered(void **state)
{
    struct smtp_event one;
    struct smtp_event two;

    (void)state;
    conf = smtp_server_conf_default(SPAN("mx.herald.test"));
    out = BUF_OVER(room);
    smtp_server_init(&server, &conf, &out);
    (void)consent();
    smtp_server_feed(&server, SPAN("EHLO client.example\r\nNOOP\r\n"), 0);
    assert_true(smtp_server_next(&server, &one));
    smtp_server_feed(&server, guard_copy(smtp_server_rest(&server)), 0);
    assert_true(smtp_server_next(&server, &two));
    assert_int_equal(two.kind, SMTP_EVENT_GREETING);
    assert_span_equal(two.argument, SPAN("client.example"));
    assert_ptr_equal(one.argument.p, two.argument.p);
    assert_span_equal(smtp_server_rest(&server), SPAN("NOOP\r\n"));
}

static void clean_body_is_not_copied(void **state)
{
    static const char body[] = "Subject: x\r\n\r\nhello\r\nworld\r\n";
    struct smtp_event ev;
    span in = guard_copy(span_of(body, sizeof(body) - 1));

    (void)state;
    begin_data();
    smtp_server_feed(&server, in, 0);
    assert_true(smtp_server_next(&server, &ev));
    assert_int_equal(ev.kind, SMTP_EVENT_CHUNK);
    assert_ptr_equal(ev.chunk.p, in.p);
    assert_int_equal(ev.chunk.n, in.n);
}

static void waits_for_room(void **state)
{
    char little[SMTP_SERVER_ROOM_BYTES];
    struct smtp_event ev;

    (void)state;
    conf = smtp_server_conf_default(SPAN("mx.herald.test"));
    out = BUF_OVER(little);
    smtp_server_init(&server, &conf, &out);
    assert_true(smtp_server_next(&server, &ev));
    smtp_server_answer(&server, ev.reply);
    assert_false(smtp_server_wants_room(&server));
    smtp_server_feed(&server, SPAN("NOOP\r\n"), 0);
    assert_false(smtp_server_next(&server, &ev));
    assert_true(smtp_server_wants_room(&server));
    buf_reset(&out);
    assert_true(smtp_server_next(&server, &ev));
    assert_int_equal(ev.kind, SMTP_EVENT_NOOP);
}

/* Octets in a minute, minutes, how it ends. */
static const struct {
    size_t bytes;
    int64_t minutes;
    bool closed;
} speeds[] = {{512 * 60, 59, false}, {512 * 60 - 1, 1, true}, {0, 1, true}, {512 * 60, 60, true}};

static void minimum_rate(void **state)
{
    static char octets[512 * 60];

    (void)state;
    memset(octets, 'x', sizeof(octets));
    for (size_t i = 0; i < COUNT(speeds); i++) {
        int64_t now_ms = 1000;

        begin_data();
        conf.message_bytes = 0;
        (void)smtp_server_deadline(&server, now_ms);
        for (int64_t minute = 0; minute < speeds[i].minutes; minute++) {
            smtp_server_feed(&server, span_of(octets, speeds[i].bytes), now_ms + 30000);
            (void)consent();
            (void)smtp_server_deadline(&server, now_ms + 30000);
            now_ms += SMTP_DATA_RATE_WINDOW_MS;
            smtp_server_timeout(&server, now_ms);
        }
        assert_int_equal(server.state == SMTP_SERVER_CLOSED, speeds[i].closed);
        if (speeds[i].closed)
            assert_int_equal(server.ev.why, SMTP_CLOSE_TOO_SLOW);
    }
}

/* Our own slowness is nobody's fault. */
static void no_deadline_while_we_owe_an_answer(void **state)
{
    struct smtp_event ev;

    (void)state;
    begin_data();
    (void)smtp_server_deadline(&server, 0);
    smtp_server_feed(&server, SPAN("x\r\n"), 0);
    assert_true(smtp_server_next(&server, &ev));
    assert_true(smtp_server_deadline(&server, 0) == INT64_MAX);
    smtp_server_timeout(&server, INT64_MAX);
    assert_int_equal(server.state, SMTP_SERVER_DATA);
    smtp_server_took(&server);
    assert_true(smtp_server_deadline(&server, 500000) == 500000 + SMTP_DATA_RATE_WINDOW_MS);
}

/* ---- STARTTLS ---- */

static struct smtp_server_conf conf_tls;

static void begin_tls(void)
{
    conf = smtp_server_conf_default(SPAN("mx.herald.test"));
    conf.ext |= (unsigned)SMTP_EXT_STARTTLS | (unsigned)SMTP_EXT_AUTH;
    conf.auth_mechanisms = SPAN("PLAIN");
    conf_tls = conf;
    conf_tls.tls = true;
    out = BUF_OVER(room);
    smtp_server_init(&server, &conf, &out);
    (void)consent();
    buf_reset(&out);
}

static void assert_injection(const char *reply)
{
    struct smtp_event ev;

    assert_true(smtp_server_next(&server, &ev));
    assert_int_equal(ev.kind, SMTP_EVENT_CLOSE);
    assert_int_equal(ev.why, SMTP_CLOSE_INJECTION);
    assert_span_equal(buf_span(&out), span_cstr(reply));
    assert_int_equal(smtp_server_rest(&server).n, 0);
}

#define REFUSED "554 5.5.1 something came behind STARTTLS in the clear\r\n"

/* CVE-2011-0411: commands behind STARTTLS in the same segment, or before the 220 was said. */
static void nothing_comes_behind_starttls(void **state)
{
    static const char *const behind[] = {"STARTTLS\r\nEHLO evil\r\n", "starttls\r\nX",
                                         "STARTTLS \r\n\0", "STARTTLS\r\n\r\n"};
    struct smtp_event ev;

    (void)state;
    for (size_t i = 0; i < COUNT(behind); i++) {
        begin_tls();
        smtp_server_feed(&server, guard_copy(span_of(behind[i], strlen(behind[i]) + 1)), 0);
        (void)consent();
        assert_injection(REFUSED);
    }
    begin_tls();
    smtp_server_feed(&server, SPAN("STARTTLS\r\n"), 0);
    assert_true(smtp_server_next(&server, &ev));
    assert_int_equal(ev.kind, SMTP_EVENT_STARTTLS);
    smtp_server_feed(&server, SPAN("N"), 0);
    smtp_server_answer(&server, ev.reply);
    assert_injection(REFUSED);
}

/* What is fed while hands are shaken is no secret: nothing more is said in the clear. */
static void nothing_is_read_while_hands_are_shaken(void **state)
{
    (void)state;
    begin_tls();
    smtp_server_feed(&server, SPAN("STARTTLS\r\n"), 0);
    (void)consent();
    assert_int_equal(server.state, SMTP_SERVER_TLS);
    assert_true(smtp_server_deadline(&server, 0) == INT64_MAX);
    smtp_server_feed(&server, SPAN_NONE, 0);
    assert_int_equal(server.state, SMTP_SERVER_TLS);
    smtp_server_feed(&server, SPAN("QUIT\r\n"), 0);
    assert_injection("220 2.0.0 begin TLS\r\n");
}

static void all_is_forgotten_under_tls(void **state)
{
    (void)state;
    begin_tls();
    smtp_server_feed(&server, SPAN("EHLO c\r\nAUTH PLAIN AGEAYg==\r\nSTARTTLS\r\n"), 0);
    (void)consent();
    assert_int_equal(server.state, SMTP_SERVER_TLS);
    smtp_server_secured(&server, &conf_tls);
    assert_int_equal(server.state, SMTP_SERVER_START);
    assert_false(server.authenticated);
    assert_int_equal(server.verb, SMTP_GREETING_HELO);
    assert_int_equal(smtp_server_announced(&server) & SMTP_EXT_STARTTLS, 0);
    assert_true(span_search(span_of(&server, sizeof(server)), SPAN("AGEAYg==")) == sizeof(server));
}

/* ---- a long line of AUTH ---- */

#define LONG_BYTES 9000

static void begin_long(struct smtp_event *ev)
{
    static char line[LONG_BYTES];

    begin_tls();
    memset(line, 'A', sizeof(line));
    smtp_server_feed(&server, SPAN("EHLO c\r\n"), 0);
    (void)consent();
    buf_reset(&out);
    smtp_server_feed(&server, SPAN("AUTH PLAIN AAAA"), 0);
    assert_false(smtp_server_next(&server, ev));
    smtp_server_feed(&server, span_of(line, sizeof(line) - 4), 0);
    assert_true(smtp_server_next(&server, ev));
    assert_int_equal(ev->kind, SMTP_EVENT_LONG_LINE);
    assert_false(smtp_server_borrows(&server));
}

static void assert_forgotten(void)
{
    assert_true(span_search(span_of(&server, sizeof(server)), SPAN("AAAA")) == sizeof(server));
}

static void a_long_line_is_lent_and_wiped(void **state)
{
    static char memory[SMTP_AUTH_LINE_BYTES];
    static char clean[SMTP_AUTH_LINE_BYTES];
    struct smtp_event ev;

    (void)state;
    begin_long(&ev);
    smtp_server_lend(&server, memory);
    assert_true(smtp_server_borrows(&server));
    assert_forgotten();
    assert_false(smtp_server_next(&server, &ev));
    smtp_server_feed(&server, SPAN("\r\nNOOP\r\n"), 0);
    assert_true(smtp_server_next(&server, &ev));
    assert_int_equal(ev.kind, SMTP_EVENT_AUTH);
    assert_int_equal(ev.argument.n, LONG_BYTES / 4 * 3);
    assert_span_equal(ev.mechanism, SPAN("PLAIN"));
    smtp_server_answer(&server, ev.reply);
    assert_false(smtp_server_borrows(&server));
    assert_memory_equal(memory, clean, sizeof(memory));
    assert_true(smtp_server_next(&server, &ev));
    assert_int_equal(ev.kind, SMTP_EVENT_NOOP);
}

static void without_memory_a_long_line_is_dropped(void **state)
{
    struct smtp_event ev;

    (void)state;
    begin_long(&ev);
    smtp_server_lend(&server, NULL);
    smtp_server_feed(&server, SPAN("AAAA\r\nNOOP\r\n"), 0);
    assert_true(smtp_server_next(&server, &ev));
    assert_int_equal(ev.kind, SMTP_EVENT_NOOP);
    assert_span_equal(buf_span(&out), SPAN("500 5.5.2 line too long\r\n"));
    assert_forgotten();
}

static void a_session_that_ends_gives_memory_back(void **state)
{
    static char memory[SMTP_AUTH_LINE_BYTES];
    static char clean[SMTP_AUTH_LINE_BYTES];
    struct smtp_event ev;

    (void)state;
    begin_long(&ev);
    smtp_server_lend(&server, memory);
    assert_false(smtp_server_next(&server, &ev));
    (void)smtp_server_deadline(&server, 0);
    smtp_server_timeout(&server, SMTP_COMMAND_TIMEOUT_MS);
    assert_int_equal(server.state, SMTP_SERVER_CLOSED);
    assert_false(smtp_server_borrows(&server));
    assert_memory_equal(memory, clean, sizeof(memory));
}

/* An idle session in the clear has 12 KiB for all it needs. */
static void the_engine_is_small(void **state)
{
    (void)state;
    assert_true(sizeof(struct smtp_server) <= 4096);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_write_for_a_group),
        cmocka_unit_test(same_event_until_answered),
        cmocka_unit_test(clean_body_is_not_copied),
        cmocka_unit_test(waits_for_room),
        cmocka_unit_test(minimum_rate),
        cmocka_unit_test(no_deadline_while_we_owe_an_answer),
        cmocka_unit_test(nothing_comes_behind_starttls),
        cmocka_unit_test(nothing_is_read_while_hands_are_shaken),
        cmocka_unit_test(all_is_forgotten_under_tls),
        cmocka_unit_test(a_long_line_is_lent_and_wiped),
        cmocka_unit_test(without_memory_a_long_line_is_dropped),
        cmocka_unit_test(a_session_that_ends_gives_memory_back),
        cmocka_unit_test(the_engine_is_small),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
