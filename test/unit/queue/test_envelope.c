/* SPDX-License-Identifier: ISC */
#include "../guard.h"

#include "sample.h"

static void what_is_packed_comes_back(void **state)
{
    static struct sample m;
    struct envelope e;
    struct envelope_rcpt r;
    struct unpack u;

    (void)state;
    assert_int_equal(envelope_get(guard_copy(sample_packed(&m)), &e), ERR_OK);
    assert_true(e.id == SAMPLE_ID);
    assert_true(e.received_ms == SAMPLE_RECEIVED_MS);
    assert_int_equal(e.flags, ENVELOPE_8BIT);
    assert_span_equal(e.sender, SPAN("bob@example.net"));
    assert_span_equal(e.client, SPAN("192.0.2.7"));
    assert_span_equal(e.greeting, SPAN("mail.example.net"));
    assert_int_equal(e.rcpt_count, 2);
    u = unpack_over(e.rcpts);
    assert_true(envelope_next_rcpt(&u, &r));
    assert_span_equal(r.address, SPAN("Alice@Example.TEST"));
    assert_span_equal(r.canonical, SPAN("Alice@example.test"));
    assert_true(envelope_next_rcpt(&u, &r));
    assert_span_equal(r.canonical, SPAN("carol@example.org"));
    assert_span_equal(r.orcpt, SPAN("rfc822;carol@example.org"));
    assert_int_equal(r.notify, ENVELOPE_NOTIFY_FAILURE);
    assert_false(envelope_next_rcpt(&u, &r));
}

static void size_is_what_packing_takes(void **state)
{
    static struct sample m;
    struct envelope e = sample_two(&m);

    (void)state;
    assert_int_equal(envelope_size(&e), sample_packed(&m).n);
}

static void no_beginning_of_an_envelope_is_one(void **state)
{
    static struct sample m;
    span whole = sample_packed(&m);
    struct envelope e;

    (void)state;
    for (size_t n = 0; n < whole.n; n++)
        assert_int_not_equal(envelope_get(guard_copy(span_head(whole, n)), &e), ERR_OK);
}

static void an_octet_too_many_is_refused(void **state)
{
    static struct sample m;
    span whole = sample_packed(&m);
    struct envelope e;

    (void)state;
    m.packed[whole.n] = 'x';
    assert_int_equal(envelope_get(span_of(m.packed, whole.n + 1), &e), ERR_SYNTAX);
}

static void a_newer_version_is_told_apart(void **state)
{
    static struct sample m;
    span whole = sample_packed(&m);
    struct envelope e;

    (void)state;
    m.packed[0] = ENVELOPE_VERSION + 1;
    assert_int_equal(envelope_get(whole, &e), ERR_VERSION);
    m.packed[0] = 0;
    assert_int_equal(envelope_get(whole, &e), ERR_SYNTAX);
}

static void addresses_are_judged(void **state)
{
    static const struct {
        span address;
        bool utf8;
        bool ok;
    } cases[] = {
        {SPAN_INIT("a@b"), false, true},
        {SPAN_INIT("\"a b\"@example.net"), false, true},
        {SPAN_INIT("a@[192.0.2.1]"), false, true},
        {SPAN_INIT("b\xc3\xbc@example.net"), true, true},
        {SPAN_INIT("b\xc3\xbc@example.net"), false, false},
        {SPAN_INIT(""), false, false},
        {SPAN_INIT("a"), false, false},
        {SPAN_INIT("@b"), false, false},
        {SPAN_INIT("a@"), false, false},
        {SPAN_INIT("a@b c"), false, false},
        {SPAN_INIT("a\r\n@b"), false, false},
        {SPAN_INIT("a\0@b"), false, false},
        {SPAN_INIT("a@b\x7f"), false, false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        if (envelope_address_ok(guard_copy(cases[i].address), cases[i].utf8) != cases[i].ok)
            fail_msg("case %zu", i);
}

static enum err judged(struct sample *m, struct envelope *e)
{
    struct buf b = BUF_OVER(m->packed);
    struct envelope out;

    envelope_put(&b, e);
    return envelope_get(guard_copy(buf_span(&b)), &out);
}

static void fields_are_judged(void **state)
{
    static struct sample m;
    struct envelope e;

    (void)state;
    e = sample_two(&m), e.id = 0;
    assert_int_equal(judged(&m, &e), ERR_SYNTAX);
    e = sample_two(&m), e.flags = ENVELOPE_FLAGS_KNOWN + 1;
    assert_int_equal(judged(&m, &e), ERR_SYNTAX);
    e = sample_two(&m), e.sender = SPAN_NONE;
    assert_int_equal(judged(&m, &e), ERR_OK);
    e = sample_two(&m), e.sender = SPAN("bob");
    assert_int_equal(judged(&m, &e), ERR_SYNTAX);
    e = sample_two(&m), e.client = SPAN("1.2.3.4\r\nX: y");
    assert_int_equal(judged(&m, &e), ERR_SYNTAX);
    e = sample_two(&m), e.rcpt_count = 3;
    assert_int_equal(judged(&m, &e), ERR_SYNTAX);
    e = sample_two(&m), e.rcpt_count = 0, e.rcpts = SPAN_NONE;
    assert_int_equal(judged(&m, &e), ERR_LIMIT);
}

static void a_recipient_that_does_not_fit_is_left_out_whole(void **state)
{
    char memory[40];
    struct buf b = BUF_OVER(memory);
    const struct envelope_rcpt r = {SPAN("alice@example.test"), SPAN_NONE, SPAN_NONE, 0};
    size_t n;

    (void)state;
    envelope_put_rcpt(&b, &r);
    assert_false(b.overflow);
    n = b.n;
    envelope_put_rcpt(&b, &r);
    assert_true(b.overflow);
    assert_int_equal(b.n, n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_packed_comes_back),
        cmocka_unit_test(size_is_what_packing_takes),
        cmocka_unit_test(no_beginning_of_an_envelope_is_one),
        cmocka_unit_test(an_octet_too_many_is_refused),
        cmocka_unit_test(a_newer_version_is_told_apart),
        cmocka_unit_test(addresses_are_judged),
        cmocka_unit_test(fields_are_judged),
        cmocka_unit_test(a_recipient_that_does_not_fit_is_left_out_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
