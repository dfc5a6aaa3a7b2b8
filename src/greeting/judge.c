/* SPDX-License-Identifier: ISC */
#include "greeting/judge.h"

#include "greeting/check.h"
#include "name/domain.h"

#define BIT(fact) (1u << (fact))

static const span preset_words[] = {SPAN_INIT("observe"), SPAN_INIT("standard"),
                                    SPAN_INIT("strict")};
static const span state_words[] = {SPAN_INIT("off"), SPAN_INIT("observe"), SPAN_INIT("enforce")};
static const span stage_words[] = {SPAN_INIT(""), SPAN_INIT("helo"), SPAN_INIT("mail"),
                                   SPAN_INIT("rcpt")};
static const span severity_words[] = {SPAN_INIT("syntax"), SPAN_INIT("policy"),
                                      SPAN_INIT("protected"), SPAN_INIT("temporary")};
static const span action_words[] = {SPAN_INIT("accept"), SPAN_INIT("defer"), SPAN_INIT("refuse")};
static const span exempt_words[] = {SPAN_INIT(""), SPAN_INIT("authenticated"),
                                    SPAN_INIT("submission"), SPAN_INIT("trusted")};

/* ---- words ---- */

/* The place of a word in a table, or n. */
static size_t find_word(span word, const span *words, size_t n)
{
    size_t i = 0;

    while (i < n && !span_eq(word, words[i]))
        i++;
    return i;
}

bool greeting_preset_parse(span word, enum greeting_preset *out)
{
    size_t i = find_word(word, preset_words, COUNT(preset_words));

    if (i == COUNT(preset_words))
        return false;
    *out = (enum greeting_preset)i;
    return true;
}

span greeting_preset_word(enum greeting_preset preset)
{
    return preset_words[preset];
}

bool greeting_state_parse(span word, enum greeting_state *out)
{
    size_t i = find_word(word, state_words, COUNT(state_words));

    if (i == COUNT(state_words))
        return false;
    *out = (enum greeting_state)i;
    return true;
}

span greeting_state_word(enum greeting_state state)
{
    return state_words[state];
}

bool greeting_stage_parse(span word, enum greeting_stage *out)
{
    size_t i = find_word(word, stage_words, COUNT(stage_words));

    if (i == COUNT(stage_words) || i == STAGE_NONE)
        return false;
    *out = (enum greeting_stage)i;
    return true;
}

span greeting_stage_word(enum greeting_stage stage)
{
    return stage_words[stage];
}

span greeting_check_cause(enum greeting_check check)
{
    return greeting_checks[check].cause;
}

uint16_t greeting_check_code(enum greeting_check check)
{
    return greeting_checks[check].code;
}

span greeting_check_enhanced(enum greeting_check check)
{
    return greeting_checks[check].enhanced;
}

enum greeting_severity greeting_check_severity(enum greeting_check check)
{
    return greeting_checks[check].severity;
}

span greeting_severity_word(enum greeting_severity severity)
{
    return severity_words[severity];
}

span greeting_action_word(enum greeting_action action)
{
    return action_words[action];
}

span greeting_exempt_word(enum greeting_exempt exempt)
{
    return exempt_words[exempt];
}

/* ---- policy ---- */

void greeting_policy_init(struct greeting_policy *p, enum greeting_preset preset)
{
    *p = (struct greeting_policy){.refuse_at = STAGE_RCPT};
    for (size_t i = 0; i < GREETING_CHECK_COUNT; i++)
        p->state[i] = (uint8_t)greeting_checks[i].state[preset];
}

/* The cause itself, or one above it: "helo.forged_local" stands for all that begins so. */
static bool is_meant(span meant, span cause)
{
    if (span_eq(cause, greeting_checks[CHECK_SEQUENCE].cause))
        return false;
    return span_eq(meant, cause) ||
           (span_starts(cause, meant) && meant.n > 0 && cause.p[meant.n] == '.');
}

bool greeting_policy_set(struct greeting_policy *p, span cause, enum greeting_state state)
{
    bool found = false;

    for (size_t i = 0; i < GREETING_CHECK_COUNT; i++) {
        if (!is_meant(cause, greeting_checks[i].cause))
            continue;
        found = true;
        p->state[i] = (uint8_t)state;
    }
    return found;
}

bool greeting_policy_set_unsafe(struct greeting_policy *p, span cause)
{
    bool found = false;

    for (size_t i = 0; i < GREETING_CHECK_COUNT; i++) {
        if (!is_meant(cause, greeting_checks[i].cause))
            continue;
        found = true;
        p->unsafe_refuse[i] = true;
        p->state[i] = CHECK_ENFORCE;
    }
    return found;
}

