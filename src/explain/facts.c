/* SPDX-License-Identifier: ISC */
#include "explain/facts.h"

#include "base/ascii.h"
#include "explain/match.h"
#include "explain/rules.h"

/* How many words behind a phrase its value may stand. */
#define TAKE_WORDS 4
/* How many words may link the greeting word and the name. */
#define LINK_WORDS 2
/* How many greeting words of a text are looked at for a name next to them. */
#define GREETING_WORDS 8
/* A greeting word further from the reply than this stands in an example, not in the refusal. */
#define EXAMPLE_BYTES 400
/* From this strength on whatever stands there is the greeting; below it must look like a name. */
#define TAKE_SURE 90

static char at(span s, size_t i)
{
    return i < s.n ? s.p[i] : '\0';
}

/* A bracketed address keeps its brackets: it is a literal. */
static span with_brackets(span text, span chunk)
{
    size_t from = (size_t)(chunk.p - text.p), end = from + chunk.n;
    bool address = chunk.n > 0;

    for (size_t i = 0; i < chunk.n; i++)
        address &= ascii_hex(chunk.p[i]) >= 0 || chunk.p[i] == '.' || chunk.p[i] == ':';
    address |= span_istarts(chunk, SPAN("IPv6:"));
    if (address && from > 0 && text.p[from - 1] == '[' && at(text, end) == ']')
        return span_of(chunk.p - 1, chunk.n + 2);
    return chunk;
}

static bool opens(char c)
{
    return ascii_is_blank(c) || c == '\n' || c == ':' || c == '=' || c == '<' || c == '"' ||
           c == '\'' || c == '[' || c == '(' || c == '\\' || c == '`';
}

static bool closes(char c)
{
    return ascii_is_blank(c) || ascii_is_control(c) || c == '>' || c == '"' || c == '\'' ||
           c == ']' || c == ')' || c == '(' || c == ',' || c == ';' || c == '\\' || c == '`';
}

/* The run of octets after `i`, without what wraps it. */
static span chunk_after(span text, size_t i)
{
    size_t from, limit = min_size(text.n, i + 16);

    while (i < limit && opens(text.p[i]))
        i++;
    from = i;
    while (i < text.n && i - from < 260 && !closes(text.p[i]))
        i++;
    while (i > from && (text.p[i - 1] == ':' || (text.p[i - 1] == '.' && i == text.n)))
        i--;
    return with_brackets(text, span_of(text.p + from, i - from));
}

/* The run of octets before `i`: "<name>: " gives name. */
static span chunk_before(span text, size_t i)
{
    size_t end;

    while (i > 0 && (opens(text.p[i - 1]) || closes(text.p[i - 1])))
        i--;
    end = i;
    while (i > 0 && end - i < 260 && !ascii_is_blank(text.p[i - 1]) && text.p[i - 1] != '<' &&
           text.p[i - 1] != '"' && text.p[i - 1] != '\'' && text.p[i - 1] != '[' &&
           text.p[i - 1] != '(' && text.p[i - 1] != '\n')
        i--;
    return with_brackets(text, span_of(text.p + i, end - i));
}

/* The same where angle brackets close it: "<name>: ". */
static span bracketed_before(span text, size_t i)
{
    span s = chunk_before(text, i);

    return s.n != 0 &&
                   span_has(span_head(span_of(s.p + s.n, i - (size_t)(s.p - text.p) - s.n), 2), '>')
               ? s
               : SPAN_NONE;
}

/* Could this be a name that was said in a greeting, rather than a word of the sentence? */
static bool looks_like_name(span s)
{
    bool joint = false, digit = false, dot = false, pair = false; /* "e.g." has none */

    for (size_t i = 0; i < s.n; i++) {
        pair |= i > 0 && ascii_is_alnum(s.p[i]) && ascii_is_alnum(s.p[i - 1]);
        digit |= ascii_is_digit(s.p[i]);
        joint |= s.p[i] == '-' || s.p[i] == '_';
        dot |= s.p[i] == '.' && i > 0 && i + 1 < s.n;
        if (s.p[i] == '/' || s.p[i] == '@' || s.p[i] == '=')
            return false;
    }
    return s.n > 0 && ((dot && (pair || digit)) || s.p[0] == '[' || (joint && digit) ||
                       span_ieq(s, SPAN("localhost")));
}

/* The first word of one of the classes after i, within a few words. */
static span word_after(span text, size_t i, unsigned classes)
{
    struct words words = {text, i, 0, 0, 0, false};
    struct word w;

    for (unsigned n = 0; n < TAKE_WORDS && words_next(&words, &w); n++)
        if ((classes >> w.is & 1u) != 0)
            return span_of(text.p + w.at, w.end - w.at);
    return SPAN_NONE;
}

