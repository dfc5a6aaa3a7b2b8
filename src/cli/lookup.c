/* SPDX-License-Identifier: ISC */
#include "cli/lookup.h"

#include "cli/ask.h"
#include "greeting/gather.h"

static enum explain_truth truth_of_resolves(unsigned value)
{
    switch ((enum greeting_resolves)value) {
    case RESOLVES_ADDR:
    case RESOLVES_MX_ONLY:
        return EXPLAIN_YES;
    case RESOLVES_NODATA:
    case RESOLVES_NXDOMAIN:
    case RESOLVES_SPECIAL:
        return EXPLAIN_NO;
    case RESOLVES_NA:
    case RESOLVES_TEMPERROR:
        break;
    }
    return EXPLAIN_NOT_NOW;
}

static enum explain_truth truth_of_pass(unsigned value)
{
    return value == PASS_PASS ? EXPLAIN_YES : value == PASS_FAIL ? EXPLAIN_NO : EXPLAIN_NOT_NOW;
}

static enum explain_truth truth_of_rdns(unsigned value)
{
    return value == RDNS_PRESENT  ? EXPLAIN_YES
           : value == RDNS_ABSENT ? EXPLAIN_NO
                                  : EXPLAIN_NOT_NOW;
}

static enum explain_truth truth_of_iprev(unsigned value)
{
    return value == IPREV_PASS ? EXPLAIN_YES : value == IPREV_FAIL ? EXPLAIN_NO : EXPLAIN_NOT_NOW;
}

static enum explain_truth truth_of_match(unsigned value)
{
    switch ((enum greeting_match)value) {
    case MATCH_YES:
        return EXPLAIN_YES;
    case MATCH_UNCONFIRMED:
    case MATCH_NO:
        return EXPLAIN_NO;
    case MATCH_NA:
    case MATCH_TEMPERROR:
        break;
    }
    return EXPLAIN_NOT_NOW;
}

/* Only a fail decides: most names have no record. */
static enum explain_truth truth_of_spf(unsigned value)
{
    return value == SPF_FAIL ? EXPLAIN_NO : value == SPF_PASS ? EXPLAIN_YES : EXPLAIN_NOT_NOW;
}

static enum explain_truth truth_of_own(unsigned value)
{
    switch ((enum greeting_own)value) {
    case OWN_ADDR:
    case OWN_MX:
        return EXPLAIN_YES;
    case OWN_NO:
        return EXPLAIN_NO;
    case OWN_NA:
        break;
    }
    return EXPLAIN_NOT_NOW;
}

/* All facts of the greeting, one question after the other. */
static void gather(struct greeting_gather *g, struct cli_dns *dns)
{
    struct greeting_event event;

    while (greeting_gather_next(g, &event) == GREETING_ASK) {
        struct dns_answer answer = cli_ask(dns, event.question);

        greeting_gather_asked(g, event.tag);
        greeting_gather_told(g, event.tag, &answer);
    }
}

static enum explain_truth listed(struct cli_dns *dns, span dbl, span greeting)
{
    char memory[DNS_NAME_MAX_BYTES];
    struct buf name = BUF_OVER(memory);
    struct dns_answer answer;

    buf_put(&name, greeting);
    buf_putc(&name, '.');
    buf_put(&name, dbl);
    if (dbl.n == 0 || greeting.n == 0 || name.overflow)
        return EXPLAIN_UNASKED;
    answer = cli_ask(dns, (struct dns_question){buf_span(&name), DNS_A});
    switch (dns_answer_state(&answer)) {
    case DNS_PRESENT:
        return EXPLAIN_YES;
    case DNS_ABSENT:
        return EXPLAIN_NO;
    case DNS_UNKNOWN:
        break;
    }
    return EXPLAIN_NOT_NOW;
}

static void use_facts(const struct greeting_facts *f, const struct explain_answer *a,
                      struct explain_truths *t)
{
    bool has_greeting = a->field[EXPLAIN_FIELD_GREETING].n != 0;
    bool has_client = a->field[EXPLAIN_FIELD_CLIENT].n != 0;
    bool has_remote = a->field[EXPLAIN_FIELD_REMOTE].n + a->field[EXPLAIN_FIELD_REMOTE_IP].n != 0;

    if (has_client) {
        t->of[EXPLAIN_ASK_PTR] = truth_of_rdns(f->value[FACT_RDNS]);
        t->of[EXPLAIN_ASK_CONFIRMED] = truth_of_iprev(f->value[FACT_IPREV]);
    }
    if (has_greeting)
        t->of[EXPLAIN_ASK_RESOLVES] = truth_of_resolves(f->value[FACT_RESOLVES]);
    if (has_greeting && has_client) {
        t->of[EXPLAIN_ASK_ADDRESS] = truth_of_pass(f->value[FACT_ADDRESS_MATCH]);
        t->of[EXPLAIN_ASK_MATCHES] = truth_of_match(f->value[FACT_MATCHES_RDNS]);
        t->of[EXPLAIN_ASK_SPF] = truth_of_spf(f->value[FACT_SPF_HELO]);
    }
    if (has_greeting && has_remote)
        t->of[EXPLAIN_ASK_TIES_REMOTE] = truth_of_own(f->value[FACT_RESOLVES_TO_OWN]);
}

bool cli_lookup(struct cli_dns *dns, span dbl, struct explain_answer *a,
                const struct explain_options *options)
{
    static struct greeting_gather g;
    struct greeting_claim claim = {.greeting = a->field[EXPLAIN_FIELD_GREETING]};
    struct ip_addr remote = {0};
    struct greeting_server server = {.names = &a->field[EXPLAIN_FIELD_REMOTE]};
    struct explain_truths truths = {0};
    bool has_client = ip_addr_parse(a->field[EXPLAIN_FIELD_CLIENT], &claim.client);

    if (explain_wants(a) == 0 || (!has_client && claim.greeting.n == 0))
        return false;
    server.n_names = a->field[EXPLAIN_FIELD_REMOTE].n != 0 ? 1 : 0;
    if (ip_addr_parse(a->field[EXPLAIN_FIELD_REMOTE_IP], &remote)) {
        server.addresses = &remote;
        server.n_addresses = 1;
    }
    greeting_gather_init(&g, &claim, &server);
    gather(&g, dns);
    use_facts(greeting_gather_facts(&g), a, &truths);
    truths.of[EXPLAIN_ASK_LISTED] = listed(dns, dbl, claim.greeting);
    explain_told(a, &truths, options);
    return true;
}
