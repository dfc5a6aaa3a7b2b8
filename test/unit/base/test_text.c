/* SPDX-License-Identifier: ISC */
/* Spans, buffers, escaping and numbers: everything that handles text. */
#include "../guard.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/escape.h"
#include "base/num.h"

static void test_compare(void **state)
{
    static const struct {
        span a, b;
        bool eq, ieq;
        int cmp;
    } rows[] = {
        {SPAN_INIT(""), SPAN_INIT(""), true, true, 0},
        {SPAN_INIT("a"), SPAN_INIT("A"), false, true, 1},
        {SPAN_INIT("abc"), SPAN_INIT("abcd"), false, false, -1},
        {SPAN_INIT("a\0b"), SPAN_INIT("a\0b"), true, true, 0},
        {SPAN_INIT("a\0b"), SPAN_INIT("a\0c"), false, false, -1},
        {SPAN_INIT("\xc3\x84"), SPAN_INIT("\xc3\xa4"), false, false, -1},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        span a = guard_copy(rows[i].a);
        span b = guard_copy(rows[i].b);
        int cmp = span_cmp(a, b);

        assert_int_equal(span_eq(a, b), rows[i].eq);
        assert_int_equal(span_ieq(a, b), rows[i].ieq);
        assert_int_equal((cmp > 0) - (cmp < 0), rows[i].cmp);
    }
}

static void test_search(void **state)
{
    span s = guard_copy(SPAN("Mail FROM:<a@b>"));

    (void)state;
    assert_int_equal(span_find(s, '<'), 10);
    assert_int_equal(span_find(s, '!'), s.n);
    assert_int_equal(span_rfind(s, 'a'), 11);
    assert_int_equal(span_search(s, SPAN("FROM")), 5);
    assert_int_equal(span_search(s, SPAN("from")), s.n);
    assert_int_equal(span_isearch(s, SPAN("from")), 5);
    assert_int_equal(span_isearch(s, SPAN("b>x")), s.n);
    assert_true(span_istarts(s, SPAN("MAIL ")));
    assert_false(span_starts(s, SPAN("MAIL ")));
    assert_true(span_ends(s, SPAN("b>")));
    assert_false(span_iends(guard_copy(SPAN("b")), SPAN("ab")));
    assert_span_equal(span_trim(guard_copy(SPAN(" \t x y\t"))), SPAN("x y"));
    assert_span_equal(span_trim(guard_copy(SPAN(" \t"))), SPAN(""));
}

static void test_pieces(void **state)
{
    span rest = guard_copy(SPAN("a,,b,"));
    span lines = guard_copy(SPAN("one\r\ntwo\n\r\nlast\r"));
    span piece;

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        static const span want[] = {SPAN_INIT("a"), SPAN_INIT(""), SPAN_INIT("b"), SPAN_INIT("")};
        assert_true(span_split(&rest, ',', &piece));
        assert_span_equal(piece, want[i]);
    }
    assert_false(span_split(&rest, ',', &piece));
    for (size_t i = 0; i < 4; i++) {
        static const span want[] = {SPAN_INIT("one"), SPAN_INIT("two"), SPAN_INIT(""),
                                    SPAN_INIT("last")};
        assert_true(span_line(&lines, &piece));
        assert_span_equal(piece, want[i]);
    }
    assert_false(span_line(&lines, &piece));
}

static void test_buf_is_whole_or_nothing(void **state)
{
    char memory[8];
    struct buf b = BUF_OVER(memory);

    (void)state;
    buf_put(&b, SPAN("12345"));
    buf_put(&b, SPAN("6789"));
    assert_true(b.overflow);
    assert_span_equal(buf_span(&b), SPAN("12345"));
    buf_put(&b, SPAN("6"));
    assert_span_equal(buf_span(&b), SPAN("12345"));
    buf_reset(&b);
    buf_printf(&b, "%s", "1234567");
    assert_false(b.overflow);
    buf_reset(&b);
    buf_printf(&b, "%s", "12345678");
    assert_true(b.overflow);
    buf_reset(&b);
    buf_put_u64_padded(&b, 42, 5);
    buf_drop(&b, 3);
    assert_span_equal(buf_span(&b), SPAN("42"));
    assert_string_equal(buf_cstr(&b), "42");
}

static void test_escape(void **state)
{
    char memory[256];
    struct buf b = BUF_OVER(memory);

    (void)state;
    escape_text(&b, guard_copy(SPAN("a\r\n\x1b[31m\\\xff\0z")), 99);
    assert_span_equal(buf_span(&b), SPAN("a\\x0d\\x0a\\x1b[31m\\x5c\\xff\\x00z"));
    buf_reset(&b);
    escape_text(&b, SPAN("abcdef"), 3);
    assert_span_equal(buf_span(&b), SPAN("abc..."));
    buf_reset(&b);
    escape_json(&b, guard_copy(SPAN("\"\\\n\x01\xc3\xa4\xc3")));
    assert_span_equal(buf_span(&b), SPAN("\"\\\"\\\\\\n\\u0001\xc3\xa4\\ufffd\""));
}

