/* SPDX-License-Identifier: ISC */
/* Packed records, hashing, failures and their words. */
#include "../guard.h"

#include <errno.h>

#include "base/diag.h"
#include "base/hash.h"
#include "base/pack.h"

static void test_pack_round_trip(void **state)
{
    char memory[128];
    struct buf b = BUF_OVER(memory);
    struct unpack u;

    (void)state;
    pack_u8(&b, 0xfe);
    pack_u16(&b, 0xfedc);
    pack_u32(&b, 0xfedcba98);
    pack_u64(&b, 0xfedcba9876543210);
    pack_i64(&b, -5);
    pack_span(&b, SPAN("a\0b"));
    u = unpack_over(guard_copy(buf_span(&b)));
    assert_int_equal(unpack_u8(&u), 0xfe);
    assert_int_equal(unpack_u16(&u), 0xfedc);
    assert_int_equal(unpack_u32(&u), 0xfedcba98);
    assert_true(unpack_u64(&u) == 0xfedcba9876543210);
    assert_true(unpack_i64(&u) == -5);
    assert_false(unpack_done(&u));
    assert_span_equal(unpack_span(&u, 3), SPAN("a\0b"));
    assert_true(unpack_done(&u));
    assert_int_equal(unpack_u8(&u), 0);
    assert_false(unpack_done(&u));
}

/* Every prefix of a record is malformed, and says so without reading on. */
static void test_unpack_cut(void **state)
{
    char memory[64];
    struct buf b = BUF_OVER(memory);

    (void)state;
    pack_u32(&b, 7);
    pack_span(&b, SPAN("hello"));
    for (size_t n = 0; n < b.n; n++) {
        struct unpack u = unpack_over(guard_copy(span_head(buf_span(&b), n)));

        (void)unpack_u32(&u);
        (void)unpack_span(&u, 99);
        assert_false(unpack_done(&u));
    }
}

static void test_unpack_bounds(void **state)
{
    struct unpack u = unpack_over(guard_copy(SPAN("\5\0\0\0hello")));

    (void)state;
    assert_int_equal(unpack_span(&u, 4).n, 0);
    assert_true(u.failed);
    u = unpack_over(guard_copy(SPAN("\xff\xff\xff\xffhello")));
    assert_int_equal(unpack_span(&u, SIZE_MAX).n, 0);
    assert_true(u.failed);
}

static void test_hash(void **state)
{
    struct hash_key key = {1, 2};
    struct hash_key other = {1, 3};

    (void)state;
    assert_true(hash_keyed(key, SPAN("abc")) == hash_keyed(key, guard_copy(SPAN("abc"))));
    assert_true(hash_keyed(key, SPAN("abc")) != hash_keyed(other, SPAN("abc")));
    assert_true(hash_keyed(key, SPAN("abc")) != hash_keyed(key, SPAN("ABC")));
    assert_true(hash_keyed_icase(key, SPAN("aBc")) == hash_keyed_icase(key, SPAN("Abc")));
    assert_true(hash_keyed(key, SPAN("")) != hash_keyed(key, SPAN("\0")));
}

/* Words are read whole: none behind the end, none left out, and case is no matter in any of them.
 */
static void test_hash_of_every_length(void **state)
{
    struct hash_key key = {1, 2};
    span upper = SPAN("ABCDEFGHIJKLMNOPQRSTUVWX"), lower = SPAN("abcdefghijklmnopqrstuvwx");

    (void)state;
    for (size_t n = 0; n < lower.n; n++) {
        uint64_t hash = hash_keyed(key, guard_copy(span_head(lower, n)));

        assert_true(hash == hash_keyed_icase(key, guard_copy(span_head(upper, n))));
        assert_true(hash != hash_keyed(key, span_head(lower, n + 1)));
        if (n != 0)
            assert_true(hash != hash_keyed(key, span_head(span_skip(lower, 1), n)));
    }
}

/* Check values of RFC 3720 B.4. */
static void test_crc32c(void **state)
{
    char zeros[32] = {0};
    char ones[32];
    uint32_t halves;

    (void)state;
    memset(ones, 0xff, sizeof(ones));
    assert_int_equal(hash_crc32c(0, span_of(zeros, 32)), 0x8a9136aa);
    assert_int_equal(hash_crc32c(0, span_of(ones, 32)), 0x62a8ab43);
    assert_int_equal(hash_crc32c(0, guard_copy(SPAN("123456789"))), 0xe3069283);
    halves = hash_crc32c(hash_crc32c(0, SPAN("1234")), SPAN("56789"));
    assert_int_equal(halves, 0xe3069283);
}

static void test_diag(void **state)
{
    struct diag d = {.file = "herald.conf", .line = 3, .column = 9};
    char line[256];
    char tiny[8];

    (void)state;
    assert_int_equal(diag_set(&d, ERR_CONF, 0, "unknown key \"%s\"", "hostnam"), ERR_CONF);
    assert_int_equal(diag_set(&d, ERR_IO, EIO, "second"), ERR_IO);
    assert_string_equal(diag_format(&d, line, sizeof(line)),
                        "herald.conf:3:9: unknown key \"hostnam\"");
    assert_int_equal(strlen(diag_format(&d, tiny, sizeof(tiny))) < sizeof(tiny), 1);
    assert_int_equal(diag_set(NULL, ERR_IO, 0, "dropped"), ERR_IO);
    assert_int_equal(err_of_errno(ENOSPC), ERR_NOSPACE);
    assert_int_equal(err_of_errno(ENOTTY), ERR_IO);
    assert_string_equal(err_text(ERR_OK), "success");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pack_round_trip),
        cmocka_unit_test(test_unpack_cut),
        cmocka_unit_test(test_unpack_bounds),
        cmocka_unit_test(test_hash),
        cmocka_unit_test(test_hash_of_every_length),
        cmocka_unit_test(test_crc32c),
        cmocka_unit_test(test_diag),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
