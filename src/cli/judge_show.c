/* SPDX-License-Identifier: ISC */
/* The result of `herald judge`, for a program and for a person. */
#include "base/escape.h"
#include "cli/judge.h"
#include "cli/scenario.h"
#include "explain/knowledge.h"

static void put_string(struct buf *b, span s)
{
    buf_putc(b, '"');
    buf_put(b, s);
    buf_putc(b, '"');
}

/* A word of ours, or null. */
static void put_word_or_null(struct buf *b, span word)
{
    if (word.n > 0)
        put_string(b, word);
    else
        buf_put(b, SPAN("null"));
}

static void put_history(struct buf *b, const struct greeting_history *h)
{
    if (h->times == 0 && h->last_seen_s == 0 && h->names_day == 0 && h->networks == 0) {
        buf_put(b, SPAN("{}"));
        return;
    }
    buf_printf(b,
               "{\"first_seen\":%lld,\"last_seen\":%lld,\"times\":%u,\"times_network\":%u,"
               "\"names_hour\":%u,\"names_day\":%u,\"networks\":%u,\"refused\":%u}",
               (long long)h->first_seen_s, (long long)h->last_seen_s, h->times, h->times_network,
               h->names_hour, h->names_day, h->networks, h->refused);
}

/* "changed" and "early" stand behind the history in the vocabulary, "generic" before it. */
static void put_facts(struct buf *b, const struct greeting_facts *f)
{
    for (unsigned i = 0; i < GREETING_FACT_COUNT; i++) {
        enum greeting_fact fact = (enum greeting_fact)i;

        buf_putc(b, i == 0 ? '{' : ',');
        if (fact == FACT_CHANGED) {
            buf_put(b, SPAN("\"history\":"));
            put_history(b, &f->history);
            buf_putc(b, ',');
        }
        put_string(b, greeting_fact_name(fact));
        buf_putc(b, ':');
        put_string(b, greeting_fact_word(f, fact));
    }
    buf_putc(b, '}');
}

static void put_because(struct buf *b, const struct greeting_facts *f, uint32_t because,
                        const char *quote)
{
    const char *comma = "";

    for (unsigned i = 0; i < GREETING_GROUNDS; i++) {
        if ((because & 1u << i) == 0)
            continue;
        buf_put(b, span_cstr(comma));
        buf_put(b, span_cstr(quote));
        greeting_ground_put(b, f, i);
        buf_put(b, span_cstr(quote));
        comma = quote[0] != '\0' ? "," : " ";
    }
}

static void put_findings(struct buf *b, const struct greeting_facts *f,
                         const struct greeting_verdict *v)
{
    buf_putc(b, '[');
    for (size_t i = 0; i < v->n_findings; i++) {
        const struct greeting_finding *finding = &v->finding[i];

        buf_put(b, i > 0 ? SPAN(",{\"cause\":") : SPAN("{\"cause\":"));
        put_string(b, greeting_check_cause(finding->check));
        buf_put(b, SPAN(",\"severity\":"));
        put_string(b, greeting_severity_word(finding->severity));
        buf_put(b, SPAN(",\"because\":["));
        put_because(b, f, finding->because, "\"");
        buf_put(b, SPAN("],\"state\":"));
        put_string(b, greeting_state_word(finding->state));
        if (finding->exemption != 0)
            buf_printf(b, ",\"exemption\":%zu", finding->exemption);
        buf_putc(b, '}');
    }
    buf_putc(b, ']');
}

/* ---- the words of a refusal, which are those of the cause's page ---- */

struct words {
    char client_text[IP_TEXT_BYTES];
    struct buf client;
    struct explain_facts facts;
};

static void take_words(struct words *w, const struct judge_case *c, const struct judge_result *r)
{
    const struct greeting_facts *f = greeting_gather_facts(&r->gather);
    span ptr = greeting_gather_ptr(&r->gather, 0);

    if (f->value[FACT_RDNS] == RDNS_TEMPERROR)
        ptr = EXPLAIN_PTR_WITHHELD;
    w->client = BUF_OVER(w->client_text);
    ip_addr_put(&w->client, c->session.client);
    w->facts = (struct explain_facts){
        .greeting = c->claim.greeting,
        .client = buf_span(&w->client),
        .kind = f->value[FACT_OWN_ADDRESS] == YES_YES ? EXPLAIN_ADDRESS : SPAN_NONE,
        .ptr = ptr,
        .server = c->server.n_names > 0 ? c->server.names[0] : SPAN_NONE,
        .verb = c->verb,
    };
}

