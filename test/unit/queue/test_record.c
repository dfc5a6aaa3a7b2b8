/* SPDX-License-Identifier: ISC */
#include "../guard.h"

#include "base/ascii.h"
#include "base/hash.h"
#include "golden.h"
#include "sample.h"

static span from_hex(const char *hex, char *out)
{
    size_t n = strlen(hex) / 2;

    for (size_t i = 0; i < n; i++)
        out[i] = (char)(ascii_hex(hex[2 * i]) << 4 | ascii_hex(hex[2 * i + 1]));
    return span_of(out, n);
}

static void version_1_reads_as_it_was_written(void **state)
{
    static char memory[sizeof(golden_record_1)];
    static struct sample m;
    struct record r;
    struct record_rcpt rcpt;
    struct unpack u;

    (void)state;
    assert_int_equal(record_get(guard_copy(from_hex(golden_record_1, memory)), &r), ERR_OK);
    assert_true(r.id == SAMPLE_ID);
    assert_true(r.due_q == 61000);
    assert_true(r.expires_q == 432001000);
    assert_true(r.size == 10240);
    assert_true(r.body_crc == 0x1badcafe);
    assert_int_equal(r.rcpt_count, 2);
    u = unpack_over(r.rcpts);
    assert_true(record_next_rcpt(&u, &rcpt));
    assert_span_equal(rcpt.address, SPAN("alice@example.test"));
    assert_span_equal(rcpt.original, SPAN("Alice@Example.TEST"));
    assert_int_equal(rcpt.attempts, 1);
    assert_int_equal(rcpt.code, 451);
    assert_span_equal(rcpt.reply, SPAN("try later"));
    assert_span_equal(rcpt.dest, SPAN("mx:example.test"));
    assert_true(record_next_rcpt(&u, &rcpt));
    assert_int_equal(rcpt.state, RECORD_DELIVERED);
    assert_span_equal(rcpt.original, SPAN("carol@example.org"));
    assert_false(record_next_rcpt(&u, &rcpt));
    /* And is written the same way today, but for the version and the checksum behind it. */
    assert_span_equal(span_skip(sample_record(&m), 8),
                      span_skip(from_hex(golden_record_1, memory), 8));
    assert_int_equal(m.record[2], RECORD_VERSION);
}

static void every_flipped_octet_is_noticed(void **state)
{
    static struct sample m;
    span whole = sample_record(&m);
    struct record r;

    (void)state;
    for (size_t i = 0; i < whole.n; i++) {
        m.record[i] = (char)(m.record[i] ^ 0x40);
        /* A flipped version of a record that is otherwise whole looks newer; it is refused too. */
        assert_int_not_equal(record_get(whole, &r), ERR_OK);
        m.record[i] = (char)(m.record[i] ^ 0x40);
    }
    assert_int_equal(record_get(whole, &r), ERR_OK);
}

static void no_beginning_of_a_record_is_one(void **state)
{
    static struct sample m;
    span whole = sample_record(&m);
    struct record r;

    (void)state;
    for (size_t n = 0; n < whole.n; n++)
        assert_int_equal(record_get(guard_copy(span_head(whole, n)), &r), ERR_CORRUPT);
}

static void a_newer_version_is_told_apart_from_damage(void **state)
{
    static struct sample m;
    span whole = sample_record(&m);
    struct record r;

    (void)state;
    m.record[2] = RECORD_VERSION + 1;
    assert_int_equal(record_get(whole, &r), ERR_VERSION);
    m.record[20] ^= 1;
    assert_int_equal(record_get(whole, &r), ERR_CORRUPT);
}

static void a_whole_record_about_nonsense_is_damage(void **state)
{
    static struct sample m;
    char memory[4096];
    struct buf b = BUF_OVER(memory);
    struct record r;
    struct record out;

    (void)state;
    assert_int_equal(record_get(sample_record(&m), &r), ERR_OK);
    r.id++; /* not the id of its envelope */
    record_put(&b, &r);
    assert_int_equal(record_get(buf_span(&b), &out), ERR_CORRUPT);
}

