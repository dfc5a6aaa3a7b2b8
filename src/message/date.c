/* SPDX-License-Identifier: ISC */
#include "message/date.h"

#include "base/ascii.h"
#include "base/num.h"

#define DAY_MS      INT64_C(86400000)
#define LAST_MS     INT64_C(253402300799999) /* end of the year 9999 */
#define DAYS_OF_400 146097

static const span months[] = {
    SPAN_INIT("Jan"), SPAN_INIT("Feb"), SPAN_INIT("Mar"), SPAN_INIT("Apr"),
    SPAN_INIT("May"), SPAN_INIT("Jun"), SPAN_INIT("Jul"), SPAN_INIT("Aug"),
    SPAN_INIT("Sep"), SPAN_INIT("Oct"), SPAN_INIT("Nov"), SPAN_INIT("Dec"),
};

/* 1 January 1970 was a Thursday. */
static const span weekdays[] = {
    SPAN_INIT("Thu"), SPAN_INIT("Fri"), SPAN_INIT("Sat"), SPAN_INIT("Sun"),
    SPAN_INIT("Mon"), SPAN_INIT("Tue"), SPAN_INIT("Wed"),
};

/* RFC 5322 4.3; all other letters mean "unknown", which is UTC. */
static const struct {
    span name;
    int hours;
} zones[] = {
    {SPAN_INIT("EST"), -5}, {SPAN_INIT("EDT"), -4}, {SPAN_INIT("CST"), -6}, {SPAN_INIT("CDT"), -5},
    {SPAN_INIT("MST"), -7}, {SPAN_INIT("MDT"), -6}, {SPAN_INIT("PST"), -8}, {SPAN_INIT("PDT"), -7},
};

struct calendar {
    int64_t days; /* since 1970 */
    uint64_t year;
    unsigned month; /* 0 to 11 */
    unsigned day;   /* 1 to 31 */
};

/* Years begin in March here, so that the odd day is the last of its year (Hinnant's civil dates).
 */
static struct calendar calendar_of(int64_t days)
{
    int64_t z = days + 719468; /* since 0000-03-01 */
    int64_t era = z / DAYS_OF_400, doe = z % DAYS_OF_400;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;
    unsigned month = (unsigned)(mp < 10 ? mp + 2 : mp - 10);

    return (struct calendar){
        days,
        (uint64_t)(yoe + era * 400 + (month <= 1 ? 1 : 0)),
        month,
        (unsigned)(doy - (153 * mp + 2) / 5 + 1),
    };
}

