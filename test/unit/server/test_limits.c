/* SPDX-License-Identifier: ISC */
/* What a session may cost: which refusals count, and how late they come. */
#include "../guard.h"

#include "server/session_inner.h"

static struct config config;
static struct smtpd worker = {.config = &config};
static struct session session;

static void begin(uint64_t errors, uint64_t tarpit_after, uint64_t delay_ms)
{
    config = (struct config){0};
    config.limits.errors = errors;
    config.limits.tarpit_after = tarpit_after;
    config.limits.tarpit_delay_ms = delay_ms;
    session = (struct session){.d = &worker};
}

static unsigned refuse(unsigned code, const char *enhanced)
{
    return session_count_refusal(&session, smtp_reply_of(code, span_cstr(enhanced), SPAN("no")))
        .code;
}

static void refusals_count(void **state)
{
    (void)state;
    begin(3, 0, 0);
    /* Not what may pass, what is fine, and a name that nobody has: that has a limit of its own. */
    assert_int_equal(refuse(451, "4.3.0"), 451);
    assert_int_equal(refuse(250, "2.0.0"), 250);
    assert_int_equal(refuse(550, "5.1.1"), 550);
    assert_int_equal(session.smtp.errors, 0);
    assert_int_equal(refuse(550, "5.7.1"), 550);
    assert_int_equal(refuse(554, "5.6.0"), 554);
    assert_int_equal(refuse(501, "5.5.4"), 421);
}

static void refusals_come_late(void **state)
{
    static const struct {
        const char *what;
        unsigned errors, unknown;
        unsigned former; /* before this turn */
        int64_t late_ms;
    } rows[] = {
        {"nothing was refused", 0, 0, 0, 0},
        {"as many as are free", 5, 0, 0, 0},
        {"one more", 6, 0, 5, 1000},
        {"all at once: the free ones are free", 8, 0, 0, 3000},
        {"those before were late already", 9, 0, 8, 1000},
        {"nothing new", 9, 0, 9, 0},
        {"unknown recipients are refusals too", 3, 3, 5, 1000},
        {"never later than that", 19, 400, 0, 30000},
        {"XCLIENT forgot some", 6, 0, 9, 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        begin(20, 5, 1000);
        session.smtp.errors = rows[i].errors;
        session.unknown_rcpts = rows[i].unknown;
        if (session_lateness(&session, rows[i].former) != rows[i].late_ms)
            fail_msg("%s: %lld ms", rows[i].what,
                     (long long)session_lateness(&session, rows[i].former));
        session.trusted = true;
        assert_int_equal(session_lateness(&session, rows[i].former), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refusals_count),
        cmocka_unit_test(refusals_come_late),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
