/* SPDX-License-Identifier: ISC */
#include "explain/match.h"

#include "base/ascii.h"
#include "explain/rules.h"

/* Places beyond this start the count anew; far from the end of 32 bits for any one text. */
#define PLACE_RENEW (1u << 30)

/* Sets that one word may complete; what is beyond is left out. */
#define SETS_MAX 64

struct whole {
    uint16_t set;
    uint32_t began;
    uint32_t started;
};

struct scan {
    struct explain_work *w;
    struct word word;
    span text;
    size_t reply_from, reply_end;
    uint32_t place; /* of the word, over all texts */
    struct whole set[SETS_MAX];
    size_t sets;
};

void explain_work_init(struct explain_work *w)
{
    memset(w, 0, sizeof *w);
    w->place = UINT8_MAX + 1; /* further than any gap from "never reached" */
}

static void found(struct scan *s, uint16_t term, uint32_t began)
{
    struct explain_found *f = &s->w->found[term];
    bool in_reply = began >= s->reply_from && s->word.end <= s->reply_end;

    if (f->seen && (f->in_reply || !in_reply))
        return;
    if (!f->seen)
        s->w->terms[s->w->term_n++] = term;
    *f = (struct explain_found){began, (uint32_t)s->word.end, true, in_reply};
}

/* A phrase is complete: its term is found, or its set waits to be used like a word. */
static void complete(struct scan *s, uint16_t id)
{
    const struct rule_step *step = &rule_steps[id];

    if (!step->is_set)
        found(s, step->term, s->w->step[id].began);
    else if (s->sets < COUNT(s->set))
        s->set[s->sets++] =
            (struct whole){step->term, s->w->step[id].began, s->w->step[id].started};
}

/*
 * What began at the place `from` (at octet `at`) and ends with this word may be these steps.
 * A step counts when its phrase has come so far, near enough.
 */
static void use(struct scan *s, const uint16_t *uses, size_t n, uint32_t at, uint32_t from)
{
    for (size_t i = 0; i < n; i++) {
        uint16_t id = uses[i];
        const struct rule_step *step = &rule_steps[id];
        struct explain_progress *now = &s->w->step[id];

        if (step->first) {
            *now = (struct explain_progress){s->place, from, at};
        } else {
            const struct explain_progress *before = now - 1;

            if (before->reached >= from || before->reached + step->gap + 1 < from)
                continue;
            *now = (struct explain_progress){s->place, before->started, before->began};
        }
        if (step->words != 0)
            complete(s, id);
    }
}

/* The sets that this word completed, and those that they complete in turn. */
static void use_sets(struct scan *s)
{
    for (size_t i = 0; i < s->sets; i++) {
        struct whole whole = s->set[i];
        const uint16_t *first = rule_sets + whole.set;

        use(s, rule_set_uses + first[0], (size_t)(first[1] - first[0]), whole.began, whole.started);
    }
    s->sets = 0;
}

/* The word itself may be these steps. */
static void use_here(struct scan *s, const uint16_t *uses, size_t n)
{
    use(s, uses, n, (uint32_t)s->word.at, s->place);
}

static uint16_t edge_to(uint16_t node, char c)
{
    const struct rule_edge *edge = &rule_edges[rule_nodes[node].edge];
    const struct rule_edge *end = edge + rule_nodes[node].edges;

    if (node == 0)
        return rule_root[(unsigned char)c];
    while (edge < end && edge->c < c)
        edge++;
    return edge < end && edge->c == c ? edge->to : 0;
}

/*
 * Walk the trie along the word. Returns the node of the whole word, 0 when it is not
 * there; *out_deepest is the last node on the way.
 */
static uint16_t walk(span word, bool key, uint16_t *out_deepest)
{
    uint16_t node = 0, next = 0;

    *out_deepest = 0;
    for (size_t i = 0; i < word.n; i++) {
        if (word.p[i] == '\'')
            continue;
        next = edge_to(node, ascii_lower(word.p[i]));
        if (next == 0)
            return 0;
        *out_deepest = node = next;
    }
    if (!key)
        return node;
    next = edge_to(node, '=');
    *out_deepest = next;
    return next;
}

static void use_word(struct scan *s, span word, bool key)
{
    uint16_t deepest, whole = walk(word, key, &deepest);

    if (whole != 0)
        use_here(s, rule_uses + rule_nodes[whole].whole, rule_nodes[whole].whole_n);
    if (key)
        return;
    if (deepest != 0 && rule_nodes[deepest].begins_n == 0)
        deepest = rule_nodes[deepest].up;
    for (; deepest != 0; deepest = rule_nodes[deepest].up)
        use_here(s, rule_uses + rule_nodes[deepest].begins, rule_nodes[deepest].begins_n);
}

