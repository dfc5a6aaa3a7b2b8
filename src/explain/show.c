/* SPDX-License-Identifier: ISC */
#include "explain/show.h"

#include "base/escape.h"

/* Columns of text for a person. */
#define COLUMNS 88
/* Room for one filled-in sentence. */
#define SENTENCE_BYTES 2048
#define QUOTE_BYTES    300

static struct explain_facts facts_of(const struct explain_answer *a)
{
    span greeting = a->field[EXPLAIN_FIELD_GREETING], client = a->field[EXPLAIN_FIELD_CLIENT];

    return (struct explain_facts){
        .greeting = greeting.n != 0 ? greeting : SPAN("the greeting that was sent"),
        .client = client.n != 0 ? client : SPAN("the sending address"),
        .ptr = a->field[EXPLAIN_FIELD_PTR],
    };
}

static void put_string(struct buf *b, const char *key, span value)
{
    buf_printf(b, ",\"%s\":", key);
    if (value.n != 0)
        escape_json(b, value);
    else
        buf_put(b, SPAN("null"));
}

static void put_cstr(struct buf *b, const char *key, const char *value)
{
    put_string(b, key, span_cstr(value));
}

static void put_alternatives(struct buf *b, const struct explain_answer *a)
{
    struct explain_facts facts = facts_of(a);

    buf_put(b, SPAN(",\"alternatives\":["));
    for (size_t i = 0; i < a->alternatives; i++) {
        char memory[SENTENCE_BYTES];
        struct buf decide = BUF_OVER(memory);

        explain_fill(&decide, a->alternative[i].decide, &facts);
        buf_printf(b, "%s{\"cause\":\"%s\",\"decide\":", i > 0 ? "," : "",
                   a->alternative[i].page->id);
        escape_json(b, buf_span(&decide));
        buf_putc(b, '}');
    }
    buf_putc(b, ']');
}

static void put_evidence(struct buf *b, const struct explain_answer *a)
{
    buf_put(b, SPAN(",\"evidence\":["));
    for (size_t i = 0; i < a->evidences; i++) {
        if (i > 0)
            buf_putc(b, ',');
        escape_json(b, span_head(a->evidence[i], QUOTE_BYTES));
    }
    buf_putc(b, ']');
}

static void put_fixes(struct buf *b, const struct explain_answer *a)
{
    buf_put(b, SPAN(",\"fixes\":["));
    for (size_t i = 0; i < a->fixes; i++) {
        buf_printf(b, "%s{\"software\":\"%s\",\"line\":", i > 0 ? "," : "", a->fix[i]->software);
        escape_json(b, span_cstr(a->fix[i]->line));
        buf_putc(b, '}');
    }
    buf_put(b, SPAN("]"));
}

static void put_code(struct buf *b, const struct explain_answer *a)
{
    if (a->code != 0)
        buf_printf(b, ",\"code\":%u", a->code);
    else
        buf_put(b, SPAN(",\"code\":null"));
    put_string(b, "enhanced", a->enhanced);
    buf_printf(b, ",\"permanent\":%s",
               !a->permanent_known ? "null"
               : a->permanent      ? "true"
                                   : "false");
}

void explain_show_json(struct buf *b, const struct explain_answer *a)
{
    buf_printf(b, "{\"cause\":\"%s\"", a->page->id);
    put_alternatives(b, a);
    buf_printf(b, ",\"branch\":\"%s\",\"confidence\":%u.%02u", a->page->branch, a->confidence / 100,
               a->confidence % 100);
    put_string(b, "greeting", a->field[EXPLAIN_FIELD_GREETING]);
    put_string(b, "client", a->field[EXPLAIN_FIELD_CLIENT]);
    put_cstr(b, "stage", explain_stage_text(a->stage));
    buf_printf(b, ",\"late\":%s", a->late ? "true" : "false");
    put_code(b, a);
    put_cstr(b, "who", explain_who_text(a->who));
    put_cstr(b, "software", a->software);
    put_string(b, "recipient", a->field[EXPLAIN_FIELD_RECIPIENT]);
    put_evidence(b, a);
    put_fixes(b, a);
    put_cstr(b, "title", a->page->title);
    put_string(b, "reply", span_head(a->reply, QUOTE_BYTES));
    put_string(b, "remote", a->field[EXPLAIN_FIELD_REMOTE]);
    put_string(b, "reporter", a->field[EXPLAIN_FIELD_REPORTER]);
    put_cstr(b, "sender_software", a->reporter);
    put_cstr(b, "rule", a->rule);
    put_cstr(b, "looked_up", a->told);
    buf_putc(b, '}');
}

/* --- for a person --- */

struct page_out {
    struct buf *b;
    struct explain_facts facts;
    bool color;
};

/*
 * A word of the text, or a line of its own, wrapped at COLUMNS behind a margin of 11. On the first
 * line stand `column` octets already.
 */
static void put_wrapped_from(struct buf *b, size_t column, span text)
{
    bool begun = false;
    span line, word;

    while (span_line(&text, &line)) {
        if (begun && column > 0) {
            buf_put(b, SPAN("\n           "));
            column = 0;
        }
        begun = true;
        while (span_split(&line, ' ', &word)) {
            if (column > 0 && column + 1 + word.n > COLUMNS - 11) {
                buf_put(b, SPAN("\n           "));
                column = 0;
            }
            if (column > 0)
                buf_putc(b, ' ');
            buf_put(b, word);
            column += word.n + 1;
        }
    }
    buf_putc(b, '\n');
}

