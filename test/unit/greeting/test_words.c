/* SPDX-License-Identifier: ISC */
/* Every check has a page of its cause, and both say the same code. */
#include "../guard.h"

#include "explain/knowledge.h"
#include "greeting/judge.h"

static void test_every_check_has_a_page(void **state)
{
    (void)state;
    for (unsigned i = 0; i < GREETING_CHECK_COUNT; i++) {
        enum greeting_check check = (enum greeting_check)i;
        span cause = greeting_check_cause(check);
        const struct explain_page *page = explain_page_find(cause);

        if (page == NULL)
            fail_msg("no page: %.*s", SPAN_ARG(cause));
        /* A check that is stricter or laxer than its cause's usual form has a code of its own. */
        if (greeting_check_severity(check) != SEVERITY_POLICY || page->code == 0)
            continue;
        if (page->code != greeting_check_code(check) ||
            !span_eq(span_cstr(page->enhanced), greeting_check_enhanced(check)))
            fail_msg("%.*s: page says %u %s", SPAN_ARG(cause), page->code, page->enhanced);
    }
    assert_non_null(explain_page_find(SPAN("net.dns")));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_check_has_a_page),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