static bool make_reply(const struct judge_case *c, const struct judge_result *r,
                       const struct greeting_verdict *v, struct buf *b, struct explain_reply *out)
{
    const struct explain_page *page = explain_page_find(v->words);
    struct words w;

    if (v->action == GREETING_ACCEPT || page == NULL)
        return false;
    take_words(&w, c, r);
    return explain_reply(page, &w.facts, b, out);
}

static void put_reply(struct buf *b, const struct judge_case *c, const struct judge_result *r)
{
    char room[EXPLAIN_REPLY_BYTES];
    struct buf lines = BUF_OVER(room);
    struct explain_reply reply;

    buf_putc(b, '[');
    if (make_reply(c, r, &r->verdict, &lines, &reply)) {
        for (size_t i = 0; i < reply.lines; i++) {
            if (i > 0)
                buf_putc(b, ',');
            escape_json(b, reply.line[i]);
        }
    }
    buf_putc(b, ']');
}

static void put_verdict(struct buf *b, const struct judge_case *c, const struct judge_result *r)
{
    const struct greeting_verdict *v = &r->verdict;

    buf_put(b, SPAN("{\"action\":"));
    put_string(b, greeting_action_word(v->action));
    buf_put(b, SPAN(",\"stage\":"));
    put_word_or_null(b, greeting_stage_word(v->stage));
    buf_put(b, SPAN(",\"code\":"));
    buf_put_u64(b, v->code);
    buf_put(b, SPAN(",\"enhanced\":"));
    put_word_or_null(b, v->enhanced);
    buf_put(b, SPAN(",\"cause\":"));
    put_word_or_null(b, v->cause);
    buf_put(b, SPAN(",\"reference\":null,\"exempt\":"));
    put_word_or_null(b, greeting_exempt_word(v->exempt));
    buf_put(b, SPAN(",\"text\":"));
    put_reply(b, c, r);
    buf_putc(b, '}');
}

void judge_put_json(struct buf *b, const struct judge_case *c, const struct judge_result *r,
                    const json_t *scenario)
{
    const struct greeting_facts *f = greeting_gather_facts(&r->gather);

    buf_put(b, SPAN("{\"id\":"));
    if (scenario != NULL)
        scenario_put_id(b, scenario);
    else
        buf_put(b, SPAN("null"));
    buf_put(b, SPAN(",\"facts\":"));
    put_facts(b, f);
    buf_put(b, SPAN(",\"findings\":"));
    put_findings(b, f, &r->verdict);
    buf_put(b, SPAN(",\"table\":"));
    put_string(b, greeting_table_word(greeting_table_state(f)));
    buf_put(b, SPAN(",\"verdict\":"));
    put_verdict(b, c, r);
    buf_putc(b, '}');
}

/* ---- for a person ---- */

static void put_fact_lines(struct buf *b, const struct greeting_facts *f)
{
    for (unsigned i = 0; i < GREETING_FACT_COUNT; i++) {
        span name = greeting_fact_name((enum greeting_fact)i);
        span word = greeting_fact_word(f, (enum greeting_fact)i);

        if (!span_eq(word, SPAN("na")))
            buf_printf(b, "  %-16.*s %.*s\n", SPAN_ARG(name), SPAN_ARG(word));
    }
}

static void put_names(struct buf *b, const struct greeting_gather *g)
{
    for (unsigned i = 0;; i++) {
        span name = greeting_gather_ptr(g, i);

        if (name.n == 0)
            return;
        buf_put(b, i == 0 ? SPAN("  reverse names    ") : SPAN(", "));
        escape_text(b, name, name.n);
        if (greeting_gather_ptr(g, i + 1).n == 0)
            buf_putc(b, '\n');
    }
}

