/* SPDX-License-Identifier: ISC */
#include "../guard.h"
#include "smtp/dot.h"

#define ALPHABET "\r\n.x\0"

/* The n-th text over the alphabet of octets that matter. */
static span text_of(size_t n, size_t length, char *out)
{
    for (size_t i = 0; i < length; i++) {
        out[i] = ALPHABET[n % 5];
        n /= 5;
    }
    return guard_copy(span_of(out, length));
}

static bool read_all(struct dot_reader *r, span in, size_t step, struct buf *content, size_t *used)
{
    *used = 0;
    for (size_t at = 0; at < in.n && r->state != DOT_ENDED; at += step) {
        span piece = span_head(span_skip(in, at), step);
        size_t whole = piece.n;
        span chunk;

        while (dot_reader_next(r, &piece, &chunk))
            buf_put(content, chunk);
        *used += whole - piece.n;
    }
    return r->state == DOT_ENDED;
}

/*
 * Every text of up to seven octets that matter, in both policies: the end is where
 * CRLF.CRLF first stands (a CRLF is thought before the text), wherever it is cut.
 */
static void ends_only_at_the_end(void **state)
{
    size_t count = 1;

    (void)state;
    for (size_t length = 1; length <= 7; length++) {
        count *= 5;
        for (size_t n = 0; n < count; n++) {
            char octets[9] = "\r\n";
            span text = span_of(octets, length + 2);
            size_t end;
            span at = SPAN("\r\n.\r\n");

            for (size_t i = 0, k = n; i < length; i++, k /= 5)
                octets[i + 2] = ALPHABET[k % 5];
            end = span_search(text, at);
            for (size_t step = 1; step <= 3; step++) {
                for (int policy = DOT_STRICT; policy <= DOT_NORMALISE; policy++) {
                    char room[64];
                    struct buf content = BUF_OVER(room);
                    struct dot_reader r;
                    size_t used;
                    bool ended;

                    dot_reader_init(&r, (enum dot_policy)policy);
                    ended = read_all(&r, span_skip(text, 2), step, &content, &used);
                    assert_int_equal(ended, end < text.n);
                    if (ended)
                        assert_int_equal(used, end + 3);
                    if (ended && r.policy == DOT_NORMALISE)
                        assert_true(content.n == 0 || span_ends(buf_span(&content), SPAN("\r\n")));
                }
            }
        }
    }
}

static bool is_clean(span s)
{
    for (size_t i = 0; i < s.n; i++) {
        bool lf = s.p[i] == '\n';

        if (s.p[i] == '\0' || (lf && (i == 0 || s.p[i - 1] != '\r')))
            return false;
        if (s.p[i] == '\r' && (i + 1 == s.n || s.p[i + 1] != '\n'))
            return false;
    }
    return true;
}

/* What we write of any content is clean, ends once, and reads back as that content normalised. */
static void writes_what_reads_back(void **state)
{
    (void)state;
    for (size_t n = 0; n < 5 * 5 * 5 * 5 * 5 * 5; n++) {
        char octets[8];
        char wire_room[64];
        char back_room[64];
        char again_room[64];
        struct buf wire = BUF_OVER(wire_room);
        struct buf back = BUF_OVER(back_room);
        struct buf again = BUF_OVER(again_room);
        struct dot_writer w = {0};
        struct dot_reader r;
        size_t used;

        assert_int_equal(dot_writer_put(&w, &wire, text_of(n, 6, octets)), 6);
        dot_writer_end(&w, &wire);
        assert_true(is_clean(buf_span(&wire)));
        dot_reader_init(&r, DOT_STRICT);
        assert_true(read_all(&r, buf_span(&wire), 64, &back, &used));
        assert_int_equal(used, wire.n);
        assert_int_equal(r.faults, 0);
        /* Clean content comes through as it is. */
        assert_int_equal(dot_writer_put(&w, &again, buf_span(&back)), back.n);
        dot_writer_end(&w, &again);
        assert_span_equal(buf_span(&again), buf_span(&wire));
    }
}

static void writes_in_little_room(void **state)
{
    char text[5000];
    char whole_room[8000];
    char pieces_room[8000];
    struct buf whole = BUF_OVER(whole_room);
    struct buf pieces = BUF_OVER(pieces_room);
    struct dot_writer w = {0};

    (void)state;
    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = i % 1500 == 1499 ? '\n' : i % 7 == 0 ? '.' : 'a';
    assert_int_equal(dot_writer_put(&w, &whole, span_of(text, sizeof(text))), sizeof(text));
    dot_writer_end(&w, &whole);
    for (size_t used = 0; used < sizeof(text);) {
        char room[11];
        struct buf b = BUF_OVER(room);
        size_t n = dot_writer_put(&w, &b, span_skip(span_of(text, sizeof(text)), used));

        assert_true(n > 0);
        used += n;
        buf_put(&pieces, buf_span(&b));
    }
    dot_writer_end(&w, &pieces);
    assert_span_equal(buf_span(&pieces), buf_span(&whole));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ends_only_at_the_end),
        cmocka_unit_test(writes_what_reads_back),
        cmocka_unit_test(writes_in_little_room),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
