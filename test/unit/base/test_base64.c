/* SPDX-License-Identifier: ISC */
#include "../guard.h"
#include "base/base64.h"

/* RFC 4648 10, and octets of every kind. */
static const struct {
    span octets;
    const char *text;
} pairs[] = {
    {SPAN_INIT(""), ""},
    {SPAN_INIT("f"), "Zg=="},
    {SPAN_INIT("fo"), "Zm8="},
    {SPAN_INIT("foo"), "Zm9v"},
    {SPAN_INIT("foob"), "Zm9vYg=="},
    {SPAN_INIT("fooba"), "Zm9vYmE="},
    {SPAN_INIT("foobar"), "Zm9vYmFy"},
    {SPAN_INIT("\0alice\0secret"), "AGFsaWNlAHNlY3JldA=="},
    {SPAN_INIT("\xff\xff\xff"), "////"},
    {SPAN_INIT("\xfb\xef\xbe"), "++++"},
    {SPAN_INIT("\0\0\0"), "AAAA"},
};

static void there_and_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(pairs); i++) {
        char room[64];
        struct buf text = BUF_OVER(room);
        char back_room[64];
        struct buf back = BUF_OVER(back_room);

        base64_put(&text, guard_copy(pairs[i].octets));
        assert_span_equal(buf_span(&text), span_cstr(pairs[i].text));
        buf_put(&back, SPAN("x"));
        assert_true(base64_take(&back, guard_copy(buf_span(&text))));
        assert_span_equal(span_skip(buf_span(&back), 1), pairs[i].octets);
        back = buf_over(room, text.n);
        assert_true(base64_take(&back, buf_span(&text)));
        assert_span_equal(buf_span(&back), pairs[i].octets);
    }
}

static const span bad[] = {
    SPAN_INIT("Z"),        SPAN_INIT("Zg"),       SPAN_INIT("Zm8"),      SPAN_INIT("Zm9vY"),
    SPAN_INIT("="),        SPAN_INIT("=="),       SPAN_INIT("==="),      SPAN_INIT("===="),
    SPAN_INIT("Z==="),     SPAN_INIT("Zh=="),     SPAN_INIT("Zm9="),     SPAN_INIT("Zg==Zg=="),
    SPAN_INIT("Zg=a"),     SPAN_INIT("Z=g="),     SPAN_INIT("=Zg="),     SPAN_INIT("Zm9v\r\n"),
    SPAN_INIT("Zm 9"),     SPAN_INIT(" Zm9"),     SPAN_INIT("Zm9v "),    SPAN_INIT("Zm-_"),
    SPAN_INIT("Zm9\0"),    SPAN_INIT("\0\0\0\0"), SPAN_INIT("Zm9\xff"),  SPAN_INIT("Zm9vZm9v="),
    SPAN_INIT("Zg==\r\n"), SPAN_INIT("Zg==="),    SPAN_INIT("Zm9v===="), SPAN_INIT("*"),
};

static void is_strict(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        char room[16] = "";
        struct buf b = BUF_OVER(room);

        buf_putc(&b, 'x');
        if (base64_take(&b, guard_copy(bad[i])) || b.n != 1)
            fail_msg("taken: %.*s", SPAN_ARG(bad[i]));
    }
}

/* Each digit in each place, and each octet that is none. */
static void every_octet(void **state)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    (void)state;
    for (unsigned c = 0; c < 256; c++) {
        for (size_t place = 0; place < 4; place++) {
            char text[] = "AAAA";
            char room[3];
            struct buf b = BUF_OVER(room);
            size_t value = span_find(span_of(digits, 64), (char)c);
            bool padding = c == '=' && place == 3;

            text[place] = (char)c;
            assert_int_equal(base64_take(&b, guard_copy(span_of(text, 4))), value < 64 || padding);
            if (value < 64)
                assert_int_equal((size_t)(unsigned char)room[0] << 16 |
                                     (size_t)(unsigned char)room[1] << 8 |
                                     (size_t)(unsigned char)room[2],
                                 value << (18 - 6 * place));
        }
    }
}

static void without_room(void **state)
{
    char room[5] = "";
    struct buf b = buf_over(room, 2);

    (void)state;
    assert_false(base64_take(&b, SPAN("Zm9v")));
    assert_true(base64_take(&b, SPAN("Zm8=")));
    b = buf_over(room, 3);
    base64_put(&b, SPAN("f"));
    assert_true(b.overflow);
    assert_int_equal(b.n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_and_back),
        cmocka_unit_test(is_strict),
        cmocka_unit_test(every_octet),
        cmocka_unit_test(without_room),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
