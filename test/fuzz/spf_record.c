/* SPDX-License-Identifier: ISC */
/* Any text as every TXT record there is: the evaluation ends, within its limits. */
#include <stdlib.h>

#include "fuzz.h"
#include "spf/spf.h"

static struct dns_answer answer(struct dns_question q, span txt, unsigned how, struct buf *mem)
{
    struct dns_answer a = dns_answer_of(q.type, (how & 1) != 0 ? DNS_NXDOMAIN : DNS_NODATA);
    struct dns_record r = {.octets = txt, .name = SPAN("h.t.example"), .preference = 1};

    if (q.type == DNS_A)
        r.octets = (how & 2) != 0 ? SPAN("\xc0\0\2\1") : SPAN("\xc0\0\2\2");
    if (q.type == DNS_TXT || ((how & 4) != 0 && q.type != DNS_AAAA))
        dns_answer_add(&a, mem, &r);
    return a;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static char memory[SPF_MEMORY_BYTES], answers[DNS_ANSWER_MAX_BYTES];
    span txt = n >= 2 ? fuzz_place(span_of(data + 2, n - 2)) : SPAN_NONE;
    struct spf_identity who = {.sender = SPAN("a.b-c@t.example"), .helo = SPAN("h.example")};
    struct spf_event event;
    struct spf s;
    unsigned asked = 0;

    who.client = ip_addr_v4((const uint8_t *)"\xc0\0\2\1");
    spf_init(&s, &who, memory, sizeof(memory));
    while (spf_next(&s, &event) == SPF_ASK) {
        struct buf mem = BUF_OVER(answers);
        struct dns_answer a = answer(event.question, txt, n >= 2 ? data[0] : 0, &mem);

        BUG_IF(++asked > 250, "more questions than the limits allow");
        spf_told(&s, &a);
    }
    BUG_IF(event.lookups > SPF_TERMS_MAX, "more terms than the limits allow");
    return 0;
}
