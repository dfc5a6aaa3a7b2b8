/* SPDX-License-Identifier: ISC */
/*
 * queue/schedule.h - when to try again, and when to give up.
 *
 * A function of what happened so far and of now; all times are queue time in
 * milliseconds (queue/record.h). Waits come from a list, the last one repeats. Each wait is made
 * longer or shorter by up to an eighth, by a number drawn from message and attempt, so that
 * messages that failed together do not come back together, and a replay gives the same times.
 */
#ifndef QUEUE_SCHEDULE_H
#define QUEUE_SCHEDULE_H

#include "base/base.h"

#define SCHEDULE_STEPS_MAX 64
/* A message that never had its first try is kept this much longer than its lifetime. */
#define SCHEDULE_UNTRIED_GRACE_MS (24 * 3600 * INT64_C(1000))

struct schedule {
    int64_t step_ms[SCHEDULE_STEPS_MAX];
    size_t steps; /* 1 and up */
    int64_t lifetime_ms;
    int64_t warn_ms; /* tell the sender of a delay after this long; 0: never */
};

/* 1m 5m 15m 30m 1h 2h 4h, then every 4h, for 5 days; a warning after 4h. */
struct schedule schedule_default(void);

/* When to try a recipient again that has now failed `attempts` times (1 and up). */
int64_t schedule_next(const struct schedule *s, uint64_t id, uint32_t attempts, int64_t now_q);

/* Too old: at least one try was made, or the grace for untried messages is over too. */
bool schedule_expired(int64_t expires_q, uint32_t attempts, int64_t now_q);

/* Time to tell the sender that the message is late. */
bool schedule_warns(const struct schedule *s, int64_t accepted_q, int64_t now_q);

#endif
