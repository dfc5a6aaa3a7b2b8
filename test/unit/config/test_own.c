/* SPDX-License-Identifier: ISC */
#include "config/own.h"

#include "../guard.h"

#define LOGIN "user = app; password_file = \"x\""

/* Whom an egress greets: only those who take anything, perhaps only those, or the world. */
static const struct {
    const char *routes;
    bool stays_inside;
    bool submission;
} rows[] = {
    {"", false, false},
    {"route \"*\" { via = mx }", false, false},
    {"route \"*\" { via = hold }", true, true},
    {"route \"*\" { via = \"lmtp://127.0.0.1\" }", true, true},
    {"route \"*\" { via = \"smtp://127.0.0.1:26\" }", true, true},
    {"route \"*\" { via = \"smtp://10.0.0.5\" }", true, true},
    {"route \"*\" { via = \"smtp://203.0.113.5\" }", false, false},
    {"route \"*\" { via = \"smtp://relay.example.org\" }", false, true},
    {"route \"*\" { via = \"smtp://relay.example.org:587\"; " LOGIN " }", true, true},
    {"route \"*\" { via = \"smtp://10.0.0.5\" } route \"a.example\" { via = mx }", false, false},
    {"egress \"default\" { } egress \"out\" { } route \"a.example\" { via = mx; egress = \"out\" } "
     "route \"*\" { via = \"smtp://10.0.0.5\" }",
     true, true},
};

static void whom_an_egress_greets(void **state)
{
    static const struct ip_addr none = {.family = IP_NONE};

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct config_problems problems = {0};
        struct config *c = config_load_text("test", span_cstr(rows[i].routes), &problems);
        struct greeting_candidates candidates;

        config_problems_finish(&problems);
        assert_non_null(c);
        config_own_candidates(c, &c->egresses[0], none, none, &candidates);
        if (config_own_stays_inside(c, &c->egresses[0]) != rows[i].stays_inside ||
            candidates.submission != rows[i].submission)
            fail_msg("%s", rows[i].routes);
        config_free(c);
    }
}

/* Each once, and none that every machine has. */
static void our_addresses(void **state)
{
    static const char text[] =
        "hostname = mx.example.net\n"
        "listen \"a\" { address = \"127.0.0.1:25\" } listen \"b\" { address = \"[::]:25\" }\n"
        "listen \"c\" { address = \"192.0.2.9:25\" } listen \"d\" { address = \"[::1]:26\" }\n"
        "egress \"e\" { address = \"10.0.0.5\"; public_address = \"203.0.113.5\"; }\n"
        "greeting { own_addresses = [\"203.0.113.5\", \"::ffff:192.0.2.9\", \"127.0.0.2\", "
        "\"0.0.0.0\", \"2001:db8::1\"]; }";
    static const char *const want[] = {"203.0.113.5", "10.0.0.5", "192.0.2.9", "2001:db8::1"};
    struct config_problems problems = {0};
    struct config *c = config_load_text("test", span_cstr(text), &problems);
    struct ip_addr list[16], a;
    size_t n;

    (void)state;
    config_problems_finish(&problems);
    assert_non_null(c);
    assert_true(config_own_addresses_max(c) >= COUNT(want));
    n = config_own_addresses(c, list, COUNT(list));
    assert_int_equal(n, COUNT(want));
    for (size_t i = 0; i < n; i++) {
        assert_true(ip_addr_parse(span_cstr(want[i]), &a));
        assert_true(ip_addr_eq(list[i], a));
    }
    assert_int_equal(config_own_addresses(c, list, 2), 2);
    config_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whom_an_egress_greets),
        cmocka_unit_test(our_addresses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
