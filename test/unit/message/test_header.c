/* SPDX-License-Identifier: ISC */
#include "message/header.h"

#include "../guard.h"

static const struct {
    const char *text;
    const char *fields; /* name=value unfolded, one a line */
    enum header_end end;
    size_t bytes; /* where the body begins */
} walks[] = {
    {"A: 1\r\nB: 2\r\n\r\nbody", "A=1\nB=2\n", HEADER_EMPTY_LINE, 14},
    {"A: 1\nB:2\n\nbody", "A=1\nB=2\n", HEADER_EMPTY_LINE, 10},
    {"A: one\r\n  two\r\n\tthree\r\n\r\n", "A=one two three\n", HEADER_EMPTY_LINE, 25},
    {"A: 1", "A=1\n", HEADER_TEXT_END, 4},
    {"", "", HEADER_TEXT_END, 0},
    {"\r\nbody", "", HEADER_EMPTY_LINE, 2},
    {"no field\r\nA: 1\r\n", "", HEADER_NO_FIELD, 0},
    {"A: 1\r\nFrom me Sat\r\nB: 2\r\n", "A=1\n", HEADER_NO_FIELD, 6},
    {"A : 1\r\n\r\n", "A=1\n", HEADER_EMPTY_LINE, 9},
    {": 1\r\n", "", HEADER_NO_FIELD, 0},
    {" A: 1\r\n", "", HEADER_NO_FIELD, 0},
    {"A:\r\n\r\n", "A=\n", HEADER_EMPTY_LINE, 6},
    {"A: 1\r\n \r\n\r\n", "A=1\n", HEADER_EMPTY_LINE, 11},
    {"\xc3\xa4: 1\r\n", "", HEADER_NO_FIELD, 0},
};

static void fields_one_by_one(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(walks); i++) {
        struct header_walk w = header_walk_over(guard_copy(span_cstr(walks[i].text)), 0, 0);
        struct header_field f;
        char text[256];
        struct buf b = BUF_OVER(text);

        while (header_next(&w, &f)) {
            buf_put(&b, f.name);
            buf_putc(&b, '=');
            header_put_unfolded(&b, f.value);
            buf_putc(&b, '\n');
        }
        assert_span_equal(buf_span(&b), span_cstr(walks[i].fields));
        assert_int_equal(w.end, walks[i].end);
        assert_int_equal(w.at, walks[i].bytes);
        assert_false(header_next(&w, &f));
    }
}

static void limits_end_the_walk(void **state)
{
    span text = SPAN("A: 1\r\nB: 2\r\nC: 3\r\n\r\n");

    (void)state;
    assert_int_equal(header_summarize(text, 0, 3).end, HEADER_EMPTY_LINE);
    assert_int_equal(header_summarize(text, 0, 2).end, HEADER_LIMIT);
    assert_int_equal(header_summarize(text, 0, 2).n_fields, 2);
    assert_int_equal(header_summarize(text, 18, 0).end, HEADER_EMPTY_LINE);
    assert_int_equal(header_summarize(text, 17, 0).end, HEADER_LIMIT);
}

static void what_a_server_wants_to_know(void **state)
{
    struct header_summary s =
        header_summarize(guard_copy(SPAN("Received: one\r\nRECEIVED: two\r\nX-Received: no\r\n"
                                         "Message-Id:\r\n <a@b>\r\nmessage-id: <second>\r\n"
                                         "authentication-results: x\r\n"
                                         "Date: today\r\nFrom: me\r\n\r\nReceived: body\r\n")),
                         0, 0);

    (void)state;
    assert_int_equal(s.n_received, 2);
    assert_int_equal(s.n_results, 1);
    assert_int_equal(s.n_fields, 8);
    assert_span_equal(s.message_id, SPAN("<a@b>"));
    assert_span_equal(s.date, SPAN("today"));
    assert_span_equal(s.from, SPAN("me"));
}

static void delivered_to(void **state)
{
    span text = SPAN("Delivered-To: Alice@Example.net\r\n\r\nDelivered-To: bob@example.net\r\n");

    (void)state;
    assert_true(header_was_delivered_to(text, SPAN("alice@example.net")));
    assert_false(header_was_delivered_to(text, SPAN("bob@example.net")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_one_by_one),
        cmocka_unit_test(limits_end_the_walk),
        cmocka_unit_test(what_a_server_wants_to_know),
        cmocka_unit_test(delivered_to),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
