/* SPDX-License-Identifier: ISC */
/*
 * Each clause that holds speaks for its cause with the strength of its rule, a little more when
 * it stands in the reply itself than in the words around it. The strongest wins; between equals
 * the one with more words. Two things stand above strength: what is said about the greeting or
 * the address is never answered as a fault of the recipient, and a bare "bad greeting" becomes
 * precise when the greeting itself shows what is wrong with it.
 */
#include "explain/decide.h"

#include "explain/match.h"
#include "explain/rules.h"

/* What it counts to stand in the reply itself, and outside of one that speaks for itself. */
#define IN_REPLY  8
#define OUT_REPLY 45
/* A phrase further from the reply than this is no part of what it says. */
#define APART_BYTES 60
/* What codes and the stage can weigh at most without any words: they do not decide. */
#define SIGNS_ONLY 38
/* From this strength on the reply speaks for itself. */
#define REPLY_SPEAKS 40
/* From this strength on, words about the host forbid to blame the recipient. */
#define HOST_SURE 60
/* Causes that come as near as this to the winner are named as alternatives. */
#define NEAR 5
/* Below this the text does not decide; the best cause becomes an alternative. */
#define DECIDES 24

struct vote {
    const struct rule_clause *clause;
    unsigned score;
};

static bool about_host(const struct explain_page *page)
{
    return strcmp(page->branch, "helo") == 0 || strcmp(page->branch, "ptr") == 0;
}

static const struct explain_page *page_of(const struct rule_clause *c)
{
    return &explain_pages[rules[c->rule].value];
}

/*
 * Does a phrase of the clause stand in the reply itself, and the others near it? Signs are of the
 * reply always.
 */
static bool in_reply(const struct explain_work *w, const struct rule_clause *c)
{
    bool any = false;

    for (size_t i = 0; i < c->terms; i++) {
        const struct explain_found *f = &w->found[c->term[i]];

        if ((c->without >> i & 1) != 0)
            continue;
        if (!f->in_reply && !match_is_near(w, f->at, f->end, APART_BYTES))
            return false;
        any |= f->in_reply;
    }
    return any;
}

static unsigned strength_of(const struct rule_clause *c)
{
    unsigned strength = rules[c->rule].strength;

    return c->words == 0 && strength > SIGNS_ONLY ? SIGNS_ONLY : strength;
}

/* Does the reply say something by its words, so that the words around it count for less? */
static bool reply_speaks(const struct explain_work *w)
{
    for (size_t i = 0; i < w->clause_n; i++) {
        const struct rule_clause *c = &rule_clauses[w->clauses[i]];

        if (rules[c->rule].kind == RULE_CAUSE && strength_of(c) >= REPLY_SPEAKS && in_reply(w, c))
            return true;
    }
    return false;
}

static unsigned score_of(const struct explain_work *w, const struct rule_clause *c, bool speaks)
{
    unsigned strength = strength_of(c);

    if (in_reply(w, c))
        return strength + IN_REPLY;
    return !speaks ? strength : strength > OUT_REPLY ? strength - OUT_REPLY : 0;
}

static bool beats(const struct vote *a, const struct vote *b)
{
    if (b->clause == NULL || a->score != b->score)
        return b->clause == NULL || a->score > b->score;
    return a->clause->words > b->clause->words;
}

/* The strongest of all clauses about a cause, or only of those about the sending host. */
static struct vote strongest(const struct explain_work *w, bool speaks, bool host_only)
{
    struct vote best = {NULL, 0};

    for (size_t i = 0; i < w->clause_n; i++) {
        const struct rule_clause *c = &rule_clauses[w->clauses[i]];
        struct vote v = {c, 0};

        if (rules[c->rule].kind != RULE_CAUSE || (host_only && !about_host(page_of(c))))
            continue;
        v.score = score_of(w, c, speaks);
        if (beats(&v, &best))
            best = v;
    }
    return best;
}

static void add_alternative(struct explain_answer *a, const struct explain_page *page,
                            const char *decide)
{
    if (page == NULL || page == a->page || a->alternatives == EXPLAIN_ALTERNATIVES_MAX)
        return;
    for (size_t i = 0; i < a->alternatives; i++)
        if (a->alternative[i].page == page)
            return;
    a->alternative[a->alternatives++] = (struct explain_choice){page, decide};
}

static void add_page_alternatives(struct explain_answer *a)
{
    const struct explain_alternative *alt = a->page->alternatives;

    for (; alt->cause != NULL; alt++)
        add_alternative(a, explain_page_find(span_cstr(alt->cause)), alt->decide);
}

static bool is_late_stage(enum explain_stage stage)
{
    return stage == EXPLAIN_MAIL || stage == EXPLAIN_RCPT || stage == EXPLAIN_DATA;
}

void decide_settle(struct explain_answer *a, const struct explain_page *page)
{
    a->page = page;
    a->who = page->who;
    a->alternatives = 0;
    a->late = about_host(page) && is_late_stage(a->stage);
    add_page_alternatives(a);
}

