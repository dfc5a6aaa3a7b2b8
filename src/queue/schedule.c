/* SPDX-License-Identifier: ISC */
#include "queue/schedule.h"

#include "base/hash.h"

#define MINUTE_MS    INT64_C(60000)
#define HOUR_MS      (60 * MINUTE_MS)
#define JITTER_STEPS 1024
#define JITTER_PART  8 /* of a wait, up and down */

struct schedule schedule_default(void)
{
    return (struct schedule){
        .step_ms = {MINUTE_MS, 5 * MINUTE_MS, 15 * MINUTE_MS, 30 * MINUTE_MS, HOUR_MS, 2 * HOUR_MS,
                    4 * HOUR_MS},
        .steps = 7,
        .lifetime_ms = 5 * 24 * HOUR_MS,
        .warn_ms = 4 * HOUR_MS,
    };
}

int64_t schedule_next(const struct schedule *s, uint64_t id, uint32_t attempts, int64_t now_q)
{
    uint64_t seed[2] = {id, attempts};
    size_t at = attempts > 0 ? attempts - 1 : 0;
    int64_t wait = s->step_ms[at < s->steps ? at : s->steps - 1];
    int64_t draw = (int64_t)(hash_crc32c(0, span_of(seed, sizeof(seed))) % (2 * JITTER_STEPS + 1));

    return now_q + wait + (wait / JITTER_PART) * (draw - JITTER_STEPS) / JITTER_STEPS;
}

bool schedule_expired(int64_t expires_q, uint32_t attempts, int64_t now_q)
{
    return now_q >= expires_q && (attempts > 0 || now_q - SCHEDULE_UNTRIED_GRACE_MS >= expires_q);
}

bool schedule_warns(const struct schedule *s, int64_t accepted_q, int64_t now_q)
{
    return s->warn_ms > 0 && now_q - accepted_q >= s->warn_ms;
}
