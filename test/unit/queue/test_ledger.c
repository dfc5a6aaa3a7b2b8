/* SPDX-License-Identifier: ISC */
#include "../guard.h"

#include "queue/ledger_block.h"

/* A record with a note of each kind of key. */
struct made {
    char notes[512];
    char packed[LEDGER_RECORD_BYTES];
    struct ledger_record r;
};

static span make(struct made *m, uint64_t id, const char *name, const char *ref)
{
    struct buf notes = BUF_OVER(m->notes), b = BUF_OVER(m->packed);

    ledger_note_put(&notes,
                    &(struct ledger_note){LEDGER_GREETING, LEDGER_EHLO, 250, span_cstr(name)});
    if (ref != NULL)
        ledger_note_put(&notes, &(struct ledger_note){LEDGER_REF, 0, 0, span_cstr(ref)});
    m->r = (struct ledger_record){
        .kind = LEDGER_SESSION,
        .id = id,
        .last_id = id,
        .count = 1,
        .time_ms = 1700000000000 + (int64_t)id,
        .duration_ms = (uint32_t)id,
        .client = {.family = IP_V4, .octet = {198, 51, 100, 7}},
        .flags = LEDGER_EARLY,
        .notes = buf_span(&notes),
    };
    ledger_record_put(&b, &m->r);
    assert_false(b.overflow);
    return buf_span(&b);
}

static void a_record_reads_as_it_was_written(void **state)
{
    static struct made m;
    struct ledger_record r;
    struct ledger_note n;

    (void)state;
    assert_true(ledger_record_get(guard_copy(make(&m, 77, "mail.example", "7QK2M9P")), &r));
    assert_int_equal(r.kind, LEDGER_SESSION);
    assert_true(r.id == 77 && r.last_id == 77 && r.count == 1 && r.duration_ms == 77);
    assert_true(r.time_ms == 1700000000077);
    assert_int_equal(r.flags, LEDGER_EARLY);
    assert_true(ip_addr_eq(r.client, m.r.client));
    assert_true(ledger_note_find(r.notes, LEDGER_GREETING, &n));
    assert_span_equal(n.text, SPAN("mail.example"));
    assert_int_equal(n.detail, LEDGER_EHLO);
    assert_int_equal(n.number, 250);
    assert_true(ledger_note_find(r.notes, LEDGER_REF, &n));
    assert_span_equal(n.text, SPAN("7QK2M9P"));
    assert_false(ledger_note_find(r.notes, LEDGER_HOST, &n));
}

/* Cut between two notes it is a record with fewer of them: the frame around it knows its length. */
static void no_beginning_of_a_head_or_a_note_is_a_record(void **state)
{
    static struct made m;
    span whole = make(&m, 1, "mail.example", "7QK2M9P");
    size_t between[] = {whole.n - m.r.notes.n, whole.n - (6 + LEDGER_REF_BYTES)};
    struct ledger_record r;

    (void)state;
    for (size_t n = 0; n < whole.n; n++)
        assert_int_equal(ledger_record_get(guard_copy(span_head(whole, n)), &r),
                         n == between[0] || n == between[1]);
}

static void what_may_not_be_is_refused(void **state)
{
    static const struct {
        size_t at;
        char octet;
    } bad[] = {
        {0, LEDGER_VERSION + 1},
        {1, LEDGER_KIND_COUNT},
        {35, 3 /* family */},
        {40, 1 /* behind an IPv4 address */},
    };
    static struct made m;
    struct ledger_record r;

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        span packed = make(&m, 1, "mail.example", NULL);

        m.packed[bad[i].at] = bad[i].octet;
        assert_false(ledger_record_get(packed, &r));
    }
    memset(m.packed + 2, 0, 8);
    assert_false(ledger_record_get(span_of(m.packed, 60), &r)); /* no id */
}

static void notes_of_a_later_version_are_passed_over(void **state)
{
    static struct made m;
    struct ledger_record r;
    struct ledger_note n;
    span packed = make(&m, 1, "mail.example", "7QK2M9P");

    (void)state;
    m.packed[packed.n - m.r.notes.n] = (char)200;
    assert_true(ledger_record_get(packed, &r));
    assert_true(ledger_note_find(r.notes, LEDGER_REF, &n));
}

static void a_long_text_is_cut_and_a_full_record_says_so(void **state)
{
    static char text[3 * LEDGER_TEXT_BYTES], memory[LEDGER_TEXT_BYTES + 6];
    struct buf b = BUF_OVER(memory);
    struct unpack u;
    struct ledger_note n;

    (void)state;
    memset(text, 'x', sizeof(text));
    ledger_note_put(&b, &(struct ledger_note){LEDGER_REPLY, 0, 550, span_of(text, sizeof(text))});
    assert_false(b.overflow);
    u = unpack_over(buf_span(&b));
    assert_true(ledger_note_next(&u, &n));
    assert_int_equal(n.text.n, LEDGER_TEXT_BYTES);
    ledger_note_put(&b, &(struct ledger_note){LEDGER_REPLY, 0, 550, SPAN_NONE});
    assert_true(b.overflow);
}

static void sessions_that_are_alike_become_one(void **state)
{
    static struct made one, two;
    span first = make(&one, 5, "mail.example", NULL);
    span second = make(&two, 9, "mail.example", NULL);
    struct ledger_record r;

    (void)state;
    assert_true(ledger_record_merge(one.packed, first.n, second));
    assert_true(ledger_record_get(first, &r));
    assert_true(r.id == 5 && r.last_id == 9 && r.count == 2);
    assert_true(r.time_ms == 1700000000005);
    second = make(&two, 10, "moil.example", NULL);
    assert_false(ledger_record_merge(one.packed, first.n, second));
    second = make(&two, 10, "mail.example", NULL);
    two.packed[1] = LEDGER_VERDICT;
    assert_false(ledger_record_merge(one.packed, first.n, second));
    assert_true(ledger_record_get(first, &r));
    assert_int_equal(r.count, 2);
}

