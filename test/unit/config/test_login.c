/* SPDX-License-Identifier: ISC */
#include "config/login.h"

#include "../guard.h"

#define SALT   "c2FsdHNhbHRzYWx0c2FsdA=="
#define STORED "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY="
#define SERVER "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
#define SCRAM  "SCRAM-SHA-256$4096:" SALT "$" STORED ":" SERVER

static const struct {
    const char *forms;
    bool good;
    const char *crypt, *plain;
    bool scram;
} cases[] = {
    {"$y$j9T$salt$hash", true, "$y$j9T$salt$hash", "", false},
    {"{PLAIN}a secret", true, "", "a secret", false},
    {SCRAM, true, "", "", true},
    {SCRAM " $6$salt$hash", true, "$6$salt$hash", "", true},
    {" $6$salt$hash  " SCRAM " ", true, "$6$salt$hash", "", true},
    {"", false, "", "", false},
    {" ", false, "", "", false},
    {"hash", false, "", "", false},
    {"{PLAIN}", false, "", "", false},
    {"{SSHA}abc", false, "", "", false},
    {"$1$a $1$b", false, "", "", false},
    {SCRAM " " SCRAM, false, "", "", false},
    {"SCRAM-SHA-256$4095:" SALT "$" STORED ":" SERVER, false, "", "", false},
    {"SCRAM-SHA-256$1000001:" SALT "$" STORED ":" SERVER, false, "", "", false},
    {"SCRAM-SHA-256$:" SALT "$" STORED ":" SERVER, false, "", "", false},
    {"SCRAM-SHA-256$4096:" SALT "$" STORED, false, "", "", false},
    {"SCRAM-SHA-256$4096:" SALT, false, "", "", false},
    {"SCRAM-SHA-256$4096:$" STORED ":" SERVER, false, "", "", false},
    {"SCRAM-SHA-256$4096:s*lt$" STORED ":" SERVER, false, "", "", false},
};

static void stored_forms(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct config_login login = {0};

        if (config_login_parse(guard_copy(span_cstr(cases[i].forms)), &login) != cases[i].good)
            fail_msg("'%s'", cases[i].forms);
        if (!cases[i].good)
            continue;
        assert_span_equal(login.crypt, span_cstr(cases[i].crypt));
        assert_span_equal(login.plain, span_cstr(cases[i].plain));
        assert_int_equal(login.scram.n != 0, cases[i].scram);
        if (cases[i].scram) {
            assert_int_equal(login.iterations, 4096);
            assert_span_equal(login.salt, SPAN(SALT));
            assert_span_equal(login.stored_key, SPAN(STORED));
            assert_span_equal(login.server_key, SPAN(SERVER));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(stored_forms)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
