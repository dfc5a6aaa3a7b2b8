/* SPDX-License-Identifier: ISC */
#include "message/convert.h"

#include <stdlib.h>

#include "../guard.h"

#define OUT_BYTES (1u << 20)

/* Both walks, in pieces of `step`; an empty span when there was nothing to do or a fault. */
static span play(span in, enum convert_to to, size_t step, enum convert_fault *out_fault)
{
    static char room[OUT_BYTES];
    static struct convert c;
    struct buf out = BUF_OVER(room);

    convert_init(&c, to);
    for (size_t at = 0; at < in.n; at += step)
        assert_int_equal(convert_put(&c, NULL, guard_copy(span_head(span_skip(in, at), step))),
                         min_size(step, in.n - at));
    assert_true(convert_end(&c, NULL));
    *out_fault = c.fault;
    if (c.fault != CONVERT_FINE || !convert_is_needed(&c))
        return SPAN_NONE;
    convert_begin(&c);
    for (size_t at = 0; at < in.n; at += step)
        (void)convert_put(&c, &out, span_head(span_skip(in, at), step));
    assert_true(convert_end(&c, &out));
    assert_false(out.overflow);
    return buf_span(&out);
}

#define MULTI(subtype)                                                                             \
    "MIME-Version: 1.0\r\nContent-Type: multipart/" subtype "; boundary=\"x y\"\r\n\r\n"
#define TEXT "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n"
#define PART "\r\n--x y\r\n"
#define LAST "\r\n--x y--\r\n"

