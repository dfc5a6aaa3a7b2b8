/* SPDX-License-Identifier: ISC */
/*
 * What goes out can be read in one way only: every stored body between two lines of text, through
 * every cut, as a strict receiver, one that takes a bare LF for a line end, one that takes a bare
 * CR for one, and one that drops NULs would read it. All must see one message, to its very end.
 */
#include <stdio.h>

#include "../guard.h"

#include "smtp/dot.h"

/* Pieces of which bodies are made: each alone, and each behind each other. */
static const span pieces[] = {
    SPAN_INIT("."),
    SPAN_INIT("\r\n"),
    SPAN_INIT("\n"),
    SPAN_INIT("\r"),
    SPAN_INIT("\r\r\n"),
    SPAN_INIT("\n\r"),
    SPAN_INIT("\0"),
    SPAN_INIT(".\r\n"),
    SPAN_INIT("\n.\n"),
    SPAN_INIT("\n.\r\n"),
    SPAN_INIT("\r\n.\n"),
    SPAN_INIT("\r.\r"),
    SPAN_INIT("\r.\r\n"),
    SPAN_INIT("\r\n.\r"),
    SPAN_INIT("\r\n.\r\n"),
    SPAN_INIT("\0.\r\n"),
    SPAN_INIT("\r\n\0.\r\n"),
    SPAN_INIT("\r\n.\0\r\n"),
    SPAN_INIT("\r\0\n.\r\0\n"),
    SPAN_INIT(".."),
    SPAN_INIT("\r\n..\r\n"),
    SPAN_INIT("x"),
    SPAN_INIT(" "),
    SPAN_INIT("\xe4"),
};

enum receiver { STRICT, LENIENT_LF, LENIENT_CR, NUL_BLIND, RECEIVERS };

/* A line end at the front of s as this receiver sees it: its octets; 0: none. */
static size_t eol_at(span s, enum receiver r)
{
    if (span_starts(s, SPAN("\r\n")))
        return 2;
    if (r == LENIENT_LF && span_starts(s, SPAN("\n")))
        return 1;
    if (r == LENIENT_CR && (span_starts(s, SPAN("\r")) || span_starts(s, SPAN("\n"))))
        return 1;
    return 0;
}

/* Where the first message ends on the wire; wire.n + 1 when it does not. */
static size_t end_of(span wire, enum receiver r)
{
    bool start = true;

    for (size_t i = 0; i < wire.n;) {
        size_t eol = eol_at(span_skip(wire, i), r);
        size_t after = eol_at(span_skip(wire, i + 1), r);

        if (start && wire.p[i] == '.' && after > 0)
            return i + 1 + after;
        start = eol > 0 || (r == NUL_BLIND && start && wire.p[i] == '\0');
        i += eol > 0 ? eol : 1;
    }
    return wire.n + 1;
}

static span write_cut(span body, size_t cut, char *room, size_t n)
{
    struct buf b = buf_over(room, n);
    struct dot_writer w = {0};

    assert_int_equal(dot_writer_put(&w, &b, guard_copy(span_head(body, cut))),
                     min_size(cut, body.n));
    assert_int_equal(dot_writer_put(&w, &b, span_skip(body, cut)), span_skip(body, cut).n);
    dot_writer_end(&w, &b);
    assert_false(b.overflow);
    return buf_span(&b);
}

/* No bare CR or LF, no NUL, no line over 998 octets beside its stuffed dot. */
static void assert_clean(span wire)
{
    size_t column = 0;

    for (size_t i = 0; i < wire.n; i++) {
        char before = i > 0 ? wire.p[i - 1] : 'x';
        char behind = i + 1 < wire.n ? wire.p[i + 1] : 'x';

        assert_true(wire.p[i] != '\0');
        assert_true(wire.p[i] != '\n' || before == '\r');
        assert_true(wire.p[i] != '\r' || behind == '\n');
        column = wire.p[i] == '\r' || wire.p[i] == '\n' ? 0 : column + 1;
        assert_true(column <= DOT_LINE_MAX_BYTES + 1);
    }
}

