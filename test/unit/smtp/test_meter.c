/* SPDX-License-Identifier: ISC */
#include "../guard.h"
#include "smtp/meter.h"

/* Content, limits, what is told, in whatever pieces it comes. */
static const struct {
    const char *name;
    span content;
    struct smtp_meter_limits limits;
    enum smtp_meter_fault fault;
} cases[] = {
    {"no limits", SPAN_INIT("A: b\r\n\r\nbody"), {0}, SMTP_METER_FINE},
    {"as big as may be", SPAN_INIT("12345"), {.bytes = 5}, SMTP_METER_FINE},
    {"one octet more", SPAN_INIT("123456"), {.bytes = 5}, SMTP_METER_TOO_BIG},
    {"a line as long as may be", SPAN_INIT("123\r\n123\r\n"), {.line_bytes = 6}, SMTP_METER_FINE},
    {"a line at its limit", SPAN_INIT("1\r\n12345\r\n"), {.line_bytes = 7}, SMTP_METER_FINE},
    {"a line over its limit",
     SPAN_INIT("1\r\n12345x\r\n"),
     {.line_bytes = 7},
     SMTP_METER_LONG_LINE},
    {"a long line first, then big",
     SPAN_INIT("12345678"),
     {.bytes = 7, .line_bytes = 5},
     SMTP_METER_LONG_LINE},
    {"big first, then a long line",
     SPAN_INIT("12345678"),
     {.bytes = 4, .line_bytes = 7},
     SMTP_METER_TOO_BIG},
    {"a header as big as may be",
     SPAN_INIT("A: b\r\n\r\nxxxx"),
     {.header_bytes = 6},
     SMTP_METER_FINE},
    {"a header too big", SPAN_INIT("A: bc\r\n\r\n"), {.header_bytes = 6}, SMTP_METER_LONG_HEADER},
    {"a header without end", SPAN_INIT("A: bcdefg"), {.header_bytes = 6}, SMTP_METER_LONG_HEADER},
    {"as many fields as may be",
     SPAN_INIT("A: 1\r\n 2\r\n\t3\r\nB: 1\r\n\r\nC: 1\r\n"),
     {.header_fields = 2},
     SMTP_METER_FINE},
    {"a field too many",
     SPAN_INIT("A: 1\r\nB: 1\r\nC: 1\r\n"),
     {.header_fields = 2},
     SMTP_METER_LONG_HEADER},
    {"lines that end in LF",
     SPAN_INIT("A: 1\nB: 1\n\nC: 1\n"),
     {.header_fields = 2},
     SMTP_METER_FINE},
    {"no header at all",
     SPAN_INIT("\r\nA: 1\r\nB: 1\r\n"),
     {.header_bytes = 1, .header_fields = 1},
     SMTP_METER_FINE},
};

static void in_any_pieces(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        for (size_t step = 1; step <= cases[i].content.n; step++) {
            struct smtp_meter m = {0};
            enum smtp_meter_fault fault = SMTP_METER_FINE;
            span rest = cases[i].content;

            for (; rest.n > 0 && fault == SMTP_METER_FINE; rest = span_skip(rest, step))
                fault = smtp_meter_put(&m, &cases[i].limits, guard_copy(span_head(rest, step)));
            if (fault != cases[i].fault)
                fail_msg("%s, by %zu: %d", cases[i].name, step, (int)fault);
        }
    }
}

static void has_header(void **state)
{
    static const struct {
        span content;
        uint64_t most;
        bool has;
    } rows[] = {
        {SPAN_INIT(""), 0, false},
        {SPAN_INIT("A: b\r\n"), 6, false},
        {SPAN_INIT("A: b\r\n"), 5, true},
        {SPAN_INIT("A: b\r\n\r"), 100, true},
        {SPAN_INIT("A: b\n\nbody"), 100, true},
        {SPAN_INIT("\r\n"), 0, true},
    };
    static const struct smtp_meter_limits none = {0};

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct smtp_meter m = {0};

        assert_int_equal(smtp_meter_put(&m, &none, rows[i].content), SMTP_METER_FINE);
        if (smtp_meter_has_header(&m, rows[i].most) != rows[i].has)
            fail_msg("row %zu", i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(in_any_pieces),
                                       cmocka_unit_test(has_header)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
