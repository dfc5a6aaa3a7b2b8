/* SPDX-License-Identifier: ISC */
#include "os/clock.h"

#include <string.h>
#include <time.h>

#include "base/base.h"

static struct {
    bool set;
    int64_t mono_ms;
    int64_t wall_ms;
} fixed;

static int64_t clock_read_ms(clockid_t id)
{
    struct timespec t = {0};
    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t clock_mono_ms(void)
{
    return fixed.set ? fixed.mono_ms : clock_read_ms(CLOCK_MONOTONIC);
}

int64_t clock_mono_ns(void)
{
    struct timespec t = {0};
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t clock_wall_ms(void)
{
    return fixed.set ? fixed.wall_ms : clock_read_ms(CLOCK_REALTIME);
}

void clock_set(int64_t mono_ms, int64_t wall_ms)
{
    fixed.set = true;
    fixed.mono_ms = mono_ms;
    fixed.wall_ms = wall_ms;
}

void clock_advance(int64_t ms)
{
    clock_set(clock_mono_ms() + ms, clock_wall_ms() + ms);
}

void clock_unset(void)
{
    fixed.set = false;
}

#define YEAR_0_MS    (-62167219200000LL)
#define YEAR_9999_MS 253402300799999LL

/* So many digits at `at`. */
static void put_digits(char *at, unsigned width, int64_t value)
{
    for (; width-- > 0; value /= 10)
        at[width] = (char)('0' + value % 10);
}

void clock_rfc3339(int64_t wall_ms, char out[CLOCK_RFC3339_BYTES + 1])
{
    wall_ms = wall_ms < YEAR_0_MS ? YEAR_0_MS : min_i64(wall_ms, YEAR_9999_MS);
    int64_t ms = (wall_ms % 1000 + 1000) % 1000;
    time_t seconds = (time_t)((wall_ms - ms) / 1000);
    struct tm tm = {0};
    gmtime_r(&seconds, &tm);
    memcpy(out, "YYYY-MM-DDThh:mm:ss.mmmZ", CLOCK_RFC3339_BYTES + 1);
    put_digits(out, 4, (int64_t)tm.tm_year + 1900);
    put_digits(out + 5, 2, (int64_t)tm.tm_mon + 1);
    put_digits(out + 8, 2, tm.tm_mday);
    put_digits(out + 11, 2, tm.tm_hour);
    put_digits(out + 14, 2, tm.tm_min);
    put_digits(out + 17, 2, tm.tm_sec);
    put_digits(out + 20, 3, ms);
}