/* zen.spamhaus.org is used as itself and as spamhaus.org. */
static void use_host(struct scan *s, span host)
{
    unsigned labels = 0;

    while (span_has(host, '.') && labels++ < 12) {
        uint16_t deepest, whole = walk(host, false, &deepest);

        if (whole != 0)
            use_here(s, rule_uses + rule_nodes[whole].whole, rule_nodes[whole].whole_n);
        host = span_skip(host, span_find(host, '.') + 1);
    }
}

static void scan_word(struct scan *s)
{
    span raw = span_of(s->text.p + s->word.at, s->word.end - s->word.at);
    enum word_class is = s->word.is;

    if (is == WORD_PLAIN || is == WORD_NUMBER)
        use_word(s, raw, s->word.key);
    else if (is == WORD_HOST)
        use_host(s, raw);
    if (!s->word.key)
        use_here(s, rule_class_uses + rule_classes[is], rule_classes[is + 1] - rule_classes[is]);
    use_sets(s);
}

static bool is_off(const uint8_t *off, uint16_t clause)
{
    return off != NULL && (off[clause / 8] >> (clause % 8) & 1) != 0;
}

/*
 * Is the term there? Where there is a reply, only what stands in it can speak against a cause;
 * what stands around it (stage, software, fields) is judged by the whole text.
 */
static bool is_there(const struct explain_work *w, uint16_t term, bool against_cause)
{
    const struct explain_found *f = &w->found[term];

    return f->seen && (f->in_reply || !against_cause || !w->has_reply);
}

static bool holds(const struct explain_work *w, const struct rule_clause *c)
{
    bool is_cause = rules[c->rule].kind == RULE_CAUSE;

    for (size_t i = 0; i < c->terms; i++) {
        bool without = (c->without >> i & 1) != 0;

        if (is_there(w, c->term[i], without && is_cause) == without)
            return false;
    }
    return true;
}

static void wake(struct explain_work *w, uint16_t term, bool causes, const uint8_t *off)
{
    const struct rule_term *t = &rule_terms[term];

    for (size_t i = 0; i < t->clauses; i++) {
        uint16_t clause = rule_wakes[t->clause + i];
        bool is_cause = rules[rule_clauses[clause].rule].kind == RULE_CAUSE;

        if (is_cause == causes && !is_off(off, clause) && holds(w, &rule_clauses[clause]))
            w->clauses[w->clause_n++] = clause;
    }
}

static void wake_all(struct explain_work *w, bool causes, const uint8_t *off)
{
    for (size_t i = 0; i < w->term_n; i++)
        wake(w, w->terms[i], causes, off);
}

static void forget(struct explain_work *w)
{
    for (size_t i = 0; i < w->term_n; i++)
        w->found[w->terms[i]].seen = false;
    w->term_n = w->clause_n = 0;
    if (w->place > PLACE_RENEW)
        explain_work_init(w);
}

bool match_is_near(const struct explain_work *w, size_t at, size_t end, size_t far)
{
    return !w->has_reply || (end + far >= w->reply_from && at <= (size_t)w->reply_end + far);
}

void match_text(struct explain_work *w, span text, span reply, const uint8_t *off)
{
    struct words words = words_of(text);
    struct scan s = {.w = w, .text = text};

    BUG_IF(rule_step_count > EXPLAIN_STEPS_MAX || rule_term_count > EXPLAIN_TERMS_MAX ||
               rule_clause_count > EXPLAIN_CLAUSES_MAX,
           "more rules than the workspace holds");
    forget(w);
    s.reply_from = reply.n != 0 ? (size_t)(reply.p - text.p) : 0;
    s.reply_end = s.reply_from + reply.n;
    w->has_reply = reply.n != 0;
    w->reply_from = (uint32_t)s.reply_from;
    w->reply_end = (uint32_t)s.reply_end;
    while (words_next(&words, &s.word)) {
        s.place = w->place + (uint32_t)s.word.place;
        scan_word(&s);
    }
    w->place += (uint32_t)words.place + UINT8_MAX + 1;
    wake_all(w, false, off);
}

static bool sign_holds(const struct rule_sign *sign, unsigned code, span enhanced,
                       enum explain_stage stage)
{
    switch (sign->kind) {
    case RULE_SIGN_CODE:
        return sign->value == code;
    case RULE_SIGN_ENHANCED:
        return enhanced.n > 1 && span_eq(span_skip(enhanced, 1), span_cstr(sign->enhanced));
    case RULE_SIGN_STAGE:
        return sign->value == stage;
    }
    return false;
}

void match_causes(struct explain_work *w, unsigned code, span enhanced, enum explain_stage stage,
                  const uint8_t *off)
{
    for (size_t i = 0; i < rule_sign_count; i++) {
        struct explain_found *f = &w->found[rule_signs[i].term];

        if (f->seen || !sign_holds(&rule_signs[i], code, enhanced, stage))
            continue;
        *f = (struct explain_found){0, 0, true, w->has_reply};
        w->terms[w->term_n++] = rule_signs[i].term;
    }
    wake_all(w, true, off);
}
