/* SPDX-License-Identifier: ISC */
#include "server/greet.h"

#include <stdlib.h>

#include "base/num.h"
#include "config/find.h"
#include "explain/knowledge.h"
#include "message/authres.h"
#include "os/clock.h"

#define NAMES_BYTES ((GREETING_PTR_MAX + 1) * (DOMAIN_MAX_BYTES + 1))

/* One question under way. */
struct question {
    struct resolve_query query;
    struct question *next, **at;
    struct greet *greet;
    unsigned tag;
};

/* While the facts are gathered. */
struct facts_work {
    struct greeting_gather gather;
    struct question *questions;
    struct loop_timer timer;
};

/* While SPF of a sender is evaluated. */
struct from_work {
    struct spf spf;
    struct spf_event event;
    struct resolve_query query;
    struct loop_timer timer;
    char memory[SPF_MEMORY_BYTES];
};

struct greet {
    struct greet_shared *shared;
    struct greet_start start; /* its name points into text */
    bool gave_up;
    bool asks; /* facts and SPF are looked up at all */
    struct facts_work *work;
    struct greeting_facts facts; /* when work is NULL */
    char *names;                 /* host names, each ended by NUL: confirmed ones, then the PTR */
    unsigned n_hosts;
    struct from_work *from;
    char *sender; /* of from_result, so that the same one is not asked about again */
    size_t sender_n;
    enum spf_result from_result;
    bool has_from;
    char text[];
};

void greet_shared_init(struct greet_shared *s, struct loop *loop, struct resolve_client *resolver,
                       const struct config *config)
{
    *s = (struct greet_shared){.loop = loop, .resolver = resolver, .config = config};
    own_init(&s->own, loop, resolver, config);
}

void greet_shared_finish(struct greet_shared *s)
{
    own_finish(&s->own);
}

static int64_t patience_ms(const struct greet *g)
{
    return (int64_t)g->shared->config->dns.timeout_ms;
}

/* ---- the facts ---- */

static void question_free(struct question *q)
{
    resolve_cancel(&q->query);
    *q->at = q->next;
    if (q->next != NULL)
        q->next->at = q->at;
    free(q);
}

static void work_free(struct greet *g)
{
    if (g->work == NULL)
        return;
    while (g->work->questions != NULL)
        question_free(g->work->questions);
    loop_timer_stop(&g->work->timer);
    free(g->work);
    g->work = NULL;
}

/* The names that are worth keeping, out of the engine's memory. */
static void keep_names(struct greet *g)
{
    char memory[NAMES_BYTES];
    struct buf b = BUF_OVER(memory);
    span name = greeting_gather_host(&g->work->gather, 0);

    while (name.n != 0) {
        buf_put(&b, name);
        buf_putc(&b, '\0');
        name = greeting_gather_host(&g->work->gather, ++g->n_hosts);
    }
    name = greeting_gather_ptr(&g->work->gather, 0);
    buf_put(&b, name);
    buf_putc(&b, '\0');
    g->names = malloc(b.n);
    if (g->names != NULL)
        memcpy(g->names, b.p, b.n);
    else
        g->n_hosts = 0;
}

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

static void on_question(void *arg, const struct dns_answer *answer);

static void ask(struct greet *g, const struct greeting_event *ev)
{
    struct question *q = malloc(sizeof(*q));
    struct dns_answer none = dns_answer_of(ev->question.type, DNS_SERVFAIL);

    if (q == NULL) {
        greeting_gather_told(&g->work->gather, ev->tag, &none);
        return;
    }
    resolve_query_init(&q->query, on_question, q);
    q->greet = g;
    q->tag = ev->tag;
    q->next = g->work->questions;
    q->at = &g->work->questions;
    if (q->next != NULL)
        q->next->at = &q->next;
    g->work->questions = q;
    greeting_gather_asked(&g->work->gather, ev->tag);
    resolve_ask(g->shared->resolver, &q->query, ev->question.name, ev->question.type,
                patience_ms(g));
}

/* Ask whatever is wanted; true when the facts have become known. */
static bool gather(struct greet *g)
{
    struct greeting_event ev;

    while (greeting_gather_next(&g->work->gather, &ev) == GREETING_ASK)
        ask(g, &ev);
    if (ev.need == GREETING_WAIT)
        return false;
    g->facts = *greeting_gather_facts(&g->work->gather);
    keep_names(g);
    work_free(g);
    return true;
}

