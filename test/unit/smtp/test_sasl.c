/* SPDX-License-Identifier: ISC */
#include "smtp/sasl.h"

#include "../guard.h"

#define TEXT(s)                                                                                    \
    {                                                                                              \
        (s), sizeof(s) - 1                                                                         \
    }

static const struct {
    span message;
    bool good;
    const char *authzid, *user, *secret;
} plain[] = {
    {TEXT("\0alice\0secret"), true, "", "alice", "secret"},
    {TEXT("bob\0alice\0secret"), true, "bob", "alice", "secret"},
    {TEXT("\0a\0s:\xc3\xa9 x"), true, "", "a", "s:\xc3\xa9 x"},
    {TEXT(""), false, NULL, NULL, NULL},
    {TEXT("\0"), false, NULL, NULL, NULL},
    {TEXT("\0\0"), false, NULL, NULL, NULL},
    {TEXT("alice"), false, NULL, NULL, NULL},
    {TEXT("alice\0secret"), false, NULL, NULL, NULL},
    {TEXT("\0\0secret"), false, NULL, NULL, NULL},
    {TEXT("\0alice\0"), false, NULL, NULL, NULL},
    {TEXT("\0alice\0sec\0ret"), false, NULL, NULL, NULL},
    {TEXT("\0alice\0secret\0"), false, NULL, NULL, NULL},
};

static void plain_is_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(plain); i++) {
        struct sasl_claim c = {0};

        if (sasl_read_plain(guard_copy(plain[i].message), &c) != plain[i].good)
            fail_msg("case %zu", i);
        if (!plain[i].good)
            continue;
        assert_span_equal(c.authzid, span_cstr(plain[i].authzid));
        assert_span_equal(c.user, span_cstr(plain[i].user));
        assert_span_equal(c.secret, span_cstr(plain[i].secret));
    }
}

/* One octet too many in each part. */
static void plain_is_bounded(void **state)
{
    static char memory[2 * SASL_NAME_BYTES + SASL_SECRET_BYTES + 8];
    const size_t sizes[][4] = {
        {SASL_NAME_BYTES, SASL_NAME_BYTES, SASL_SECRET_BYTES, 1},
        {SASL_NAME_BYTES + 1, 1, 1, 0},
        {0, SASL_NAME_BYTES + 1, 1, 0},
        {0, 1, SASL_SECRET_BYTES + 1, 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(sizes); i++) {
        size_t n = sizes[i][0] + sizes[i][1] + sizes[i][2] + 2;
        struct sasl_claim c;

        memset(memory, 'x', sizeof memory);
        memory[sizes[i][0]] = '\0';
        memory[sizes[i][0] + 1 + sizes[i][1]] = '\0';
        assert_int_equal(sasl_read_plain(guard_copy(span_of(memory, n)), &c), sizes[i][3]);
    }
}

static const struct {
    span message;
    bool good;
    const char *user, *token;
} oauthbearer[] = {
    {TEXT("n,a=u@x.example,\1host=h\1port=143\1auth=Bearer vF9dft4qmTc2Nvb3RlckBh==\1\1"), true,
     "u@x.example", "vF9dft4qmTc2Nvb3RlckBh=="},
    {TEXT("n,,\1auth=Bearer abc\1\1"), true, "", "abc"},
    {TEXT("y,,\1auth=bearer abc\1\1"), true, "", "abc"},
    {TEXT("n,,\1host=h\1\1"), false, NULL, NULL},          /* no token */
    {TEXT("n,,\1auth=Bearer \1\1"), false, NULL, NULL},    /* an empty one */
    {TEXT("n,,\1auth=Basic abc\1\1"), false, NULL, NULL},  /* another scheme */
    {TEXT("n,,\1auth=Bearer a b\1\1"), false, NULL, NULL}, /* two words */
    {TEXT("n,,\1auth=Bearer =\1\1"), false, NULL, NULL},
    {TEXT("n,,\1auth=Bearer a\1auth=Bearer b\1\1"), false, NULL, NULL},
    {TEXT("n,,\1auth=Bearer abc\1"), false, NULL, NULL},    /* no end */
    {TEXT("n,,\1auth=Bearer abc\1\1x"), false, NULL, NULL}, /* text behind it */
    {TEXT("n,,auth=Bearer abc\1\1"), false, NULL, NULL},
    {TEXT("n,b=x,\1auth=Bearer abc\1\1"), false, NULL, NULL},
    {TEXT("n,a=x=2Cy,\1auth=Bearer abc\1\1"), false, NULL, NULL},
    {TEXT("p=tls-unique,,\1auth=Bearer abc\1\1"), false, NULL, NULL},
    {TEXT("n,,"), false, NULL, NULL},
    {TEXT("n,"), false, NULL, NULL},
    {TEXT("n"), false, NULL, NULL},
    {TEXT(""), false, NULL, NULL},
    {TEXT("\1"), false, NULL, NULL},
};

static void oauthbearer_is_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(oauthbearer); i++) {
        struct sasl_claim c = {0};

        if (sasl_read_oauthbearer(guard_copy(oauthbearer[i].message), &c) != oauthbearer[i].good)
            fail_msg("case %zu", i);
        if (!oauthbearer[i].good)
            continue;
        assert_span_equal(c.user, span_cstr(oauthbearer[i].user));
        assert_span_equal(c.secret, span_cstr(oauthbearer[i].token));
    }
}

static const struct {
    span message;
    bool good;
} xoauth2[] = {
    {TEXT("user=u@x.example\1auth=Bearer ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg\1\1"), true},
    {TEXT("user=u@x.example\1auth=Bearer abc\1"), false},
    {TEXT("user=u@x.example\1\1"), false},
    {TEXT("user=\1auth=Bearer abc\1\1"), false},
    {TEXT("user=u@x.example"), false},
    {TEXT("auth=Bearer abc\1\1"), false},
    {TEXT("user"), false},
    {TEXT(""), false},
};

static void xoauth2_is_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(xoauth2); i++) {
        struct sasl_claim c = {0};

        if (sasl_read_xoauth2(guard_copy(xoauth2[i].message), &c) != xoauth2[i].good)
            fail_msg("case %zu", i);
        if (xoauth2[i].good)
            assert_span_equal(c.user, SPAN("u@x.example"));
    }
}

static void names(void **state)
{
    char memory[SASL_NAMES_BYTES];
    struct buf b = BUF_OVER(memory);

    (void)state;
    sasl_put_names(&b, (1u << SASL_MECHANISM_COUNT) - 1);
    assert_false(b.overflow);
    assert_span_equal(buf_span(&b), SPAN("SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN LOGIN OAUTHBEARER "
                                         "XOAUTH2 EXTERNAL"));
    buf_reset(&b);
    sasl_put_names(&b, 0);
    assert_int_equal(b.n, 0);
    assert_int_equal(sasl_find(SPAN("plain")), SASL_PLAIN);
    assert_int_equal(sasl_find(SPAN("SCRAM-SHA-256-PLUS")), SASL_SCRAM_SHA_256_PLUS);
    assert_int_equal(sasl_find(SPAN("CRAM-MD5")), SASL_MECHANISM_COUNT);
    assert_int_equal(sasl_find(SPAN("")), SASL_MECHANISM_COUNT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_is_read),
        cmocka_unit_test(plain_is_bounded),
        cmocka_unit_test(oauthbearer_is_read),
        cmocka_unit_test(xoauth2_is_read),
        cmocka_unit_test(names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