static void put_wrapped(struct buf *b, span text)
{
    put_wrapped_from(b, 0, text);
}

static void put_label(const struct page_out *o, const char *label)
{
    buf_printf(o->b, "%s%-10s%s ", o->color ? "\033[1m" : "", label, o->color ? "\033[0m" : "");
}

/* "label     text", the text filled in and wrapped; nothing for an empty text. */
static void put_row(const struct page_out *o, const char *label, const char *text)
{
    char memory[SENTENCE_BYTES];
    struct buf filled = BUF_OVER(memory);

    if (text == NULL || text[0] == '\0')
        return;
    put_label(o, label);
    explain_fill(&filled, text, &o->facts);
    put_wrapped(o->b, filled.overflow ? span_cstr(text) : buf_span(&filled));
}

static void put_quote(const struct page_out *o, const char *label, span text)
{
    char memory[4 * QUOTE_BYTES + 8];
    struct buf escaped = BUF_OVER(memory);

    if (text.n == 0)
        return;
    put_label(o, label);
    escape_text(&escaped, text, QUOTE_BYTES);
    put_wrapped(o->b, buf_span(&escaped));
}

static void put_stage(const struct page_out *o, const struct explain_answer *a)
{
    if (a->stage == EXPLAIN_NO_STAGE)
        return;
    put_label(o, "stage");
    buf_printf(o->b, "%s%s\n", explain_stage_text(a->stage),
               a->late ? ": said late; the fault was there at the greeting, not in this command"
                       : "");
}

static void put_seen(const struct page_out *o, const struct explain_answer *a)
{
    put_quote(o, "it said", a->reply);
    for (size_t i = 0; i < a->evidences; i++)
        put_quote(o, i == 0 ? "because of" : "and of", a->evidence[i]);
    put_quote(o, "greeting", a->field[EXPLAIN_FIELD_GREETING]);
    put_quote(o, "client", a->field[EXPLAIN_FIELD_CLIENT]);
    put_quote(o, "refused by", a->field[EXPLAIN_FIELD_REMOTE]);
    put_quote(o, "recipient", a->field[EXPLAIN_FIELD_RECIPIENT]);
    put_stage(o, a);
}

static void put_choices(const struct page_out *o, const struct explain_answer *a)
{
    for (size_t i = 0; i < a->alternatives; i++) {
        put_row(o, i == 0 ? "or rather" : "", a->alternative[i].page->title);
        put_row(o, "  decide by", a->alternative[i].decide);
    }
}

static void put_fix_rows(const struct page_out *o, const struct explain_answer *a)
{
    for (size_t i = 0; i < a->fixes; i++) {
        put_label(o, i == 0 ? "do" : "");
        buf_printf(o->b, "%s%s:%s", o->color ? "\033[32m" : "", a->fix[i]->name,
                   o->color ? "\033[0m" : "");
        put_wrapped_from(o->b, strlen(a->fix[i]->name) + 1, span_cstr(a->fix[i]->line));
    }
}

/* Which lines there are, where the text does not show whose software it is about. */
static void put_other_fixes(const struct page_out *o, const struct explain_answer *a)
{
    char memory[SENTENCE_BYTES];
    struct buf names = BUF_OVER(memory);

    if (a->fixes != 1 || strcmp(a->fix[0]->software, "any") != 0)
        return;
    for (size_t i = 0; i < explain_fix_count; i++)
        if (strcmp(explain_fixes[i].topic, a->page->fix) == 0 && &explain_fixes[i] != a->fix[0])
            buf_printf(&names, "%s%s", names.n == 0 ? "" : ", ", explain_fixes[i].software);
    if (names.n == 0 || names.overflow)
        return;
    put_label(o, "");
    buf_printf(o->b, "The line for one of these: herald explain --software NAME\n");
    put_label(o, "");
    put_wrapped(o->b, buf_span(&names));
}

static const char *who_words(enum explain_who who)
{
    static const char *const words[EXPLAIN_WHO_COUNT] = {
        [EXPLAIN_SENDER] = "whoever runs the sending host or program",
        [EXPLAIN_RECEIVER] = "whoever runs the refusing server",
        [EXPLAIN_RECIPIENT] = "the owner of the mailbox",
        [EXPLAIN_NETWORK] = "the owner of the sending address (hosting provider, carrier)",
        [EXPLAIN_AUTHOR] = "whoever wrote the message",
        [EXPLAIN_NOBODY] = "nobody: it passes by itself",
        [EXPLAIN_UNDECIDED] = "not decided by the text",
    };

    return words[who];
}

void explain_show_text(struct buf *b, const struct explain_answer *a, bool color)
{
    struct page_out o = {b, facts_of(a), color};

    put_label(&o, "cause");
    buf_printf(b, "%s%s%s (%s, %u %%)\n", color ? "\033[31m" : "", a->page->title,
               color ? "\033[0m" : "", a->page->id, a->confidence);
    put_seen(&o, a);
    put_row(&o, "looked up", a->told);
    put_choices(&o, a);
    put_row(&o, "why", a->page->why);
    put_row(&o, "who acts", who_words(a->who));
    put_row(&o, "mend it", a->page->sender);
    put_fix_rows(&o, a);
    put_other_fixes(&o, a);
    put_row(&o, "receiver", a->page->receiver);
}