static void on_question(void *arg, const struct dns_answer *answer)
{
    struct question *q = arg;
    struct greet *g = q->greet;

    greeting_gather_told(&g->work->gather, q->tag, answer);
    question_free(q);
    if (gather(g))
        g->start.fn(g->start.arg);
}

static void keep_result(struct greet *g, enum spf_result result);

static void give_up_facts(struct greet *g)
{
    g->gave_up = true;
    greeting_gather_timeout(&g->work->gather);
    while (!gather(g))
        BUG("the facts are not known after their time");
}

static void on_patience(void *arg)
{
    struct greet *g = arg;

    give_up_facts(g);
    if (g->from != NULL)
        keep_result(g, SPF_TEMPERROR);
    g->start.fn(g->start.arg);
}

/* What the name says without asking anybody. */
static void read_name(const struct greet *g, struct greeting_facts *f, struct greeting_name *name)
{
    *f = (struct greeting_facts){0};
    greeting_name_read(name, g->start.name, g->start.is_helo);
    f->value[FACT_SYNTAX] = (uint8_t)name->syntax;
    f->value[FACT_FORM] = (uint8_t)name->form;
    f->traits = (uint16_t)name->traits;
}

static bool begin(struct greet *g)
{
    struct greeting_claim claim = {
        .client = g->start.client,
        .greeting = g->start.name,
        .is_helo = g->start.is_helo,
        .changed = g->start.changed,
    };
    struct greeting_name name;

    read_name(g, &g->facts, &name);
    if (!g->asks)
        return true;
    claim.local_domain = config_local_domain(g->shared->config, name.normal);
    g->work = malloc(sizeof(*g->work));
    if (g->work == NULL)
        return false;
    g->work->questions = NULL;
    loop_timer_init(&g->work->timer, g->shared->loop, on_patience, g);
    greeting_gather_init(&g->work->gather, &claim, own_server(&g->shared->own));
    if (g->gave_up)
        give_up_facts(g);
    else if (!gather(g))
        loop_timer_set_common(&g->work->timer, patience_ms(g));
    return true;
}

struct greet *greet_new(struct greet_shared *s, const struct greet_start *start)
{
    struct greet *g = calloc(1, sizeof(*g) + start->name.n);

    if (g == NULL)
        return NULL;
    g->shared = s;
    g->start = *start;
    if (start->name.n != 0)
        memcpy(g->text, start->name.p, start->name.n);
    g->start.name = span_of(g->text, start->name.n);
    g->gave_up = start->gave_up;
    g->asks =
        !start->trusted && !start->submission && !start->lmtp && start->client.family != IP_NONE;
    if (begin(g))
        return g;
    greet_free(g);
    return NULL;
}

void greet_free(struct greet *g)
{
    if (g == NULL)
        return;
    work_free(g);
    greet_from_drop(g);
    free(g->names);
    free(g->sender);
    free(g);
}

span greet_name(const struct greet *g)
{
    return g->start.name;
}

bool greet_is_same(const struct greet *g, span name, bool is_helo)
{
    return g->start.is_helo == is_helo && span_ieq(g->start.name, name);
}

bool greet_gave_up(const struct greet *g)
{
    return g->gave_up;
}

bool greet_is_ready(const struct greet *g)
{
    return g->work == NULL;
}

span greet_host(const struct greet *g)
{
    return g->n_hosts != 0 ? kept_name(g, 0) : SPAN_NONE;
}

/* ---- the judgement ---- */

static void judge(const struct greet *g, const struct greeting_facts *f,
                  struct greeting_verdict *out)
{
    span hosts[GREETING_PTR_MAX];
    struct greeting_name name;
    struct greeting_session s = {
        .client = g->start.client,
        .submission = g->start.submission,
        .trusted = g->start.trusted || g->start.lmtp || g->start.client.family == IP_NONE,
        .hosts = hosts,
        .n_hosts = g->n_hosts,
        .now_s = clock_wall_ms() / 1000,
    };

    for (unsigned i = 0; i < g->n_hosts; i++)
        hosts[i] = kept_name(g, i);
    greeting_name_read(&name, g->start.name, g->start.is_helo);
    s.name = name.normal;
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
    struct greeting_facts f;
    struct greeting_name name;

    read_name(g, &f, &name);
    judge(g, &f, out);
    if (!is_syntax(out) || may_be_freed_later(g))
        *out = (struct greeting_verdict){.action = GREETING_ACCEPT, .code = 250};
}