static const struct {
    const char *what;
    span in;
    span out; /* empty: it stays as it is */
    enum convert_to to;
    enum convert_fault fault;
} rows[] = {
    {"seven bits stay", SPAN_INIT("A: b\r\n\r\nhello\r\n"), {NULL, 0}, CONVERT_TO_7BIT, 0},
    {"text becomes quoted-printable",
     SPAN_INIT("MIME-Version: 1.0\r\n" TEXT "\r\nh\xc3\xa4=b \r\n.\r\n"),
     SPAN_INIT("MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
               "Content-Transfer-Encoding: quoted-printable\r\n\r\nh=C3=A4=3Db=20\r\n.\r\n"),
     CONVERT_TO_7BIT, 0},
    {"a message without MIME gets it", SPAN_INIT("A: b\r\n\r\n\xe4\r\n"),
     SPAN_INIT("A: b\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=unknown-8bit\r\n"
               "Content-Transfer-Encoding: quoted-printable\r\n\r\n=E4\r\n"),
     CONVERT_TO_7BIT, 0},
    {"the last line needs no end", SPAN_INIT("A: b\r\n\r\n\xe4"),
     SPAN_INIT("A: b\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=unknown-8bit\r\n"
               "Content-Transfer-Encoding: quoted-printable\r\n\r\n=E4\r\n"),
     CONVERT_TO_7BIT, 0},
    {"data becomes base64",
     SPAN_INIT("MIME-Version: 1.0\r\nContent-Type: image/x\r\n\r\n\xff\xfe\r\nab\r\n"),
     SPAN_INIT("MIME-Version: 1.0\r\nContent-Type: image/x\r\n"
               "Content-Transfer-Encoding: base64\r\n\r\n//4NCmFiDQo=\r\n"),
     CONVERT_TO_7BIT, 0},
    {"content without an empty line before it", SPAN_INIT("A: b\r\n\xe4\r\n"),
     SPAN_INIT("A: b\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=unknown-8bit\r\n"
               "Content-Transfer-Encoding: quoted-printable\r\n\r\n=E4\r\n"),
     CONVERT_TO_7BIT, 0},
    {"a folded coding, in any case",
     SPAN_INIT("MIME-Version: 1.0\r\ncontent-transfer-encoding:\r\n 8BIT\r\nA: b\r\n\r\n\xe4\r\n"),
     SPAN_INIT("MIME-Version: 1.0\r\nA: b\r\nContent-Type: text/plain; charset=unknown-8bit\r\n"
               "Content-Transfer-Encoding: quoted-printable\r\n\r\n=E4\r\n"),
     CONVERT_TO_7BIT, 0},
    {"only the part that needs it",
     SPAN_INIT(MULTI("mixed") "pre\xe4" PART TEXT "\r\n\xc3\xa4" PART
                              "Content-Transfer-Encoding: 7bit\r\n\r\nplain\r\n" LAST "post\xe4"),
     SPAN_INIT(MULTI("mixed") "pre?" PART "Content-Type: text/plain; charset=utf-8\r\n"
                              "Content-Transfer-Encoding: quoted-printable\r\n\r\n=C3=A4" PART
                              "Content-Transfer-Encoding: 7bit\r\n\r\nplain\r\n" LAST "post?"),
     CONVERT_TO_7BIT, 0},
    {"line ends before a boundary are the content's but for one",
     SPAN_INIT(MULTI("mixed") PART "\r\n\xe4\r\n\r\n" PART "\r\n\r\n\xe4" LAST),
     SPAN_INIT(MULTI("mixed") PART
               "Content-Type: text/plain; charset=unknown-8bit\r\n"
               "Content-Transfer-Encoding: quoted-printable\r\n\r\n=E4\r\n\r\n" PART
               "Content-Type: text/plain; charset=unknown-8bit\r\n"
               "Content-Transfer-Encoding: quoted-printable\r\n\r\n\r\n=E4" LAST),
     CONVERT_TO_7BIT, 0},
    {"the multipart says 7bit then",
     SPAN_INIT("MIME-Version: 1.0\r\nContent-Transfer-Encoding: 8bit\r\n"
               "Content-Type: multipart/mixed;\r\n boundary=q\r\n\r\n--q\r\n\r\n\xe4\r\n--q--\r\n"),
     SPAN_INIT("MIME-Version: 1.0\r\nContent-Type: multipart/mixed;\r\n boundary=q\r\n"
               "Content-Transfer-Encoding: 7bit\r\n\r\n--q\r\n"
               "Content-Type: text/plain; charset=unknown-8bit\r\n"
               "Content-Transfer-Encoding: quoted-printable\r\n\r\n=E4\r\n--q--\r\n"),
     CONVERT_TO_7BIT, 0},
    {"a type that begins behind a fold, with a colon in it",
     SPAN_INIT("MIME-Version: 1.0\r\nContent-Type:\r\n multipart/mixed; boundary=\"q:r\"\r\n\r\n"
               "--q:r\r\n\r\n\xe4\r\n--q:r--\r\n"),
     SPAN_INIT("MIME-Version: 1.0\r\nContent-Type:\r\n multipart/mixed; boundary=\"q:r\"\r\n\r\n"
               "--q:r\r\nContent-Type: text/plain; charset=unknown-8bit\r\n"
               "Content-Transfer-Encoding: quoted-printable\r\n\r\n=E4\r\n--q:r--\r\n"),
     CONVERT_TO_7BIT, 0},
    {"a message in a part",
     SPAN_INIT(MULTI("mixed") PART
               "Content-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\n\xe4" LAST),
     SPAN_INIT(MULTI("mixed") PART
               "Content-Type: message/rfc822\r\n\r\nSubject: x\r\nMIME-Version: 1.0\r\n"
               "Content-Type: text/plain; charset=unknown-8bit\r\n"
               "Content-Transfer-Encoding: quoted-printable\r\n\r\n=E4" LAST),
     CONVERT_TO_7BIT, 0},
    {"a digest's parts are messages",
     SPAN_INIT(MULTI("digest") PART "\r\nSubject: x\r\n\r\n\xe4" LAST),
     SPAN_INIT(MULTI("digest") PART "\r\nSubject: x\r\nMIME-Version: 1.0\r\n"
                                    "Content-Type: text/plain; charset=unknown-8bit\r\n"
                                    "Content-Transfer-Encoding: quoted-printable\r\n\r\n=E4" LAST),
     CONVERT_TO_7BIT, 0},
    {"what is signed is not touched",
     SPAN_INIT(MULTI("signed") PART "\r\n\xe4" LAST),
     {NULL, 0},
     CONVERT_TO_7BIT,
     CONVERT_SIGNED},
    {"nor what lies deeper in it",
     SPAN_INIT(MULTI("signed") PART "Content-Type: multipart/mixed; boundary=q\r\n\r\n--q\r\n\r\n"
                                    "\xe4\r\n--q--\r\n" LAST),
     {NULL, 0},
     CONVERT_TO_7BIT,
     CONVERT_SIGNED},
    {"beside it one may",
     SPAN_INIT(MULTI("mixed") PART "Content-Type: multipart/signed; boundary=q\r\n\r\n--q\r\n"
                                   "Content-Transfer-Encoding: 8bit\r\n\r\nx\r\n--q--\r\n" PART
                                   "\r\n\xe4" LAST),
     SPAN_INIT(MULTI("mixed") PART "Content-Type: multipart/signed; boundary=q\r\n\r\n--q\r\n"
                                   "Content-Transfer-Encoding: 8bit\r\n\r\nx\r\n--q--\r\n" PART
                                   "Content-Type: text/plain; charset=unknown-8bit\r\n"
                                   "Content-Transfer-Encoding: quoted-printable\r\n\r\n=E4" LAST),
     CONVERT_TO_7BIT, 0},
    {"seven bits that are signed",
     SPAN_INIT(MULTI("signed") PART "\r\nx" LAST),
     {NULL, 0},
     CONVERT_TO_7BIT,
     0},
    {"what says that it is encoded and is not",
     SPAN_INIT("Content-Transfer-Encoding: base64\r\n\r\n\xe4\r\n"),
     {NULL, 0},
     CONVERT_TO_7BIT,
     CONVERT_STRUCTURE},
    {"a multipart without a boundary",
     SPAN_INIT("Content-Type: multipart/mixed\r\n\r\n--x\r\n\r\n\xe4\r\n"),
     {NULL, 0},
     CONVERT_TO_7BIT,
     CONVERT_STRUCTURE},
    {"a header above 127 stays, and the content is encoded",
     SPAN_INIT("Subject: \xe4\r\n\xe4: b\r\nMIME-Version: 1.0\r\n" TEXT "\r\n\xe4\r\n"),
     SPAN_INIT("Subject: \xe4\r\n\xe4: b\r\nMIME-Version: 1.0\r\n"
               "Content-Type: text/plain; charset=utf-8\r\n"
               "Content-Transfer-Encoding: quoted-printable\r\n\r\n=E4\r\n"),
     CONVERT_TO_7BIT, 0},
    {"the header of a part stays",
     SPAN_INIT(MULTI("mixed") PART "A: \xe4\r\n\r\nx" PART "\r\n\xe4" LAST),
     SPAN_INIT(MULTI("mixed") PART "A: \xe4\r\n\r\nx" PART
                                   "Content-Type: text/plain; charset=unknown-8bit\r\n"
                                   "Content-Transfer-Encoding: quoted-printable\r\n\r\n=E4" LAST),
     CONVERT_TO_7BIT, 0},
    {"a header above 127 alone needs nothing",
     SPAN_INIT("Subject: \xe4\r\n\r\nx\r\n"),
     {NULL, 0},
     CONVERT_TO_7BIT,
     0},
    {"an outer boundary ends inner parts",
     SPAN_INIT(MULTI("mixed") PART "Content-Type: multipart/mixed; boundary=q\r\n\r\n--q\r\n\r\n"
                                   "a" PART "\r\n\xe4" LAST "--q\r\n"),
     SPAN_INIT(MULTI("mixed") PART "Content-Type: multipart/mixed; boundary=q\r\n\r\n--q\r\n\r\n"
                                   "a" PART "Content-Type: text/plain; charset=unknown-8bit\r\n"
                                   "Content-Transfer-Encoding: quoted-printable\r\n\r\n=E4" LAST
                                   "--q\r\n"),
     CONVERT_TO_7BIT, 0},
    {"binary for servers of lines",
     SPAN_INIT("MIME-Version: 1.0\r\nContent-Type: text/plain\r\n"
               "Content-Transfer-Encoding: binary\r\n\r\na\0b\nc\xe4"),
     SPAN_INIT("MIME-Version: 1.0\r\nContent-Type: text/plain\r\n"
               "Content-Transfer-Encoding: base64\r\n\r\nYQBiCmPk\r\n"),
     CONVERT_TO_8BIT, 0},
    {"eight bits are fine for them",
     SPAN_INIT("A: \xe4\r\n\r\n\xe4\r\n"),
     {NULL, 0},
     CONVERT_TO_8BIT,
     0},
    {"binary that is signed",
     SPAN_INIT(MULTI("signed") PART "Content-Transfer-Encoding: binary\r\n\r\na\nb" LAST),
     {NULL, 0},
     CONVERT_TO_8BIT,
     CONVERT_SIGNED},
};

