/* SPDX-License-Identifier: ISC */
#include "config/number.h"

#include "../guard.h"

struct row {
    const char *text;
    bool fine;
    uint64_t value;
    const char *back;
};

static const struct row durations[] = {
    {"0", true, 0, "0"},
    {"0s", true, 0, "0"},
    {"250ms", true, 250, "250ms"},
    {"5s", true, 5000, "5s"},
    {"60s", true, 60000, "1m"},
    {"90m", true, 5400000, "90m"},
    {"4h", true, 14400000, "4h"},
    {"5d", true, 432000000, "5d"},
    {"2w", true, 1209600000, "2w"},
    {"5", false, 0, ""},
    {"", false, 0, ""},
    {"s", false, 0, ""},
    {"5 s", false, 0, ""},
    {"5S", false, 0, ""},
    {"-5s", false, 0, ""},
    {"1.5h", false, 0, ""},
    {"18446744073709551615w", false, 0, ""},
    {"18446744073709551616ms", false, 0, ""},
};

static const struct row sizes[] = {
    {"0", true, 0, "0"},
    {"512", true, 512, "512"},
    {"64K", true, 65536, "64K"},
    {"1024K", true, 1048576, "1M"},
    {"35M", true, 36700160, "35M"},
    {"2G", true, 2147483648, "2G"},
    {"2g", false, 0, ""},
    {"2GB", false, 0, ""},
    {"99999999999999999G", false, 0, ""},
};

static void check(const struct row *row, bool (*parse)(span s, uint64_t *out),
                  void (*put)(struct buf *b, uint64_t n))
{
    char text[32];
    struct buf b = BUF_OVER(text);
    uint64_t n = 77;

    if (parse(guard_copy(span_cstr(row->text)), &n) != row->fine)
        fail_msg("'%s' should be %s", row->text, row->fine ? "read" : "refused");
    if (!row->fine)
        return;
    assert_int_equal(n, row->value);
    put(&b, n);
    assert_span_equal(buf_span(&b), span_cstr(row->back));
}

static void durations_and_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(durations); i++)
        check(&durations[i], config_number_parse_duration, config_number_put_duration);
}

static void sizes_and_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(sizes); i++)
        check(&sizes[i], config_number_parse_size, config_number_put_size);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_and_back),
        cmocka_unit_test(sizes_and_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
