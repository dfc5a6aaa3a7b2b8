/* SPDX-License-Identifier: ISC */
#include "queue/frames.h"

#include "../guard.h"

static void a_question_comes_back(void **state)
{
    static const struct {
        enum ip_family family;
        span name;
    } rows[] = {{IP_V4, SPAN_INIT("mail.example.net")}, {IP_V6, SPAN_INIT("")}};

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct past_question q = {.client = {.family = rows[i].family, .octet = {192, 0, 2, 7}},
                                  .name = rows[i].name};
        struct past_question back;
        char memory[PAST_QUESTION_BYTES];
        struct buf b = BUF_OVER(memory);

        past_question_put(&b, &q);
        assert_true(past_question_get(guard_copy(buf_span(&b)), &back));
        assert_int_equal(back.client.family, rows[i].family);
        assert_memory_equal(back.client.octet, q.client.octet, sizeof(q.client.octet));
        assert_span_equal(back.name, rows[i].name);
        for (size_t n = 0; n < b.n; n++)
            assert_false(past_question_get(guard_copy(span_head(buf_span(&b), n)), &back));
        buf_putc(&b, 'x');
        assert_false(past_question_get(guard_copy(buf_span(&b)), &back));
        memory[0] = 9; /* no family of addresses */
        assert_false(past_question_get(guard_copy(span_head(buf_span(&b), b.n - 1)), &back));
    }
}

static void an_address_comes_back(void **state)
{
    static const enum ip_family families[] = {IP_V4, IP_V6};

    (void)state;
    for (size_t i = 0; i < COUNT(families); i++) {
        struct ip_addr a = {.family = families[i], .octet = {192, 0, 2, 7}}, back;
        char memory[OWN_ADDRESS_BYTES + 1];
        struct buf b = BUF_OVER(memory);

        own_address_put(&b, a);
        assert_true(own_address_get(guard_copy(buf_span(&b)), &back));
        assert_true(ip_addr_eq(a, back));
        for (size_t n = 0; n < b.n; n++)
            assert_false(own_address_get(guard_copy(span_head(buf_span(&b), n)), &back));
        buf_putc(&b, 'x');
        assert_false(own_address_get(guard_copy(buf_span(&b)), &back));
        memory[0] = 9;
        assert_false(own_address_get(guard_copy(span_head(buf_span(&b), b.n - 1)), &back));
    }
}

static void a_long_name_is_cut(void **state)
{
    static char name[PAST_NAME_BYTES + 1];
    struct past_question q = {.client = {.family = IP_V4}, .name = {name, sizeof(name)}}, back;
    char memory[PAST_QUESTION_BYTES];
    struct buf b = BUF_OVER(memory);

    (void)state;
    memset(name, 'a', sizeof(name));
    past_question_put(&b, &q);
    assert_false(b.overflow);
    assert_true(past_question_get(buf_span(&b), &back));
    assert_int_equal(back.name.n, PAST_NAME_BYTES);
}

static void a_result_comes_back(void **state)
{
    (void)state;
    for (unsigned status = 0; status <= PUT_STATUS_COUNT; status++) {
        struct put_result r = {(enum put_status)status, SPAN("why")}, back;
        char memory[PUT_RESULT_BYTES];
        struct buf b = BUF_OVER(memory);

        put_result_put(&b, &r);
        assert_int_equal(put_result_get(guard_copy(buf_span(&b)), &back),
                         status != PUT_STATUS_COUNT);
        if (status == PUT_STATUS_COUNT)
            continue;
        assert_int_equal(back.status, status);
        assert_span_equal(back.why, SPAN("why"));
        for (size_t n = 0; n < b.n; n++)
            assert_false(put_result_get(guard_copy(span_head(buf_span(&b), n)), &back));
    }
}

static void every_frame_has_its_bound(void **state)
{
    unsigned known = 0;

    (void)state;
    for (unsigned type = 0; type < 256; type++)
        known += queue_frame_max(type) != 0;
    assert_true(known > 5 && known < 256);
    assert_int_equal(queue_frame_max(255), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_question_comes_back),     cmocka_unit_test(an_address_comes_back),
        cmocka_unit_test(a_long_name_is_cut),        cmocka_unit_test(a_result_comes_back),
        cmocka_unit_test(every_frame_has_its_bound),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