static void converts(void **state)
{
    enum convert_fault fault;

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        for (size_t step = 1; step <= rows[i].in.n; step += step < 80 ? 1 : rows[i].in.n) {
            span got = play(rows[i].in, rows[i].to, step, &fault);

            if (fault != rows[i].fault || !span_eq(got, rows[i].out))
                fail_msg("%s, in pieces of %zu: fault %u, got\n%.*s", rows[i].what, step,
                         (unsigned)fault, SPAN_ARG(got));
        }
    }
}

static void tells_of_headers(void **state)
{
    static const struct {
        span in;
        bool has_high;
    } told[] = {
        {SPAN_INIT("A: b\r\n\r\n\xe4\r\n"), false},
        {SPAN_INIT("A: \xe4\r\n\r\nx\r\n"), true},
        {SPAN_INIT("A: b\r\n \xe4\r\n\r\nx\r\n"), true},
        {SPAN_INIT(MULTI("mixed") PART "A: \xe4\r\n\r\nx" LAST), true},
        {SPAN_INIT(MULTI("mixed") "\xe4" PART "A: b\r\n\r\n\xe4" LAST "\xe4"), false},
    };
    static struct convert c;

    (void)state;
    for (size_t i = 0; i < COUNT(told); i++) {
        convert_init(&c, i % 2 == 0 ? CONVERT_TO_7BIT : CONVERT_TO_8BIT);
        (void)convert_put(&c, NULL, told[i].in);
        assert_true(convert_end(&c, NULL));
        if (c.header_has_high != told[i].has_high)
            fail_msg("case %zu", i);
    }
}

