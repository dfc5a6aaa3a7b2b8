/* SPDX-License-Identifier: ISC */
#include "name/special.h"

#include "../guard.h"

static const struct {
    const char *name;
    enum special kind;
} rows[] = {
    {"local", SPECIAL_NEVER},
    {"printer.LOCAL", SPECIAL_NEVER},
    {"a.b.localhost", SPECIAL_NEVER},
    {"router.home.arpa", SPECIAL_NEVER},
    {"x.lan", SPECIAL_PRIVATE},
    {"api.svc.cluster.internal", SPECIAL_PRIVATE},
    {"example.org", SPECIAL_NOT},
    {"notlocal", SPECIAL_NOT},
    {"local.example", SPECIAL_NOT},
    {"7.100.51.198.in-addr.arpa", SPECIAL_NOT},
    {"", SPECIAL_NOT},
};

static void every_kind(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        if (special_name(guard_copy(span_cstr(rows[i].name))) != rows[i].kind)
            fail_msg("%s", rows[i].name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_kind)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
