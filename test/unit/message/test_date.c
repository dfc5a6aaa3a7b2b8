/* SPDX-License-Identifier: ISC */
#include "message/date.h"

#include "../guard.h"

static const struct {
    int64_t ms;
    const char *mail, *rfc3339;
} written[] = {
    {0, "Thu, 1 Jan 1970 00:00:00 +0000", "1970-01-01T00:00:00.000Z"},
    {1795294680123, "Sat, 21 Nov 2026 20:58:00 +0000", "2026-11-21T20:58:00.123Z"},
    {951782400000, "Tue, 29 Feb 2000 00:00:00 +0000", "2000-02-29T00:00:00.000Z"},
    {951868799999, "Tue, 29 Feb 2000 23:59:59 +0000", "2000-02-29T23:59:59.999Z"},
    {4107542400000, "Mon, 1 Mar 2100 00:00:00 +0000", "2100-03-01T00:00:00.000Z"},
    {2147483648000, "Tue, 19 Jan 2038 03:14:08 +0000", "2038-01-19T03:14:08.000Z"},
    {253402300799999, "Fri, 31 Dec 9999 23:59:59 +0000", "9999-12-31T23:59:59.999Z"},
};

static void dates_are_written(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(written); i++) {
        char text[DATE_TEXT_BYTES];
        struct buf b = BUF_OVER(text);

        date_put(&b, written[i].ms);
        assert_span_equal(buf_span(&b), span_cstr(written[i].mail));
        buf_reset(&b);
        date_put_rfc3339(&b, written[i].ms);
        assert_span_equal(buf_span(&b), span_cstr(written[i].rfc3339));
    }
}

#define NONE INT64_MIN

/* RFC 5322 3.3 and 4.3. */
static const struct {
    const char *text;
    int64_t ms;
} parsed[] = {
    {"Sat, 21 Nov 2026 20:58:00 +0000", 1795294680000},
    {"21 Nov 2026 20:58 +0000", 1795294680000},
    {"Sat, 21 Nov 2026 21:58:00 +0100", 1795294680000},
    {"sat,21 nov 26 15:58:00 EST", 1795294680000},
    {"Sat, 21 Nov 2026 20:58:00 GMT", 1795294680000},
    {"Sat, 21 Nov 2026 20:58:00 Z (Zulu)", 1795294680000},
    {"Sat,\r\n 21 Nov 2026\r\n 20:58:00 -0000\r\n", 1795294680000},
    {"Fri, 31 Dec 99 23:59:60 +0000", 946684799000},
    {"1 Jan 1970 00:00:00 +0100", -3600000},
    {"29 Feb 2000 00:00:00 +0000", 951782400000},
    {"29 Feb 1900 00:00:00 +0000", NONE},
    {"31 Nov 2026 20:58:00 +0000", NONE},
    {"0 Nov 2026 20:58:00 +0000", NONE},
    {"21 Nox 2026 20:58:00 +0000", NONE},
    {"21 Nov 2026 24:00:00 +0000", NONE},
    {"21 Nov 2026 20:60:00 +0000", NONE},
    {"21 Nov 2026 20:58:00 +0099", NONE},
    {"21 Nov 2026 20:58:00 +0000 trailing", NONE},
    {"21 Nov 2026", NONE},
    {"2026-11-21", NONE},
    {"", NONE},
    {"99999999999999999999 Nov 2026 20:58:00", NONE},
};

static void dates_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(parsed); i++) {
        int64_t ms = NONE;
        bool fine = date_parse(guard_copy(span_cstr(parsed[i].text)), &ms);

        if (fine != (parsed[i].ms != NONE) || ms != parsed[i].ms)
            fail_msg("'%s' gives %lld", parsed[i].text, (long long)ms);
    }
}

/* Every day from 1970 to 2400 comes back as itself. */
static void every_day_and_back(void **state)
{
    (void)state;
    for (int64_t day = 0; day < 157054; day++) {
        char text[DATE_TEXT_BYTES];
        struct buf b = BUF_OVER(text);
        int64_t ms = -1;

        date_put(&b, day * 86400000);
        assert_true(date_parse(buf_span(&b), &ms));
        assert_int_equal(ms, day * 86400000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dates_are_written),
        cmocka_unit_test(dates_are_read),
        cmocka_unit_test(every_day_and_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