static void judge(span body)
{
    static char first[8192], again[8192];
    span whole = write_cut(body, body.n, first, sizeof(first));

    assert_clean(whole);
    for (enum receiver r = STRICT; r < RECEIVERS; r++)
        assert_int_equal(end_of(whole, r), whole.n);
    for (size_t cut = 0; cut < body.n; cut++)
        assert_span_equal(write_cut(body, cut, again, sizeof(again)), whole);
}

/* 24 pieces alone, and 24 * 24 of two: 600 bodies, each with text around it and without. */
static void one_message_for_everybody(void **state)
{
    char room[256];
    size_t bodies = 0;

    (void)state;
    for (size_t i = 0; i < COUNT(pieces); i++) {
        for (size_t k = 0; k <= COUNT(pieces); k++) {
            for (int around = 0; around < 2; around++) {
                struct buf b = BUF_OVER(room);

                buf_put(&b, around ? SPAN("a\r\n") : SPAN_NONE);
                buf_put(&b, pieces[i]);
                buf_put(&b, k < COUNT(pieces) ? pieces[k] : SPAN_NONE);
                buf_put(&b, around ? SPAN("MAIL FROM:<>\r\n") : SPAN_NONE);
                judge(buf_span(&b));
                bodies++;
            }
        }
    }
    assert_in_range(bodies, 100, SIZE_MAX);
}

/* The octets on the wire, for the forms that smuggling is known by (CVE-2023-51764 and its kin). */
static void what_is_on_the_wire(void **state)
{
    static const struct {
        span body;
        span wire;
    } rows[] = {
        {SPAN_INIT(""), SPAN_INIT(".\r\n")},
        {SPAN_INIT("a"), SPAN_INIT("a\r\n.\r\n")},
        {SPAN_INIT("a\r\n"), SPAN_INIT("a\r\n.\r\n")},
        {SPAN_INIT("a\n.\nb\r\n"), SPAN_INIT("a\r\n..\r\nb\r\n.\r\n")},
        {SPAN_INIT("a\n.\r\nb\r\n"), SPAN_INIT("a\r\n..\r\nb\r\n.\r\n")},
        {SPAN_INIT("a\r\n.\nb\r\n"), SPAN_INIT("a\r\n..\r\nb\r\n.\r\n")},
        {SPAN_INIT("a\r.\rb\r\n"), SPAN_INIT("a\r\n..\r\nb\r\n.\r\n")},
        {SPAN_INIT("a\r\n.\rb\r\n"), SPAN_INIT("a\r\n..\r\nb\r\n.\r\n")},
        {SPAN_INIT("a\r\n.\r\nb\r\n"), SPAN_INIT("a\r\n..\r\nb\r\n.\r\n")},
        {SPAN_INIT("a\r\n\0.\r\nb\r\n"), SPAN_INIT("a\r\n..\r\nb\r\n.\r\n")},
        {SPAN_INIT("a\r\n.\0\r\nb\r\n"), SPAN_INIT("a\r\n..\r\nb\r\n.\r\n")},
        {SPAN_INIT("a\r\r\nb\r\n"), SPAN_INIT("a\r\n\r\nb\r\n.\r\n")},
    };
    char room[256];

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_span_equal(write_cut(rows[i].body, 1, room, sizeof(room)), rows[i].wire);
}

static void long_lines_are_broken(void **state)
{
    static char text[3000];

    (void)state;
    memset(text, 'x', sizeof(text));
    judge(span_of(text, DOT_LINE_MAX_BYTES));
    judge(span_of(text, DOT_LINE_MAX_BYTES + 1));
    text[DOT_LINE_MAX_BYTES] = '.';
    judge(span_of(text, sizeof(text)));
    memset(text, '.', sizeof(text));
    judge(span_of(text, sizeof(text)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_message_for_everybody),
        cmocka_unit_test(what_is_on_the_wire),
        cmocka_unit_test(long_lines_are_broken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