void greet_judge(const struct greet *g, struct greeting_verdict *out)
{
    BUG_IF(g->work != NULL, "a greeting is judged before its facts are known");
    judge(g, &g->facts, out);
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
    if (v->exempt != EXEMPT_NOT)
        log_str(l, KEY_REASON, greeting_exempt_word(v->exempt));
}

/* ---- the words ---- */

static span ptr_words(const struct greet *g)
{
    if (g->asks && g->facts.value[FACT_RDNS] == RDNS_TEMPERROR)
        return SPAN("reverse name not known now");
    return kept_name(g, g->n_hosts);
}

struct smtp_reply greet_reply(const struct greet *g, const struct greeting_verdict *v,
                              uint64_t session, struct buf *b)
{
    char memory[EXPLAIN_REPLY_BYTES], client[64];
    struct buf lines = BUF_OVER(memory), address = BUF_OVER(client);
    struct num_id id = num_id_text(session);
    struct explain_reply r = {.lines = 0};
    struct explain_facts f = {
        .greeting = g->start.name,
        .ptr = ptr_words(g),
        .server = g->shared->config->hostname,
        .verb = g->start.is_helo ? SPAN("HELO") : SPAN("EHLO"),
        .reference = span_cstr(id.text),
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

/* ---- SPF of the sender ---- */

static void on_from_answer(void *arg, const struct dns_answer *answer);

void greet_from_drop(struct greet *g)
{
    if (g->from == NULL)
        return;
    resolve_cancel(&g->from->query);
    loop_timer_stop(&g->from->timer);
    free(g->from);
    g->from = NULL;
}

static void keep_result(struct greet *g, enum spf_result result)
{
    g->from_result = result;
    g->has_from = true;
    greet_from_drop(g);
}

/* Ask on; true when the result stands. */
static bool evaluate(struct greet *g)
{
    struct from_work *w = g->from;

    if (spf_next(&w->spf, &w->event) == SPF_DONE) {
        keep_result(g, w->event.result);
        return true;
    }
    resolve_query_init(&w->query, on_from_answer, g);
    resolve_ask(g->shared->resolver, &w->query, w->event.question.name, w->event.question.type,
                patience_ms(g));
    return false;
}

static void on_from_answer(void *arg, const struct dns_answer *answer)
{
    struct greet *g = arg;

    spf_told(&g->from->spf, answer);
    if (evaluate(g))
        g->start.fn(g->start.arg);
}

static void on_from_patience(void *arg)
{
    struct greet *g = arg;

    g->gave_up = true;
    keep_result(g, SPF_TEMPERROR);
    g->start.fn(g->start.arg);
}

static bool keep_sender(struct greet *g, span sender)
{
    char *copy = malloc(sender.n + 1);

    free(g->sender);
    g->sender = copy;
    g->sender_n = copy != NULL ? sender.n : 0;
    g->has_from = false;
    if (copy != NULL)
        memcpy(copy, sender.p, sender.n);
    return copy != NULL;
}

void greet_from(struct greet *g, span sender)
{
    struct spf_identity who = {
        .client = g->start.client,
        .helo = g->start.name,
        .receiver = g->shared->config->hostname,
        .now_s = clock_wall_ms() / 1000,
    };

    greet_from_drop(g);
    if (!g->asks || sender.n == 0) {
        g->has_from = false;
        return;
    }
    if (g->has_from && span_eq(span_of(g->sender, g->sender_n), sender))
        return;
    if (!keep_sender(g, sender))
        return;
    g->from = g->gave_up ? NULL : malloc(sizeof(*g->from));
    if (g->from == NULL) {
        keep_result(g, SPF_TEMPERROR);
        return;
    }
    who.sender = span_of(g->sender, g->sender_n);
    loop_timer_init(&g->from->timer, g->shared->loop, on_from_patience, g);
    resolve_query_init(&g->from->query, on_from_answer, g);
    spf_init(&g->from->spf, &who, g->from->memory, sizeof(g->from->memory));
    if (!evaluate(g))
        loop_timer_set_common(&g->from->timer, patience_ms(g));
}

bool greet_from_is_ready(const struct greet *g)
{
    return g->from == NULL;
}

/* ---- the header ---- */

void greet_put_results(const struct greet *g, struct buf *b)
{
    char client[64];
    struct buf address = BUF_OVER(client);
    struct authres a = {
        .host = g->shared->config->hostname,
        .ptr = greet_host(g),
        .greeting = g->start.name,
        .mail_from = span_of(g->sender, g->sender_n),
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
