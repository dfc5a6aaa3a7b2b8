/* SPDX-License-Identifier: ISC */
#include "server/greet_inner.h"

#include "base/num.h"
#include "explain/knowledge.h"
#include "message/authres.h"
#include "os/clock.h"

/* The names that were kept: those of the hosts first, then the PTR. */
static span kept_name(const struct greet *g, unsigned i)
{
    const char *at = g->names;

    if (at == NULL)
        return SPAN_NONE;
    while (i-- > 0)
        at += strlen(at) + 1;
    return span_cstr(at);
}

span greet_host(const struct greet *g)
{
    return g->n_hosts != 0 ? kept_name(g, 0) : SPAN_NONE;
}

span greet_ptr(const struct greet *g)
{
    return kept_name(g, g->n_hosts);
}

/* ---- the judgement ---- */

static void judge(const struct greet *g, const struct greeting_facts *f,
                  struct greeting_verdict *out)
{
    span hosts[GREETING_PTR_MAX];
    struct greeting_session s = {
        .name = g->normal,
        .client = g->start.client,
        .authenticated = g->start.authenticated,
        .submission = g->start.submission,
        .trusted = g->start.trusted || g->start.lmtp || g->start.client.family == IP_NONE,
        .hosts = hosts,
        .n_hosts = g->n_hosts,
        .now_s = clock_wall_ms() / 1000,
    };

    for (unsigned i = 0; i < g->n_hosts; i++)
        hosts[i] = kept_name(g, i);
    greeting_judge(f, &g->shared->config->greeting.policy, &s, out);
}

/* The verdict rests on what the standard lets answer with 501. */
static bool is_syntax(const struct greeting_verdict *v)
{
    for (size_t i = 0; i < v->n_findings; i++)
        if (v->finding[i].enforced && v->finding[i].severity == SEVERITY_SYNTAX &&
            span_eq(greeting_check_cause(v->finding[i].check), v->cause))
            return true;
    return false;
}

/* An exemption by something that only DNS tells. */
static bool may_be_freed_later(const struct greet *g)
{
    const struct greeting_policy *p = &g->shared->config->greeting.policy;

    for (size_t i = 0; g->asks && i < p->n_exemptions; i++)
        if (p->exemptions[i].by != EXEMPT_CLIENT)
            return true;
    return false;
}

void greet_judge_name(const struct greet *g, struct greeting_verdict *out)
{
    judge(g, &g->said, out);
    if (!is_syntax(out) || may_be_freed_later(g))
        *out = (struct greeting_verdict){.action = GREETING_ACCEPT, .code = 250};
}

struct greeting_facts greet_facts(const struct greet *g)
{
    struct greeting_facts f = g->facts;

    BUG_IF(g->work != NULL, "a greeting is judged before its facts are known");
    f.history = g->history;
    return f;
}

void greet_judge(const struct greet *g, struct greeting_verdict *out)
{
    struct greeting_facts f = greet_facts(g);

    judge(g, &f, out);
}

void greet_log(const struct greet *g, const struct greeting_verdict *v, struct log_line *l)
{
    char memory[LOG_VALUE_BYTES];
    struct buf b = BUF_OVER(memory);

    for (size_t i = 0; i < v->n_findings; i++) {
        if (i != 0)
            buf_putc(&b, ',');
        buf_put(&b, greeting_check_cause(v->finding[i].check));
    }
    log_str(l, KEY_GREETING, g->start.name);
    if (greet_host(g).n != 0)
        log_str(l, KEY_HOST, greet_host(g));
    log_str(l, KEY_VERDICT, greeting_action_word(v->action));
    if (v->cause.n != 0)
        log_str(l, KEY_CHECK, v->cause);
    if (v->action != GREETING_ACCEPT) {
        log_str(l, KEY_STAGE, greeting_stage_word(v->stage));
        log_num(l, KEY_CODE, v->code);
    }
    log_str(l, KEY_FINDINGS, buf_span(&b));
    for (size_t i = 0; i < v->n_findings; i++) {
        if (v->finding[i].exemption == 0)
            continue;
        buf_reset(&b);
        greeting_exemption_put(
            &b, &g->shared->config->greeting.policy.exemptions[v->finding[i].exemption - 1]);
        log_str(l, KEY_EXEMPTION, buf_span(&b));
        break;
    }
    if (v->exempt != EXEMPT_NOT)
        log_str(l, KEY_REASON, greeting_exempt_word(v->exempt));
}

/* ---- the words ---- */

static span ptr_words(const struct greet *g)
{
    if (g->asks && g->facts.value[FACT_RDNS] == RDNS_TEMPERROR)
        return EXPLAIN_PTR_WITHHELD;
    return greet_ptr(g);
}

struct smtp_reply greet_reply(const struct greet *g, const struct greeting_verdict *v,
                              span reference, struct buf *b)
{
    char memory[EXPLAIN_REPLY_BYTES], client[64];
    struct buf lines = BUF_OVER(memory), address = BUF_OVER(client);
    struct explain_reply r = {.lines = 0};
    struct explain_facts f = {
        .greeting = g->start.name,
        .kind = g->facts.value[FACT_OWN_ADDRESS] == YES_YES ? EXPLAIN_ADDRESS : SPAN_NONE,
        .ptr = ptr_words(g),
        .server = g->shared->config->hostname,
        .verb = g->start.is_helo ? SPAN("HELO") : SPAN("EHLO"),
        .reference = reference,
    };
    const struct explain_page *page = explain_page_find(v->words);

    ip_addr_put(&address, g->start.client);
    f.client = buf_span(&address);
    BUG_IF(page == NULL || !explain_reply(page, &f, &lines, &r), "a cause has no words");
    for (size_t i = 0; i < r.lines; i++) {
        if (i != 0)
            buf_putc(b, '\n');
        buf_put(b, r.line[i]);
    }
    return smtp_reply_of(v->code, v->enhanced, buf_span(b));
}

/* ---- the header ---- */

span greet_sender(const struct greet *g, struct buf *b)
{
    span sender = span_of(g->sender, g->sender_n);

    return idn_is_needed(sender) && idn_put_address(b, sender) ? buf_span(b) : sender;
}

void greet_put_results(const struct greet *g, struct buf *b)
{
    char client[64], from[GREET_SENDER_BYTES];
    struct buf address = BUF_OVER(client), sender = BUF_OVER(from);
    struct authres a = {
        .host = g->shared->config->hostname,
        .ptr = greet_host(g),
        .greeting = g->start.name,
        .mail_from = greet_sender(g, &sender),
    };

    if (!g->asks)
        return;
    ip_addr_put(&address, g->start.client);
    a.address = buf_span(&address);
    a.iprev = greeting_fact_word(&g->facts, FACT_IPREV);
    a.spf_helo = greeting_fact_word(&g->facts, FACT_SPF_HELO);
    if (g->has_from)
        a.spf_from = spf_result_word(g->from_result);
    authres_put(b, &a);
}