/* What moves the cursor or turns the line around in a terminal that shows the JSON. */
static void test_json_does_not_act(void **state)
{
    static const struct {
        span s;
        const char *json;
    } rows[] = {
        {SPAN_INIT("a\x7f"), "\"a\\u007f\""},
        {SPAN_INIT("\xc2\x80\xc2\x9b\xc2\x9f"), "\"\\u0080\\u009b\\u009f\""},
        {SPAN_INIT("\xc2\xa0"), "\"\xc2\xa0\""},
        {SPAN_INIT("\xe2\x80\x8e\xe2\x80\x8f"), "\"\\u200e\\u200f\""},
        {SPAN_INIT("\xe2\x80\x8d\xe2\x80\x90"), "\"\xe2\x80\x8d\xe2\x80\x90\""},
        {SPAN_INIT("\xe2\x80\xa7\xe2\x80\xa8"), "\"\xe2\x80\xa7\\u2028\""},
        {SPAN_INIT("\xe2\x80\xae\xe2\x80\xaf"), "\"\\u202e\xe2\x80\xaf\""},
        {SPAN_INIT("\xe2\x81\xa5\xe2\x81\xa6"), "\"\xe2\x81\xa5\\u2066\""},
        {SPAN_INIT("\xe2\x81\xa9\xe2\x81\xaa"), "\"\\u2069\xe2\x81\xaa\""},
        {SPAN_INIT("\xe3\x80\xae\xf0\x90\x80\xae"), "\"\xe3\x80\xae\xf0\x90\x80\xae\""},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        char room[64];
        struct buf b = BUF_OVER(room);

        escape_json(&b, guard_copy(rows[i].s));
        assert_span_equal(buf_span(&b), span_cstr(rows[i].json));
    }
}

static void test_utf8(void **state)
{
    static const struct {
        span s;
        bool ok;
    } rows[] = {
        {SPAN_INIT("plain"), true},
        {SPAN_INIT("\xc3\xa4"), true},
        {SPAN_INIT("\xe2\x82\xac"), true},
        {SPAN_INIT("\xf0\x9f\x93\xa7"), true},
        {SPAN_INIT("\xc0\x80"), false},
        {SPAN_INIT("\xe0\x80\x80"), false},
        {SPAN_INIT("\xed\xa0\x80"), false},
        {SPAN_INIT("\xf4\x90\x80\x80"), false},
        {SPAN_INIT("\xf0\x80\x80\x80"), false},
        {SPAN_INIT("\xe2\x82"), false},
        {SPAN_INIT("\x80"), false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_int_equal(escape_is_utf8(guard_copy(rows[i].s)), rows[i].ok);
}

static void test_numbers(void **state)
{
    uint64_t n = 7;
    span rest = guard_copy(SPAN("250-x"));

    (void)state;
    assert_true(num_parse_u64(guard_copy(SPAN("0")), 9, &n) && n == 0);
    assert_true(num_parse_u64(SPAN("18446744073709551615"), UINT64_MAX, &n) && n == UINT64_MAX);
    assert_false(num_parse_u64(SPAN("18446744073709551616"), UINT64_MAX, &n));
    assert_false(num_parse_u64(SPAN("10"), 9, &n));
    assert_false(num_parse_u64(SPAN(""), 9, &n));
    assert_false(num_parse_u64(SPAN("-1"), 9, &n));
    assert_false(num_parse_u64(SPAN("1 "), 9, &n));
    assert_int_equal(n, UINT64_MAX);
    assert_true(num_take_u64(&rest, 999, &n) && n == 250);
    assert_span_equal(rest, SPAN("-x"));
}

static void test_ids(void **state)
{
    static const uint64_t ids[] = {0, 1, 31, 32, 0x0123456789abcdef, UINT64_MAX};
    uint64_t id;

    (void)state;
    for (size_t i = 0; i < COUNT(ids); i++) {
        struct num_id name = num_id_text(ids[i]);

        assert_int_equal(strlen(name.text), NUM_ID_BYTES);
        assert_true(num_id_parse(guard_copy(span_cstr(name.text)), &id));
        assert_true(id == ids[i]);
        if (i > 0)
            assert_true(strcmp(num_id_text(ids[i - 1]).text, name.text) < 0);
    }
    assert_false(num_id_parse(SPAN("ZZZZZZZZZZZZZ"), &id));
    assert_false(num_id_parse(SPAN("0000000000"), &id));
    assert_false(num_id_parse(SPAN("000000000000I"), &id));
}

static void test_arena(void **state)
{
    char memory[64];
    struct arena a = arena_over(memory, sizeof(memory));
    uint64_t *n;

    (void)state;
    assert_span_equal(arena_copy(&a, SPAN("abc")), SPAN("abc"));
    n = arena_take(&a, sizeof(*n));
    assert_non_null(n);
    assert_int_equal((uintptr_t)n % 8, 0);
    assert_null(arena_cstr(&a, SPAN("a\0b")));
    assert_string_equal(arena_cstr(&a, SPAN("ab")), "ab");
    assert_null(arena_take(&a, 64));
    assert_true(a.overflow);
    assert_null(arena_take(&a, 1));
    arena_reset(&a);
    assert_non_null(arena_take(&a, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_compare), cmocka_unit_test(test_search),
        cmocka_unit_test(test_pieces),  cmocka_unit_test(test_buf_is_whole_or_nothing),
        cmocka_unit_test(test_escape),  cmocka_unit_test(test_json_does_not_act),
        cmocka_unit_test(test_utf8),    cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_ids),     cmocka_unit_test(test_arena),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