static int64_t days_of(uint64_t year, unsigned month, unsigned day)
{
    int64_t y = (int64_t)year - (month <= 1 ? 1 : 0);
    int64_t era = y / 400, yoe = y % 400;
    int64_t mp = month > 1 ? (int64_t)month - 2 : (int64_t)month + 10;
    int64_t doy = (153 * mp + 2) / 5 + (int64_t)day - 1;

    return era * DAYS_OF_400 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

static void put_clock(struct buf *b, int64_t ms)
{
    uint64_t seconds = (uint64_t)(ms / 1000);

    buf_put_u64_padded(b, seconds / 3600, 2);
    buf_putc(b, ':');
    buf_put_u64_padded(b, seconds / 60 % 60, 2);
    buf_putc(b, ':');
    buf_put_u64_padded(b, seconds % 60, 2);
}

void date_put(struct buf *b, int64_t wall_ms)
{
    struct calendar c;

    BUG_IF(wall_ms < 0 || wall_ms > LAST_MS, "a time outside of 1970 to 9999");
    c = calendar_of(wall_ms / DAY_MS);
    buf_put(b, weekdays[c.days % 7]);
    buf_put(b, SPAN(", "));
    buf_put_u64(b, c.day);
    buf_putc(b, ' ');
    buf_put(b, months[c.month]);
    buf_putc(b, ' ');
    buf_put_u64_padded(b, c.year, 4);
    buf_putc(b, ' ');
    put_clock(b, wall_ms % DAY_MS);
    buf_put(b, SPAN(" +0000"));
}

void date_put_rfc3339(struct buf *b, int64_t wall_ms)
{
    struct calendar c;

    BUG_IF(wall_ms < 0 || wall_ms > LAST_MS, "a time outside of 1970 to 9999");
    c = calendar_of(wall_ms / DAY_MS);
    buf_put_u64_padded(b, c.year, 4);
    buf_putc(b, '-');
    buf_put_u64_padded(b, c.month + 1, 2);
    buf_putc(b, '-');
    buf_put_u64_padded(b, c.day, 2);
    buf_putc(b, 'T');
    put_clock(b, wall_ms % DAY_MS);
    buf_putc(b, '.');
    buf_put_u64_padded(b, (uint64_t)(wall_ms % 1000), 3);
    buf_putc(b, 'Z');
}

/* ---- reading ---- */

static bool is_white(char c)
{
    return ascii_is_blank(c) || c == '\r' || c == '\n';
}

static void skip_white(span *s)
{
    while (s->n != 0 && is_white(s->p[0]))
        *s = span_skip(*s, 1);
}

static span take_letters(span *s)
{
    span word;
    size_t n = 0;

    skip_white(s);
    while (n < s->n && ascii_is_alpha(s->p[n]))
        n++;
    word = span_head(*s, n);
    *s = span_skip(*s, n);
    return word;
}

static bool take_sign(span *s, char sign)
{
    skip_white(s);
    if (s->n == 0 || s->p[0] != sign)
        return false;
    *s = span_skip(*s, 1);
    return true;
}

static bool take_number(span *s, uint64_t max, uint64_t *out)
{
    skip_white(s);
    return num_take_u64(s, max, out);
}

static bool take_month(span *s, unsigned *out)
{
    span word = take_letters(s);

    for (unsigned i = 0; i < COUNT(months); i++)
        if (span_ieq(word, months[i])) {
            *out = i;
            return true;
        }
    return false;
}

/* RFC 5322 4.3: two digits below 50 are of this century, other short years count from 1900. */
static bool take_year(span *s, uint64_t *out)
{
    size_t before;

    skip_white(s);
    before = s->n;
    if (!num_take_u64(s, 9999, out))
        return false;
    if (before - s->n <= 3)
        *out += before - s->n == 2 && *out < 50 ? 2000 : 1900;
    return before - s->n >= 2 && *out >= 1900;
}

static bool take_clock(span *s, int64_t *out_ms)
{
    uint64_t hours, minutes, seconds = 0;

    if (!take_number(s, 23, &hours) || !take_sign(s, ':') || !take_number(s, 59, &minutes))
        return false;
    /* A leap second is the last second before it. */
    if (take_sign(s, ':') && !take_number(s, 60, &seconds))
        return false;
    *out_ms = (int64_t)((hours * 60 + minutes) * 60 + (seconds < 60 ? seconds : 59)) * 1000;
    return true;
}

/* Minutes east of Greenwich; a zone that is missing or not known is UTC. */
static bool take_zone(span *s, int64_t *out_minutes)
{
    bool east = take_sign(s, '+'), west = !east && take_sign(s, '-');
    uint64_t n;
    span word;

    *out_minutes = 0;
    if (east || west) {
        if (!num_take_u64(s, 9959, &n) || n % 100 > 59)
            return false;
        *out_minutes = (int64_t)(n / 100 * 60 + n % 100) * (west ? -1 : 1);
        return true;
    }
    word = take_letters(s);
    for (size_t i = 0; i < COUNT(zones); i++)
        if (span_ieq(word, zones[i].name))
            *out_minutes = (int64_t)zones[i].hours * 60;
    return true;
}

static unsigned days_in(uint64_t year, unsigned month)
{
    static const unsigned char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return month == 1 && leap ? 29 : days[month];
}

bool date_parse(span s, int64_t *out_wall_ms)
{
    uint64_t day, year;
    unsigned month;
    int64_t clock_ms, zone;

    if (take_letters(&s).n != 0)
        take_sign(&s, ',');
    if (!take_number(&s, 31, &day) || !take_month(&s, &month) || !take_year(&s, &year) ||
        !take_clock(&s, &clock_ms) || !take_zone(&s, &zone))
        return false;
    skip_white(&s);
    if (day == 0 || day > days_in(year, month) || (s.n != 0 && s.p[0] != '('))
        return false;
    *out_wall_ms = days_of(year, month, (unsigned)day) * DAY_MS + clock_ms - zone * 60000;
    return true;
}