static void add_evidence(struct explain_answer *a, span words)
{
    for (size_t i = 0; i < a->evidences; i++)
        if (span_eq(a->evidence[i], words))
            return;
    if (words.n > 0 && a->evidences < EXPLAIN_EVIDENCE_MAX)
        a->evidence[a->evidences++] = words;
}

static void evidence_of(const struct explain_work *w, span text, const struct rule_clause *c,
                        struct explain_answer *a)
{
    for (size_t i = 0; i < c->terms; i++) {
        const struct explain_found *f = &w->found[c->term[i]];

        if ((c->without >> i & 1) == 0)
            add_evidence(a, span_of(text.p + f->at, f->end - f->at));
    }
}

/* Causes that say less than the greeting itself shows; what it shows then decides. */
static const struct {
    const char *decided;
    const char *shown;
    const char *becomes;
} shown_by_greeting[] = {
    {"helo.unspecified", "helo.not_fqdn", "helo.not_fqdn"},
    {"helo.unspecified", "helo.bare_ip", "helo.bare_ip"},
    {"helo.unspecified", "helo.localhost", "helo.localhost"},
    {"helo.unspecified", "helo.literal.private", "helo.literal.private"},
    {"helo.unspecified", "helo.invalid_tld", "helo.invalid_tld"},
    {"helo.unspecified", "helo.syntax", "helo.syntax"},
    {"helo.not_fqdn", "helo.localhost", "helo.localhost"},
    {"helo.not_fqdn", "helo.bare_ip", "helo.bare_ip"},
    {"helo.syntax", "helo.bare_ip", "helo.bare_ip"},
    {"helo.unresolvable", "helo.localhost", "helo.localhost"},
};

static void look_at_greeting(struct explain_answer *a)
{
    span greeting = a->field[EXPLAIN_FIELD_GREETING];
    const char *shown;

    if (greeting.n == 0)
        return;
    shown = explain_greeting_cause(greeting);
    a->greeting_note = shown;
    for (size_t i = 0; shown != NULL && i < COUNT(shown_by_greeting); i++) {
        const struct explain_page *old = a->page;

        if (strcmp(shown_by_greeting[i].decided, a->page->id) != 0 ||
            strcmp(shown_by_greeting[i].shown, shown) != 0)
            continue;
        decide_settle(a, explain_page_find(span_cstr(shown_by_greeting[i].becomes)));
        add_evidence(a, greeting);
        add_alternative(a, old, "the name that was said shows it; the text alone does not");
        return;
    }
}

/* Other causes that speak nearly as loud. */
static void add_rivals(const struct explain_work *w, bool speaks, unsigned score,
                       struct explain_answer *a)
{
    for (size_t i = 0; i < w->clause_n; i++) {
        const struct rule_clause *c = &rule_clauses[w->clauses[i]];

        if (rules[c->rule].kind == RULE_CAUSE && score_of(w, c, speaks) + NEAR >= score)
            add_alternative(a, page_of(c), "the text fits this as well");
    }
}

void decide_cause(const struct explain_work *w, span text, struct explain_answer *a)
{
    bool speaks = reply_speaks(w);
    struct vote best = strongest(w, speaks, false), host = strongest(w, speaks, true);
    bool blames_recipient =
        best.clause != NULL && strcmp(page_of(best.clause)->branch, "rcpt") == 0;

    if (blames_recipient && host.clause != NULL && host.score >= HOST_SURE)
        best = host;
    decide_settle(a, explain_page_find(SPAN("ambiguous")));
    a->confidence = 0;
    if (best.clause == NULL)
        return;
    if (best.score < DECIDES) {
        add_alternative(a, page_of(best.clause), "the code alone hints at it");
        return;
    }
    decide_settle(a, page_of(best.clause));
    a->rule = rules[best.clause->rule].id;
    a->confidence = strength_of(best.clause);
    evidence_of(w, text, best.clause, a);
    add_rivals(w, speaks, best.score, a);
    look_at_greeting(a);
}

static bool is_for(const struct explain_fix *fix, const char *topic, span software)
{
    return strcmp(fix->topic, topic) == 0 && span_ieq(span_cstr(fix->software), software);
}

static void add_fix(struct explain_answer *a, const char *topic, span software)
{
    for (size_t i = 0; i < explain_fix_count && a->fixes < EXPLAIN_FIX_MAX; i++)
        if (is_for(&explain_fixes[i], topic, software))
            a->fix[a->fixes++] = &explain_fixes[i];
}

void decide_fixes(struct explain_answer *a, const struct explain_options *options)
{
    a->fixes = 0;
    if (a->page->fix[0] == '\0')
        return;
    if (options != NULL && options->software.n != 0)
        add_fix(a, a->page->fix, options->software);
    else if (a->reporter != NULL)
        add_fix(a, a->page->fix, span_cstr(a->reporter));
    add_fix(a, a->page->fix, SPAN("any"));
}