bool greeting_policy_wants_past(const struct greeting_policy *p)
{
    return p->state[CHECK_MANY_NAMES] != CHECK_OFF || p->state[CHECK_MANY_NETWORKS] != CHECK_OFF;
}

void greeting_exemption_put(struct buf *b, const struct greeting_exemption *e)
{
    switch (e->by) {
    case EXEMPT_CLIENT:
        buf_put(b, SPAN("client "));
        ip_prefix_put(b, e->client);
        break;
    case EXEMPT_HOST:
        buf_put(b, SPAN("host "));
        buf_put(b, e->host);
        break;
    case EXEMPT_SPF:
        buf_put(b, SPAN("spf "));
        buf_put(b, e->name);
        break;
    }
    if (e->check.n != 0) {
        buf_put(b, SPAN(", "));
        buf_put(b, e->check);
    }
    buf_put(b, SPAN(": "));
    buf_put(b, e->reason);
}

static bool frees_host(const struct greeting_exemption *e, const struct greeting_session *s)
{
    for (size_t i = 0; i < s->n_hosts; i++) {
        if (domain_eq(s->hosts[i], e->host) || domain_is_under(s->hosts[i], e->host))
            return true;
    }
    return false;
}

/* It is about this cause, and has not ended. */
static bool applies(const struct greeting_exemption *e, span cause,
                    const struct greeting_session *s)
{
    return (e->check.n == 0 || is_meant(e->check, cause)) &&
           (e->until_s == 0 || s->now_s < e->until_s);
}

static bool frees(const struct greeting_exemption *e, const struct greeting_facts *f,
                  const struct greeting_session *s)
{
    switch (e->by) {
    case EXEMPT_CLIENT:
        return ip_prefix_has(e->client, s->client);
    case EXEMPT_HOST:
        return frees_host(e, s);
    case EXEMPT_SPF:
        return greeting_is(f, FACT_SPF_HELO, SPF_PASS) && domain_eq(s->name, e->name);
    }
    return false;
}

/* DNS does not say now whether it frees. */
static bool is_withheld(const struct greeting_exemption *e, const struct greeting_facts *f,
                        const struct greeting_session *s)
{
    switch (e->by) {
    case EXEMPT_CLIENT:
        return false;
    case EXEMPT_HOST:
        return greeting_is(f, FACT_IPREV, IPREV_TEMPERROR);
    case EXEMPT_SPF:
        return greeting_is(f, FACT_SPF_HELO, SPF_TEMPERROR) && domain_eq(s->name, e->name);
    }
    return false;
}

/* The exemption that frees this cause: 1 and up; 0: none. */
static size_t find_exemption(const struct greeting_policy *p, span cause,
                             const struct greeting_facts *f, const struct greeting_session *s)
{
    for (size_t i = 0; i < p->n_exemptions; i++) {
        if (applies(&p->exemptions[i], cause, s) && frees(&p->exemptions[i], f, s))
            return i + 1;
    }
    return 0;
}

/* Some exemption may free this cause once DNS answers. */
static bool may_be_freed(const struct greeting_policy *p, span cause,
                         const struct greeting_facts *f, const struct greeting_session *s)
{
    for (size_t i = 0; i < p->n_exemptions; i++) {
        if (applies(&p->exemptions[i], cause, s) && is_withheld(&p->exemptions[i], f, s))
            return true;
    }
    return false;
}

/* ---- verdict ---- */

static enum greeting_exempt exempt_of(const struct greeting_session *s)
{
    if (s->authenticated)
        return EXEMPT_AUTHENTICATED;
    if (s->submission)
        return EXEMPT_SUBMISSION;
    return s->trusted ? EXEMPT_TRUSTED : EXEMPT_NOT;
}

/* The facts that are said to be the reason: of the ties only those that DNS withheld, if any. */
static uint32_t because_of(const struct greeting_facts *f, enum greeting_check check)
{
    uint32_t set = greeting_checks[check].because;

    if (check == CHECK_FORGED_SERVER) {
        bool by_address = greeting_is(f, FACT_OWN_ADDRESS, YES_YES);

        set &= by_address ? BIT(FACT_OWN_ADDRESS) | BIT(FACT_LITERAL_MATCH)
                          : ~(BIT(FACT_OWN_ADDRESS) | BIT(FACT_LITERAL_MATCH));
        if (greeting_is(f, FACT_OWN_NAME, YES_YES))
            set &= ~BIT(FACT_RESOLVES_TO_OWN);
        else
            set &= ~BIT(FACT_OWN_NAME);
    }
    if (check == CHECK_PTR_TEMP && !greeting_is(f, FACT_RDNS, RDNS_TEMPERROR))
        set &= ~BIT(FACT_RDNS);
    return set;
}