static void put_finding_lines(struct buf *b, const struct greeting_facts *f,
                              const struct greeting_verdict *v)
{
    buf_put(b, v->n_findings == 0 ? SPAN("\nNothing is wrong with it.\n")
                                  : SPAN("\nWhat is wrong:\n"));
    for (size_t i = 0; i < v->n_findings; i++) {
        const struct greeting_finding *finding = &v->finding[i];
        span cause = greeting_check_cause(finding->check);
        const struct explain_page *page = explain_page_find(cause);

        buf_printf(b, "  %.*s (%.*s)", SPAN_ARG(cause),
                   SPAN_ARG(greeting_severity_word(finding->severity)));
        if (page != NULL)
            buf_printf(b, ": %s", page->title);
        buf_put(b, SPAN("\n    because "));
        put_because(b, f, finding->because, "");
        buf_putc(b, '\n');
    }
}

static void put_verdict_line(struct buf *b, const struct greeting_verdict *v)
{
    buf_put(b, greeting_action_word(v->action));
    if (v->action != GREETING_ACCEPT)
        buf_printf(b, " %u %.*s at %.*s for %.*s", v->code, SPAN_ARG(v->enhanced),
                   SPAN_ARG(greeting_stage_word(v->stage)), SPAN_ARG(v->cause));
    if (v->exempt != EXEMPT_NOT)
        buf_printf(b, " (exempt: %.*s)", SPAN_ARG(greeting_exempt_word(v->exempt)));
}

static void put_presets(struct buf *b, const struct judge_case *c, const struct greeting_facts *f)
{
    buf_put(b, SPAN("\nWhat each preset does:\n"));
    for (unsigned i = 0; i < GREETING_PRESET_COUNT; i++) {
        struct greeting_policy policy;
        struct greeting_verdict verdict;
        span word = greeting_preset_word((enum greeting_preset)i);

        greeting_policy_init(&policy, (enum greeting_preset)i);
        greeting_judge(f, &policy, &c->session, &verdict);
        buf_printf(b, "  %-9.*s ", SPAN_ARG(word));
        put_verdict_line(b, &verdict);
        buf_putc(b, '\n');
    }
}

/* What the worst finding's page tells whoever runs the sender. */
static void put_cure(struct buf *b, const struct judge_case *c, const struct judge_result *r)
{
    const struct explain_page *page = NULL;
    struct words w;

    for (size_t i = 0; i < r->verdict.n_findings && page == NULL; i++)
        page = explain_page_find(greeting_check_cause(r->verdict.finding[i].check));
    if (page == NULL)
        return;
    take_words(&w, c, r);
    buf_put(b, SPAN("\nHow the sender mends it ("));
    buf_put(b, span_cstr(page->id));
    buf_put(b, SPAN("):\n"));
    explain_fill(b, page->sender, &w.facts);
    buf_putc(b, '\n');
}

static void put_reply_lines(struct buf *b, const struct judge_case *c, const struct judge_result *r)
{
    char room[EXPLAIN_REPLY_BYTES];
    struct buf lines = BUF_OVER(room);
    const struct greeting_verdict *v = &r->verdict;
    struct explain_reply reply;

    if (!make_reply(c, r, v, &lines, &reply))
        return;
    for (size_t i = 0; i < reply.lines; i++)
        buf_printf(b, "  %u%c%.*s %.*s\n", v->code, i + 1 < reply.lines ? '-' : ' ',
                   SPAN_ARG(v->enhanced), SPAN_ARG(reply.line[i]));
}

void judge_put_person(struct buf *b, const struct judge_case *c, const struct judge_result *r)
{
    const struct greeting_facts *f = greeting_gather_facts(&r->gather);

    buf_put(b, c->verb);
    buf_putc(b, ' ');
    escape_text(b, c->claim.greeting, 255);
    buf_put(b, SPAN(" from "));
    ip_addr_put(b, c->session.client);
    buf_put(b, SPAN("\n\n"));
    put_fact_lines(b, f);
    put_names(b, &r->gather);
    put_finding_lines(b, f, &r->verdict);
    put_presets(b, c, f);
    put_cure(b, c, r);
    buf_put(b, SPAN("\nVerdict: "));
    put_verdict_line(b, &r->verdict);
    buf_putc(b, '\n');
    put_reply_lines(b, c, r);
}
