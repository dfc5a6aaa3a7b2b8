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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_write_for_a_group),
        cmocka_unit_test(same_event_until_answered),
        cmocka_unit_test(clean_body_is_not_copied),
        cmocka_unit_test(waits_for_room),
        cmocka_unit_test(minimum_rate),
        cmocka_unit_test(no_deadline_while_we_owe_an_answer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
