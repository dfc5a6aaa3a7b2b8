/* SPDX-License-Identifier: ISC */
#include "../guard.h"
#include "smtp/reply.h"

#define X100                                                                                       \
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" \
    "xxxxxxxx"

#define X19 "\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx"
#define Y3  "250-x\r\n250-x\r\n250-x\r\n"
#define Y18 Y3 Y3 Y3 Y3 Y3 Y3

static const struct {
    unsigned code;
    span enhanced;
    span text;
    enum smtp_reply_form form;
    const char *wire;
} puts_cases[] = {
    {250, SPAN_INIT("2.1.0"), SPAN_INIT("ok"), SMTP_REPLY_ENHANCED, "250 2.1.0 ok\r\n"},
    {250, SPAN_INIT(""), SPAN_INIT("ok"), SMTP_REPLY_ENHANCED, "250 2.0.0 ok\r\n"},
    {250, SPAN_INIT("2.1.0"), SPAN_INIT("ok"), SMTP_REPLY_PLAIN, "250 ok\r\n"},
    {550, SPAN_INIT("5.7.1"), SPAN_INIT("no"), SMTP_REPLY_PLAIN, "550 5.7.1 no\r\n"},
    {550, SPAN_INIT(""), SPAN_INIT("no"), SMTP_REPLY_PLAIN, "550 no\r\n"},
    {450, SPAN_INIT("5.1.1"), SPAN_INIT("x"), SMTP_REPLY_ENHANCED, "450 4.1.1 x\r\n"},
    {550, SPAN_INIT("evil\r\n"), SPAN_INIT("x"), SMTP_REPLY_ENHANCED, "550 5.0.0 x\r\n"},
    {354, SPAN_INIT("2.0.0"), SPAN_INIT("go"), SMTP_REPLY_ENHANCED, "354 go\r\n"},
    {250, SPAN_INIT(""), SPAN_INIT(""), SMTP_REPLY_PLAIN, "250\r\n"},
    {550, SPAN_INIT("5.1.1"), SPAN_INIT(""), SMTP_REPLY_ENHANCED, "550 5.1.1\r\n"},
    {550, SPAN_INIT("5.7.1"), SPAN_INIT("a\nb\n\nc"), SMTP_REPLY_ENHANCED,
     "550-5.7.1 a\r\n550-5.7.1 b\r\n550-5.7.1\r\n550 5.7.1 c\r\n"},
    {550, SPAN_INIT("5.7.1"), SPAN_INIT("a\r\0\x1b\xe4z"), SMTP_REPLY_ENHANCED,
     "550 5.7.1 a????z\r\n"},
    {250, SPAN_INIT(""), SPAN_INIT("1" X19 "\n21\n22"), SMTP_REPLY_PLAIN,
     "250-1\r\n" Y18 "250 x\r\n"},
    {250, SPAN_INIT(""), SPAN_INIT(X100 X100 X100 " " X100 X100 X100), SMTP_REPLY_PLAIN,
     "250-" X100 X100 X100 "\r\n250 " X100 X100 X100 "\r\n"},
};

static void puts_replies(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(puts_cases); i++) {
        char room[SMTP_REPLY_MAX_BYTES];
        struct buf b = BUF_OVER(room);

        smtp_reply_put(&b,
                       smtp_reply_of(puts_cases[i].code, guard_copy(puts_cases[i].enhanced),
                                     guard_copy(puts_cases[i].text)),
                       puts_cases[i].form);
        assert_span_equal(buf_span(&b), span_cstr(puts_cases[i].wire));
    }
}

/* Whatever the text, it fits, its lines are at most 512 octets, and it needs the room it says. */
static void bounds(void **state)
{
    char text[4000];
    char room[SMTP_REPLY_MAX_BYTES + 1];

    (void)state;
    for (unsigned gap = 1; gap < 700; gap++) {
        struct buf b = buf_over(room, SMTP_REPLY_MAX_BYTES);
        span rest;
        span line;

        for (size_t i = 0; i < sizeof(text); i++)
            text[i] = i % gap == 0 ? (gap % 2 == 0 ? '\n' : ' ') : 'y';
        smtp_reply_put(&b, smtp_reply_of(550, SPAN("5.999.999"), span_of(text, sizeof(text))),
                       SMTP_REPLY_ENHANCED);
        assert_false(b.overflow);
        rest = buf_span(&b);
        while (span_line(&rest, &line))
            assert_true(line.n + 2 <= SMTP_REPLY_LINE_BYTES);
    }
    struct buf small = buf_over(room, SMTP_REPLY_MAX_BYTES - 1);

    smtp_reply_put(&small, smtp_reply_of(250, SPAN_NONE, SPAN("x")), SMTP_REPLY_PLAIN);
    assert_true(small.overflow);
    assert_int_equal(small.n, 0);
}

static const struct {
    span text;
    const char *enhanced; /* NULL: none */
} enhanced[] = {
    {SPAN_INIT("2.1.0 ok"), "2.1.0"},
    {SPAN_INIT("5.7.26"), "5.7.26"},
    {SPAN_INIT("4.123.456 x"), "4.123.456"},
    {SPAN_INIT(""), NULL},
    {SPAN_INIT("2.1 ok"), NULL},
    {SPAN_INIT("2.1.0.1 ok"), NULL},
    {SPAN_INIT("3.1.0 ok"), NULL},
    {SPAN_INIT("25.1.0 ok"), NULL},
    {SPAN_INIT("2.1234.0 ok"), NULL},
    {SPAN_INIT("2..0 ok"), NULL},
    {SPAN_INIT("2.1.0: ok"), NULL},
    {SPAN_INIT("ok 2.1.0"), NULL},
    {SPAN_INIT("2.1."), NULL},
    {SPAN_INIT(".1.0"), NULL},
};

static void enhanced_codes(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(enhanced); i++) {
        span got = SPAN_NONE;

        if (smtp_enhanced_take(guard_copy(enhanced[i].text), &got) !=
            (enhanced[i].enhanced != NULL))
            fail_msg("%.*s", SPAN_ARG(enhanced[i].text));
        assert_span_equal(got, span_cstr(enhanced[i].enhanced));
    }
}

static void reads_and_cuts(void **state)
{
    static struct smtp_reader r;
    char line[SMTP_READ_LINE_BYTES];
    span in;

    (void)state;
    memset(line, 'x', sizeof(line));
    memcpy(line, "250-", 4);
    memcpy(line + sizeof(line) - 2, "\r\n", 2);
    smtp_reader_init(&r);
    in = guard_copy(span_of(line, sizeof(line)));
    assert_int_equal(smtp_reader_next(&r, &in), SMTP_READ_LINE);
    assert_true(r.cut);
    assert_int_equal(smtp_reader_text(&r).n, SMTP_READ_TEXT_BYTES);
    assert_true(smtp_reader_in_line(&r));
    in = guard_copy(SPAN("250 y\r\n220 z\r\n"));
    assert_int_equal(smtp_reader_next(&r, &in), SMTP_READ_LAST);
    assert_false(smtp_reader_in_line(&r));
    assert_int_equal(r.lines, 2);
    assert_int_equal(smtp_reader_next(&r, &in), SMTP_READ_LAST);
    assert_false(r.cut);
    assert_span_equal(smtp_reader_text(&r), SPAN("z"));
    assert_int_equal(smtp_reader_next(&r, &in), SMTP_READ_MORE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(puts_replies),
        cmocka_unit_test(bounds),
        cmocka_unit_test(enhanced_codes),
        cmocka_unit_test(reads_and_cuts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
