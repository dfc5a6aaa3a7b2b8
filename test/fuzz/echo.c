/* SPDX-License-Identifier: ISC */
/* What a server says back at EHLO, and any text as every name in DNS about our own address. */
#include "fuzz.h"
#include "greeting/self.h"

static struct dns_answer answer(struct dns_question q, span text, unsigned how, struct buf *mem)
{
    struct dns_answer a = dns_answer_of(q.type, (how & 1) != 0 ? DNS_SERVFAIL : DNS_NODATA);
    struct dns_record r = {.octets = SPAN("\xcb\0\x71\x09"), .name = text};

    if ((how & 2) != 0)
        dns_answer_add(&a, mem, &r);
    return a;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static char answers[DNS_ANSWER_MAX_BYTES];
    static struct greeting_self s;
    span text = n >= 2 ? fuzz_place(span_of(data + 2, n - 2)) : SPAN_NONE;
    const span names[SELF_NAMES] = {text, SPAN("mail.example.net"), text};
    struct greeting_candidates c = {.mapped = text, .host = text, .peer = text};
    struct greeting_choice choice;
    struct ip_addr seen = {0};
    struct dns_question q;
    char room[1024];
    struct buf b = BUF_OVER(room);
    unsigned tag, asked = 0;

    if (greeting_echo(text, &seen))
        BUG_IF(seen.family == IP_NONE, "an address that is none");
    greeting_self_init(&s, ip_addr_v4((const uint8_t *)"\xcb\0\x71\x09"), names);
    while (greeting_self_next(&s, &q, &tag)) {
        struct buf mem = BUF_OVER(answers);
        struct dns_answer a = answer(q, text, n >= 2 ? data[0] : 0, &mem);

        BUG_IF(++asked > GREETING_SELF_SLOTS_MAX, "more questions than the limits allow");
        greeting_self_told(&s, tag, &a);
    }
    BUG_IF(!greeting_self_is_known(&s), "an answer is missing");
    greeting_self_fill(&s, &c);
    greeting_self_trust(&c);
    greeting_choose(&c, &choice);
    BUG_IF(choice.helo &&
               greeting_unfit(span_of(choice.text, choice.n), true, SPAN_NONE, SPAN_NONE) != FIT,
           "a name is said that is not fit");
    greeting_self_advise(&b, &c, &choice, SPAN("default"));
    for (size_t i = 0; i < b.n; i++)
        BUG_IF((unsigned char)b.p[i] < ' ', "a control octet in the advice");
    return 0;
}
