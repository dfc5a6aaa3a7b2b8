/* SPDX-License-Identifier: ISC */
/* Any octets as a greeting: nothing protected is refused, and normal forms stay normal. */
#include <stdlib.h>

#include "fuzz.h"
#include "greeting/gather.h"
#include "greeting/judge.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static struct greeting_gather g;
    static const span own[] = {SPAN_INIT("mx1.example.net")};
    struct greeting_server server = {.names = own, .n_names = 1};
    span text = n >= 2 ? fuzz_place(span_of(data + 2, n - 2)) : SPAN_NONE;
    struct greeting_claim claim = {.greeting = text};
    enum dns_status status = n < 2 ? DNS_NODATA : (enum dns_status)(1 + data[0] % DNS_BOGUS);
    struct greeting_session session = {0};
    struct greeting_policy policy;
    struct greeting_verdict v;
    struct greeting_event ev;
    struct greeting_name again;

    claim.client = session.client = ip_addr_v4((const uint8_t *)"\xc6\x33\x64\x07");
    greeting_gather_init(&g, &claim, &server);
    while (greeting_gather_next(&g, &ev) == GREETING_ASK) {
        struct dns_answer a = dns_answer_of(ev.question.type, status);

        greeting_gather_told(&g, ev.tag, &a);
    }
    greeting_name_read(&again, g.name.normal, false);
    BUG_IF(!span_eq(again.normal, g.name.normal), "a normal form that is not normal");
    greeting_policy_init(&policy, PRESET_STRICT);
    greeting_judge(greeting_gather_facts(&g), &policy, &session, &v);
    for (size_t i = 0; i < v.n_findings; i++)
        BUG_IF(v.finding[i].enforced && v.finding[i].severity == SEVERITY_PROTECTED, "refused");
    return 0;
}