static span bare_mailbox(span s)
{
    if (s.n > 1 && s.p[0] == '<' && s.p[s.n - 1] == '>')
        s = span_of(s.p + 1, s.n - 2);
    return s;
}

#define CLASS(c) (1u << (c))

/* What stands before i and is a mailbox in angle brackets, or is nothing. */
static span mailbox_before(span text, size_t i)
{
    span s = chunk_before(text, i);

    return span_has(s, '@') ? s : SPAN_NONE;
}

static span take_field(span text, const struct rule *r, const struct explain_found *f)
{
    enum explain_field field = (enum explain_field)r->value;
    span s = SPAN_NONE;

    switch (field) {
    case EXPLAIN_FIELD_GREETING:
        s = r->side == RULE_AFTER ? chunk_after(text, f->end) : bracketed_before(text, f->at);
        return r->strength >= TAKE_SURE || looks_like_name(s) ? s : SPAN_NONE;
    case EXPLAIN_FIELD_CLIENT:
        return word_after(text, f->end, CLASS(WORD_IP));
    case EXPLAIN_FIELD_RECIPIENT:
    case EXPLAIN_FIELD_SENDER:
        if (r->side == RULE_BEFORE)
            return mailbox_before(text, f->at);
        return bare_mailbox(word_after(text, f->end, CLASS(WORD_MAILBOX)));
    case EXPLAIN_FIELD_REMOTE:
    case EXPLAIN_FIELD_REPORTER:
        return word_after(text, r->side == RULE_WITHIN ? f->at : f->end, CLASS(WORD_HOST));
    case EXPLAIN_FIELD_PTR:
    case EXPLAIN_FIELD_REMOTE_IP:
    case EXPLAIN_FIELD_COUNT:
        break;
    }
    return s;
}

/*
 * Exim writes the sending host as "H=ptr (greeting) [address]"; the greeting stands alone in
 * parentheses when there is no reverse name, and is left out when it equals it.
 */
static void exim_host(span text, struct explain_answer *a)
{
    size_t i = span_search(text, SPAN("H="));
    span host = span_head(span_skip(text, i + 2), 400), name;
    size_t open = span_find(host, '('), bracket = span_search(host, SPAN(" ["));

    if (i >= text.n || bracket >= host.n || open > bracket ||
        (i > 0 && !ascii_is_blank(text.p[i - 1])))
        return;
    name =
        span_head(span_skip(host, open + 1), span_rfind(span_head(host, bracket), ')') - open - 1);
    if (name.n > 0 && a->field[EXPLAIN_FIELD_GREETING].n == 0)
        a->field[EXPLAIN_FIELD_GREETING] = name;
}

/* "mx.example.org[192.0.2.1]" or "mx.example.org [192.0.2.1]": the address right behind a host. */
static void remote_address(span text, struct explain_answer *a)
{
    span host = a->field[EXPLAIN_FIELD_REMOTE];
    size_t end = host.n != 0 ? (size_t)(host.p - text.p) + host.n : 0;

    if (host.n == 0)
        return;
    if (at(text, end) == ' ')
        end++;
    if (at(text, end) == '[')
        a->field[EXPLAIN_FIELD_REMOTE_IP] = word_after(text, end, CLASS(WORD_IP));
}

/*
 * A wire trace: a line that ends in "EHLO name", whatever mark of direction it begins with.
 * The last one counts: after STARTTLS the greeting is said again.
 */
static void traced_greeting(span text, struct explain_answer *a)
{
    span rest = text, line;

    while (a->field[EXPLAIN_FIELD_GREETING].n == 0 && span_line(&rest, &line)) {
        size_t at = min_size(span_isearch(span_head(line, 60), SPAN("EHLO ")),
                             span_isearch(span_head(line, 60), SPAN("HELO ")));
        span before = span_trim(span_head(line, at)), name = span_trim(span_skip(line, at + 5));

        if (at < line.n && !span_has(name, ' ') && name.n > 0 && name.n < 256 &&
            (before.n == 0 || span_ends(before, SPAN(">")) || span_ends(before, SPAN(":"))))
            a->field[EXPLAIN_FIELD_GREETING] = name;
    }
}

/* Words that may stand between the greeting word and the name that was said. */
static const span links[] = {SPAN_INIT("command"),  SPAN_INIT("argument"), SPAN_INIT("name"),
                             SPAN_INIT("hostname"), SPAN_INIT("host"),     SPAN_INIT("domain"),
                             SPAN_INIT("string"),   SPAN_INIT("was"),      SPAN_INIT("or"),
                             SPAN_INIT("strings"),  SPAN_INIT("like"),     SPAN_INIT("as")};

static bool is_link(span s)
{
    for (size_t i = 0; i < COUNT(links); i++)
        if (span_ieq(s, links[i]))
            return true;
    return span_ieq(s, SPAN("helo")) || span_ieq(s, SPAN("ehlo"));
}

