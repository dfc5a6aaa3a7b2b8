/* SPDX-License-Identifier: ISC */
#include "config/number.h"

#include "base/num.h"

struct unit {
    span name;
    uint64_t factor;
};

/* The smallest first. */
static const struct unit durations[] = {
    {SPAN_INIT("ms"), 1},           {SPAN_INIT("s"), 1000},
    {SPAN_INIT("m"), 60 * 1000},    {SPAN_INIT("h"), 3600 * 1000},
    {SPAN_INIT("d"), 86400 * 1000}, {SPAN_INIT("w"), 7 * 86400 * UINT64_C(1000)},
};

static const struct unit sizes[] = {
    {SPAN_INIT(""), 1},
    {SPAN_INIT("K"), 1024},
    {SPAN_INIT("M"), 1024 * 1024},
    {SPAN_INIT("G"), 1024 * 1024 * 1024},
};

static bool parse(span s, const struct unit *units, size_t n_units, uint64_t *out)
{
    uint64_t n;

    if (!num_take_u64(&s, UINT64_MAX, &n))
        return false;
    for (size_t i = 0; i < n_units; i++)
        if (span_eq(s, units[i].name))
            return !__builtin_mul_overflow(n, units[i].factor, out);
    *out = 0;
    return n == 0 && s.n == 0;
}

bool config_number_parse_duration(span s, uint64_t *out_ms)
{
    return parse(s, durations, COUNT(durations), out_ms);
}

bool config_number_parse_size(span s, uint64_t *out_octets)
{
    return parse(s, sizes, COUNT(sizes), out_octets);
}

static void put(struct buf *b, uint64_t n, const struct unit *units, size_t n_units)
{
    size_t best = 0;

    for (size_t i = 1; i < n_units; i++)
        if (n != 0 && n % units[i].factor == 0)
            best = i;
    buf_put_u64(b, n / units[best].factor);
    if (n != 0)
        buf_put(b, units[best].name);
}

void config_number_put_duration(struct buf *b, uint64_t ms)
{
    put(b, ms, durations, COUNT(durations));
}

void config_number_put_size(struct buf *b, uint64_t octets)
{
    put(b, octets, sizes, COUNT(sizes));
}
