/* SPDX-License-Identifier: ISC */
/*
 * What a session may cost: how many refusals it gets, how late they come, how long it may be
 * silent while others wait for its place. Names and defaults are in herald.conf(5), section limits.
 */
#include "server/session_inner.h"

#define LATE_MAX_MS 30000 /* for all that came at once */

struct smtp_reply session_count_refusal(struct session *ss, struct smtp_reply reply)
{
    const struct config_limits *limits = &ss->d->config->limits;

    /* A name that nobody has is counted apart (limits.unknown_recipients). */
    if (reply.code < 500 || span_eq(reply.enhanced, SPAN("5.1.1")))
        return reply;
    if (++ss->smtp.errors < limits->errors)
        return reply;
    return smtp_reply_of(421, SPAN("4.7.0"), SPAN("too many errors"));
}

unsigned session_refusals(const struct session *ss)
{
    return ss->smtp.errors + ss->unknown_rcpts;
}

int64_t session_lateness(const struct session *ss, unsigned former)
{
    const struct config_limits *limits = &ss->d->config->limits;
    uint64_t now = session_refusals(ss), from = former;

    if (from < limits->tarpit_after)
        from = limits->tarpit_after;
    if (ss->trusted || now <= from)
        return 0;
    return min_i64((int64_t)((now - from) * limits->tarpit_delay_ms), LATE_MAX_MS);
}

void session_hurry(struct session *ss)
{
    const struct config_limits *limits = &ss->d->config->limits;

    if (ss->headless || ss->shaking || ss->closing || !session_is_idle(ss))
        return;
    if (smtp_server_silence(&ss->smtp, loop_now_ms(ss->d->loop)) >=
        (int64_t)limits->stress_timeout_ms)
        session_refuse(ss,
                       smtp_reply_of(421, SPAN("4.3.2"),
                                     SPAN("Busy: others wait for a session; come again later")),
                       "silent while sessions are scarce");
}