static void long_lines(void **state)
{
    static char text[6000];
    struct buf in = BUF_OVER(text);
    enum convert_fault fault;
    span got, line;

    (void)state;
    buf_put(&in, SPAN("\r\n"));
    for (int i = 0; i < 2000; i++)
        buf_put(&in, i % 7 != 0 ? SPAN("a") : SPAN("\xc3"));
    buf_put(&in, SPAN("\r\r\n"));
    for (size_t step = 1000; step < 1030; step++) {
        got = play(buf_span(&in), CONVERT_TO_7BIT, step, &fault);
        assert_int_equal(fault, CONVERT_FINE);
        while (span_line(&got, &line))
            assert_true(line.n <= 76);
    }
}

/* RFC 2045 6.7: lines of 76 at most, and what was sent when the soft line breaks are out. */
static void long_lines_of_text(void **state)
{
    static const struct {
        size_t plain; /* octets before one that takes three */
        const char *first;
    } widths[] = {{71, "=E4"}, {72, "=E4"}, {73, "="}, {74, "="}, {75, "="}, {76, "="}};

    (void)state;
    for (size_t i = 0; i < COUNT(widths); i++) {
        char text[512], want[512];
        struct buf in = BUF_OVER(text), out = BUF_OVER(want);
        enum convert_fault fault;
        span got, line;

        buf_put(&in, SPAN("MIME-Version: 1.0\r\n" TEXT "\r\n"));
        for (size_t n = 0; n < widths[i].plain; n++)
            buf_putc(&in, 'a');
        buf_put(&in, SPAN("\xe4zz\r\n"));
        got = play(buf_span(&in), CONVERT_TO_7BIT, 100, &fault);
        got = span_skip(got, span_search(got, SPAN("\r\n\r\n")) + 4);
        assert_true(span_line(&got, &line));
        assert_true(line.n <= 76);
        for (size_t n = 0; n < min_size(widths[i].plain, 75); n++)
            assert_true(line.p[n] == 'a');
        assert_span_equal(span_skip(line, min_size(widths[i].plain, 75)),
                          span_cstr(i == 1               ? "=E4="
                                    : widths[i].first[1] ? "=E4z="
                                                         : "="));
        for (; line.n != 0 && line.p[line.n - 1] == '=';) {
            buf_put(&out, span_head(line, line.n - 1));
            assert_true(span_line(&got, &line));
        }
        buf_put(&out, line);
        assert_true(span_ends(buf_span(&out), SPAN("a=E4zz")));
        assert_int_equal(out.n, widths[i].plain + 5);
    }
}