static bool is_forged(enum greeting_check check)
{
    return check == CHECK_FORGED_SERVER || check == CHECK_FORGED_DOMAIN ||
           check == CHECK_FORGED_UNDER;
}

/* A claim that nothing vouches for yet, while DNS has not said all, is "not now". */
static enum greeting_severity severity_of(const struct greeting_facts *f, enum greeting_check check)
{
    bool waits = is_forged(check) && greeting_is(f, FACT_VOUCHED, VOUCHED_UNKNOWN) &&
                 !greeting_is(f, FACT_OWN_ADDRESS, YES_YES);

    return waits ? SEVERITY_TEMPORARY : greeting_checks[check].severity;
}

static bool is_enforced(const struct greeting_policy *p, const struct greeting_finding *finding)
{
    if (finding->state != CHECK_ENFORCE || finding->exemption != 0)
        return false;
    return finding->severity != SEVERITY_PROTECTED || p->unsafe_refuse[finding->check];
}

static bool binds(enum greeting_exempt exempt, enum greeting_check check)
{
    return exempt == EXEMPT_NOT || check == CHECK_SEQUENCE ||
           (exempt == EXEMPT_SUBMISSION && check == CHECK_IMPOSSIBLE);
}

static void find(const struct greeting_facts *f, const struct greeting_policy *p,
                 const struct greeting_session *s, struct greeting_verdict *v)
{
    for (unsigned i = 0; i < GREETING_CHECK_COUNT; i++) {
        enum greeting_check check = (enum greeting_check)i;
        struct greeting_finding *finding = &v->finding[v->n_findings];

        if (p->state[i] == CHECK_OFF || !greeting_checks[i].finds(f))
            continue;
        *finding = (struct greeting_finding){
            .check = check,
            .severity = severity_of(f, check),
            .state = (enum greeting_state)p->state[i],
            .exemption = find_exemption(p, greeting_checks[i].cause, f, s),
            .because = because_of(f, check),
        };
        finding->enforced = is_enforced(p, finding) && binds(v->exempt, check);
        if (finding->enforced && may_be_freed(p, greeting_checks[i].cause, f, s))
            finding->severity = SEVERITY_TEMPORARY;
        v->n_findings++;
    }
}

/* Where a finding is spoken: broken syntax at once, no greeting where one is missed. */
static enum greeting_stage stage_of(const struct greeting_policy *p,
                                    const struct greeting_finding *finding)
{
    if (finding->check == CHECK_SEQUENCE)
        return STAGE_MAIL;
    return finding->severity == SEVERITY_SYNTAX ? STAGE_HELO : p->refuse_at;
}

static void decide(struct greeting_verdict *v, const struct greeting_policy *p,
                   const struct greeting_finding *finding)
{
    const struct greeting_check_row *row = &greeting_checks[finding->check];
    bool waits = finding->severity == SEVERITY_TEMPORARY;
    /* Wrong for good, but what could excuse it was not to be had: said with the words of DNS. */
    bool withheld = waits && row->severity != SEVERITY_TEMPORARY;

    v->action = waits ? GREETING_DEFER : GREETING_REFUSE;
    v->cause = row->cause;
    v->words = withheld ? SPAN("net.dns") : row->cause;
    v->code = withheld ? 451 : row->code;
    v->enhanced = withheld ? SPAN("4.4.3") : row->enhanced;
    v->stage = stage_of(p, finding);
}

void greeting_judge(const struct greeting_facts *f, const struct greeting_policy *p,
                    const struct greeting_session *s, struct greeting_verdict *out)
{
    const struct greeting_finding *worst = NULL;

    memset(out, 0, sizeof(*out));
    out->code = 250;
    out->exempt = exempt_of(s);
    find(f, p, s, out);
    /* The gravest comes first in the table; what can wait yields to what cannot. */
    for (size_t i = 0; i < out->n_findings; i++) {
        const struct greeting_finding *finding = &out->finding[i];
        bool outweighs = worst == NULL || (worst->severity == SEVERITY_TEMPORARY &&
                                           finding->severity != SEVERITY_TEMPORARY);

        if (finding->enforced && outweighs)
            worst = finding;
    }
    if (worst != NULL)
        decide(out, p, worst);
}