/* Whatever stands in a record that is whole is judged field by field. */
static void a_whole_record_with_one_bad_field(void **state)
{
    static const struct record_rcpt bad[] = {
        {.address = SPAN_INIT("alice@example.test"), .state = RECORD_STATE_COUNT},
        {.address = SPAN_INIT("alice\r\n@example.test")},
        {.address = SPAN_INIT("alice@example.test"), .canonical = SPAN_INIT("a@b c.test")},
        {.address = SPAN_INIT("")},
    };
    static struct sample m;
    char memory[4096], block[512];
    struct record good, out;

    (void)state;
    assert_int_equal(record_get(sample_record(&m), &good), ERR_OK);
    for (unsigned i = 0; i < COUNT(bad) + 5; i++) {
        struct buf b = BUF_OVER(memory), list = BUF_OVER(block);
        struct record r = good;

        if (i < COUNT(bad)) {
            record_put_rcpt(&list, &bad[i]);
            r.rcpts = buf_span(&list);
            r.rcpt_count = 1;
        }
        r.flags ^= i == COUNT(bad) ? 0x80u : 0;
        r.rcpt_count += i == COUNT(bad) + 1;
        r.envelope = i == COUNT(bad) + 2 ? SPAN("\0\1nonsense") : r.envelope;
        if (i == COUNT(bad) + 3)
            r = (struct record){.id = good.id, .envelope = good.envelope}; /* for nobody */
        record_put(&b, &r);
        memory[2] = i == COUNT(bad) + 4 ? 0 : memory[2]; /* a version before the first */
        if (record_get(guard_copy(buf_span(&b)), &out) != ERR_CORRUPT)
            fail_msg("field %u", i);
    }
}

static void an_envelope_of_a_newer_version_is_told(void **state)
{
    static struct sample m;
    char memory[4096], envelope[2048];
    struct buf b = BUF_OVER(memory), copy = BUF_OVER(envelope);
    struct record r, out;

    (void)state;
    assert_int_equal(record_get(sample_record(&m), &r), ERR_OK);
    buf_put(&copy, r.envelope);
    for (size_t i = 0; i < 8; i++) {
        struct envelope e;

        envelope[i]++;
        if (envelope_get(buf_span(&copy), &e) == ERR_VERSION)
            break;
        envelope[i]--;
    }
    r.envelope = buf_span(&copy);
    record_put(&b, &r);
    assert_int_equal(record_get(buf_span(&b), &out), ERR_VERSION);
}

static void every_state_has_its_word(void **state)
{
    (void)state;
    for (unsigned i = 0; i < RECORD_STATE_COUNT; i++)
        assert_true(strlen(record_state_text((enum record_state)i)) > 3);
    assert_string_equal(record_state_text(RECORD_HELD), "held");
}

static void the_head_can_be_read_alone(void **state)
{
    static struct sample m;
    uint64_t id;
    int64_t due_q;

    (void)state;
    assert_true(record_peek(guard_copy(sample_record(&m)), &id, &due_q));
    assert_true(id == SAMPLE_ID);
    assert_true(due_q == 61000);
    assert_false(record_peek(guard_copy(span_head(sample_record(&m), 12)), &id, &due_q));
}

static void size_is_what_packing_takes(void **state)
{
    static struct sample m;
    struct record r;
    span whole = sample_record(&m);

    (void)state;
    assert_int_equal(record_get(whole, &r), ERR_OK);
    assert_true(record_size(&r) >= whole.n && record_size(&r) <= whole.n + 16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(version_1_reads_as_it_was_written),
        cmocka_unit_test(every_flipped_octet_is_noticed),
        cmocka_unit_test(no_beginning_of_a_record_is_one),
        cmocka_unit_test(a_newer_version_is_told_apart_from_damage),
        cmocka_unit_test(a_whole_record_about_nonsense_is_damage),
        cmocka_unit_test(a_whole_record_with_one_bad_field),
        cmocka_unit_test(an_envelope_of_a_newer_version_is_told),
        cmocka_unit_test(every_state_has_its_word),
        cmocka_unit_test(the_head_can_be_read_alone),
        cmocka_unit_test(size_is_what_packing_takes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