/* A name too short for looks_like_name, like app01: letters and digits, but no RFC number. */
static bool is_machine_label(span s)
{
    bool digit = false;

    for (size_t i = 0; i < s.n; i++) {
        digit |= ascii_is_digit(s.p[i]);
        if (!ascii_is_alnum(s.p[i]) && s.p[i] != '-' && s.p[i] != '_')
            return false;
    }
    return digit && s.n > 1 && ascii_is_alpha(s.p[0]) && !span_istarts(s, SPAN("RFC"));
}

/* The name behind the greeting word that ends at i: "EHLO app01", "HELO name was [192.0.2.1]". */
static span name_behind(span text, size_t i)
{
    span s = chunk_after(text, i);

    for (unsigned n = 0; n < LINK_WORDS && is_link(s); n++)
        s = chunk_after(text, (size_t)(s.p - text.p) + s.n);
    return looks_like_name(s) || is_machine_label(s) ? s : SPAN_NONE;
}

static bool is_greeting_word(span text, size_t i)
{
    span word = span_head(span_skip(text, i), 4);

    return (span_ieq(word, SPAN("HELO")) || span_ieq(word, SPAN("EHLO"))) &&
           (i == 0 || !ascii_is_alnum(text.p[i - 1])) && !ascii_is_alnum(at(text, i + 4));
}

/* The next HELO or EHLO that is a word by itself, from *end on; *end is moved behind it. */
static bool next_greeting_word(span text, size_t *end, size_t *out_begin)
{
    for (size_t i = *end; i + 4 <= text.n; i++) {
        if (!is_greeting_word(text, i))
            continue;
        *end = i + 4;
        *out_begin = i;
        return true;
    }
    return false;
}

/*
 * The name that was said stands next to the word for saying it, whoever writes: in angle
 * brackets before it, or behind it. Far from the reply it is an example.
 */
static void named_greeting(const struct explain_work *w, span text, struct explain_answer *a)
{
    size_t end = 0, begin;

    for (unsigned n = 0; n < GREETING_WORDS && a->field[EXPLAIN_FIELD_GREETING].n == 0; n++) {
        span name;

        if (!next_greeting_word(text, &end, &begin))
            return;
        if (!match_is_near(w, begin, end, EXAMPLE_BYTES))
            continue;
        name = bracketed_before(text, begin);
        if (name.n == 0 || name.p == text.p || name.p[-1] != '<' || span_has(name, '@'))
            name = name_behind(text, end);
        a->field[EXPLAIN_FIELD_GREETING] = name;
    }
}

struct best {
    unsigned stage;
    unsigned printer;
    unsigned reporter;
    unsigned field[EXPLAIN_FIELD_COUNT];
};

/* What is taken next to a word as common as HELO, far from the reply. */
static bool is_example(const struct explain_work *w, const struct rule *r,
                       const struct explain_found *f)
{
    return r->value == EXPLAIN_FIELD_GREETING && r->strength < TAKE_SURE &&
           !match_is_near(w, f->at, f->end, EXAMPLE_BYTES);
}

static void take(struct best *best, span text, const struct rule *r, const struct explain_found *f,
                 struct explain_answer *a)
{
    span s;

    if (best->field[r->value] >= r->strength)
        return;
    s = take_field(text, r, f);
    if (s.n == 0)
        return;
    a->field[r->value] = s;
    best->field[r->value] = r->strength;
}

static void use_clause(struct best *best, const struct explain_work *w, span text,
                       const struct rule_clause *c, struct explain_answer *a)
{
    const struct explain_found *f = &w->found[c->term[0]];
    const struct rule *r = &rules[c->rule];

    switch (r->kind) {
    case RULE_STAGE:
        if (best->stage < r->strength)
            a->stage = (enum explain_stage)r->value;
        best->stage = best->stage < r->strength ? r->strength : best->stage;
        break;
    case RULE_PRINTER:
        if (best->printer < r->strength)
            a->software = rule_software[r->value];
        best->printer = best->printer < r->strength ? r->strength : best->printer;
        break;
    case RULE_REPORTER:
        if (best->reporter < r->strength)
            a->reporter = rule_software[r->value];
        best->reporter = best->reporter < r->strength ? r->strength : best->reporter;
        break;
    case RULE_TAKE:
        if (!is_example(w, r, f))
            take(best, text, r, f, a);
        break;
    case RULE_CAUSE:
    case RULE_CUT:
        break;
    }
}

void facts_find(const struct explain_work *w, span text, struct explain_answer *a)
{
    struct best best = {0};

    for (size_t i = 0; i < w->clause_n; i++)
        use_clause(&best, w, text, &rule_clauses[w->clauses[i]], a);
    exim_host(text, a);
    traced_greeting(text, a);
    named_greeting(w, text, a);
    remote_address(text, a);
}