static void too_deep_and_too_many(void **state)
{
    static char text[200000];
    struct buf b = BUF_OVER(text);
    enum convert_fault fault;

    (void)state;
    for (unsigned i = 0; i <= CONVERT_DEPTH_MAX; i++)
        buf_printf(&b, "Content-Type: multipart/mixed; boundary=b%u.\r\n\r\n--b%u.\r\n", i, i);
    buf_put(&b, SPAN("\r\nx\r\n"));
    (void)play(buf_span(&b), CONVERT_TO_7BIT, 4096, &fault);
    assert_int_equal(fault, CONVERT_FINE);
    buf_put(&b, SPAN("\xe4"));
    (void)play(buf_span(&b), CONVERT_TO_7BIT, 4096, &fault);
    assert_int_equal(fault, CONVERT_LIMIT);
    buf_reset(&b);
    buf_put(&b, SPAN("Content-Type: multipart/mixed; boundary=b\r\n\r\n"));
    for (unsigned i = 0; i < CONVERT_PARTS_MAX; i++)
        buf_put(&b, SPAN("--b\r\n\r\nx\r\n"));
    (void)play(buf_span(&b), CONVERT_TO_7BIT, 4096, &fault);
    assert_int_equal(fault, CONVERT_FINE);
    buf_put(&b, SPAN("\xe4"));
    (void)play(buf_span(&b), CONVERT_TO_7BIT, 4096, &fault);
    assert_int_equal(fault, CONVERT_LIMIT);
}

/* Room runs out everywhere; what comes out is the same. */
static void little_room(void **state)
{
    static char small[CONVERT_ROOM_BYTES];
    static char text[20000], all[OUT_BYTES];
    static struct convert c;
    struct buf in = BUF_OVER(text), out = BUF_OVER(small), whole = BUF_OVER(all);
    enum convert_fault fault;
    size_t used = 0;

    (void)state;
    buf_put(&in, SPAN("\r\n"));
    while (buf_room(&in) > 10)
        buf_put(&in, SPAN("\xe4 =\r\n"));
    convert_init(&c, CONVERT_TO_7BIT);
    (void)convert_put(&c, NULL, buf_span(&in));
    assert_true(convert_end(&c, NULL));
    convert_begin(&c);
    while (used < in.n || !convert_end(&c, &out)) {
        used += convert_put(&c, &out, span_skip(buf_span(&in), used));
        buf_put(&whole, buf_span(&out));
        buf_reset(&out);
    }
    buf_put(&whole, buf_span(&out));
    assert_span_equal(buf_span(&whole), play(buf_span(&in), CONVERT_TO_7BIT, in.n, &fault));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(converts),           cmocka_unit_test(long_lines),
        cmocka_unit_test(long_lines_of_text), cmocka_unit_test(too_deep_and_too_many),
        cmocka_unit_test(little_room),        cmocka_unit_test(tells_of_headers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