static void references_are_read_as_people_type_them(void **state)
{
    static const struct {
        const char *typed;
        const char *meant; /* NULL: none */
    } cases[] = {
        {"7QK2M9P", "7QK2M9P"},
        {"7qk2m9p", "7QK2M9P"},
        {"oOiIlL1", "0011111"},
        {"7QK2M9", NULL},
        {"7QK2M9PX", NULL},
        {"7QK2M9U", NULL},
        {"", NULL},
    };
    char text[LEDGER_REF_BYTES + 1], again[LEDGER_REF_BYTES + 1];

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        bool fits = ledger_ref_parse(span_cstr(cases[i].typed), text);

        assert_int_equal(fits, cases[i].meant != NULL);
        if (fits)
            assert_string_equal(text, cases[i].meant);
    }
    ledger_ref_text(UINT64_C(0x123456789), text);
    assert_true(ledger_ref_parse(span_cstr(text), again));
    assert_string_equal(text, again);
}

static void keys_take_a_name_in_any_spelling(void **state)
{
    static struct made m;
    uint32_t keys[LEDGER_KEYS_MAX];

    (void)state;
    (void)make(&m, 1, "Mail.Example.", "7QK2M9P");
    assert_int_equal(ledger_keys(&m.r, keys), 3);
    assert_int_equal(keys[0], ledger_key_client(m.r.client));
    assert_int_equal(keys[1], ledger_key(LEDGER_BY_NAME, SPAN("mail.example")));
    assert_int_equal(keys[2], ledger_key(LEDGER_BY_REF, SPAN("7QK2M9P")));
    assert_int_not_equal(ledger_key(LEDGER_BY_NAME, SPAN("a")),
                         ledger_key(LEDGER_BY_REF, SPAN("a")));
}

/* ---- blocks ---- */

static void put_block(struct buf *out, uint64_t id, const char *name)
{
    static struct made m;
    char memory[1024];
    struct buf body = BUF_OVER(memory);
    uint32_t keys[] = {10, (uint32_t)(1000 + id), 4000000000u};
    struct ledger_block block = {
        .least_id = id, .most_id = id, .first_ms = 1, .last_ms = 2, .records = 1, .key_count = 3};

    pack_span(&body, make(&m, id, name, NULL));
    block.body = buf_span(&body);
    ledger_block_put_head(out, &block, keys);
    buf_put(out, block.body);
    assert_false(out->overflow);
}

static void blocks_are_found_behind_each_other_and_behind_damage(void **state)
{
    static char memory[4096];
    struct buf file = BUF_OVER(memory);
    struct ledger_block block;
    uint64_t skipped = 0;
    size_t ends[3];
    span rest;

    (void)state;
    for (uint64_t i = 0; i < 3; i++) {
        put_block(&file, i + 1, "mail.example");
        ends[i] = file.n;
    }
    rest = guard_copy(buf_span(&file));
    for (uint64_t i = 0; i < 3; i++) {
        assert_true(ledger_block_next(&rest, &block, &skipped));
        assert_true(block.least_id == i + 1 && block.records == 1);
        assert_true(ledger_block_has_key(&block, 10));
        assert_true(ledger_block_has_key(&block, (uint32_t)(1001 + i)));
        assert_true(ledger_block_has_key(&block, 4000000000u));
        assert_false(ledger_block_has_key(&block, 11));
        assert_false(ledger_block_has_key(&block, 4000000001u));
    }
    assert_false(ledger_block_next(&rest, &block, &skipped));
    assert_true(skipped == 0);
    /* Whichever octet of the second is damaged, the two others are found. */
    for (size_t at = ends[0]; at < ends[1]; at++) {
        skipped = 0;
        memory[at] = (char)(memory[at] ^ 0x55);
        rest = guard_copy(buf_span(&file));
        assert_true(ledger_block_next(&rest, &block, &skipped));
        assert_true(block.least_id == 1);
        assert_true(ledger_block_next(&rest, &block, &skipped));
        assert_true(block.least_id == 3);
        assert_true(skipped == ends[1] - ends[0]);
        memory[at] = (char)(memory[at] ^ 0x55);
    }
}

static void a_block_that_was_cut_off_is_none(void **state)
{
    static char memory[2048];
    struct buf file = BUF_OVER(memory);
    struct ledger_block block;

    (void)state;
    put_block(&file, 1, "mail.example");
    for (size_t n = 0; n < file.n; n++) {
        span rest = guard_copy(span_head(buf_span(&file), n));
        uint64_t skipped = 0;

        assert_false(ledger_block_next(&rest, &block, &skipped));
        assert_true(skipped == n);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_reads_as_it_was_written),
        cmocka_unit_test(no_beginning_of_a_head_or_a_note_is_a_record),
        cmocka_unit_test(what_may_not_be_is_refused),
        cmocka_unit_test(notes_of_a_later_version_are_passed_over),
        cmocka_unit_test(a_long_text_is_cut_and_a_full_record_says_so),
        cmocka_unit_test(sessions_that_are_alike_become_one),
        cmocka_unit_test(references_are_read_as_people_type_them),
        cmocka_unit_test(keys_take_a_name_in_any_spelling),
        cmocka_unit_test(blocks_are_found_behind_each_other_and_behind_damage),
        cmocka_unit_test(a_block_that_was_cut_off_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
