/* SPDX-License-Identifier: ISC */
#include "queue/auth.h"

#include "../guard.h"

static char room[AUTH_START_BYTES];

static const struct auth_start whole = {
    .mechanism = SPAN_INIT("PLAIN"),
    .client = SPAN_INIT("\x7f\0\0\1"),
    .trusted = true,
    .initial = true,
    .response = SPAN_INIT("\0alice\0secret"),
    .tls_exporter = SPAN_INIT("exporter"),
    .tls_unique = SPAN_INIT("unique"),
    .certificate = SPAN_INIT("alice@example.net"),
};

static void a_question_comes_back(void **state)
{
    struct buf b = BUF_OVER(room);
    struct auth_start s;

    (void)state;
    auth_start_put(&b, &whole);
    assert_true(auth_start_get(guard_copy(buf_span(&b)), &s));
    assert_span_equal(s.mechanism, whole.mechanism);
    assert_span_equal(s.client, whole.client);
    assert_span_equal(s.response, whole.response);
    assert_span_equal(s.tls_exporter, whole.tls_exporter);
    assert_span_equal(s.tls_unique, whole.tls_unique);
    assert_span_equal(s.certificate, whole.certificate);
    assert_true(s.trusted && s.initial);
    for (size_t n = 0; n < b.n; n++)
        assert_false(auth_start_get(guard_copy(span_head(buf_span(&b), n)), &s));
    buf_putc(&b, 'x');
    assert_false(auth_start_get(guard_copy(buf_span(&b)), &s));
}

static void a_question_that_cannot_be(void **state)
{
    struct auth_start s, bad[4] = {whole, whole, whole, whole};

    (void)state;
    bad[0].client = SPAN("12345");
    bad[1].initial = false; /* and yet a response */
    bad[2].mechanism = SPAN("A-MECHANISM-WITH-A-NAME-BEYOND-ALL");
    bad[3].tls_unique = span_of(room, AUTH_BINDING_BYTES + 1);
    for (size_t i = 0; i < COUNT(bad); i++) {
        char memory[AUTH_START_BYTES];
        struct buf b = BUF_OVER(memory);

        auth_start_put(&b, &bad[i]);
        if (auth_start_get(guard_copy(buf_span(&b)), &s))
            fail_msg("case %zu", i);
    }
}

static void a_result_comes_back(void **state)
{
    struct auth_result r = {AUTH_FINE, SPAN("alice@example.net"), SPAN("")}, got;
    struct buf b = BUF_OVER(room);

    (void)state;
    auth_result_put(&b, &r);
    assert_true(auth_result_get(guard_copy(buf_span(&b)), &got));
    assert_int_equal(got.status, AUTH_FINE);
    assert_span_equal(got.identity, r.identity);
    for (size_t n = 0; n < b.n; n++)
        assert_false(auth_result_get(guard_copy(span_head(buf_span(&b), n)), &got));
}

static void a_result_that_cannot_be(void **state)
{
    const struct auth_result bad[] = {
        {AUTH_FINE, SPAN_INIT(""), SPAN_INIT("")}, /* who? */
        {AUTH_STATUS_COUNT, SPAN_INIT("a"), SPAN_INIT("")},
        {AUTH_WRONG, SPAN_INIT("a\r\nb"), SPAN_INIT("")},
        {AUTH_WRONG, SPAN_INIT(""), SPAN_INIT("\033[2J")},
    };
    struct auth_result got;

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct buf b = BUF_OVER(room);

        auth_result_put(&b, &bad[i]);
        if (auth_result_get(guard_copy(buf_span(&b)), &got))
            fail_msg("case %zu", i);
    }
}

static void frames_have_bounds(void **state)
{
    (void)state;
    assert_int_equal(auth_frame_max(AUTH_STEP), AUTH_TEXT_BYTES);
    assert_int_equal(auth_frame_max(AUTH_CANCEL), 0);
    assert_int_equal(auth_frame_max(AUTH_FRAME_END), 0);
    assert_int_equal(auth_frame_max(0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_question_comes_back), cmocka_unit_test(a_question_that_cannot_be),
        cmocka_unit_test(a_result_comes_back),   cmocka_unit_test(a_result_that_cannot_be),
        cmocka_unit_test(frames_have_bounds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
