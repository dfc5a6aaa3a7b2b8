/* SPDX-License-Identifier: ISC */
#include "config/lex.h"

#include "base/ascii.h"
#include "base/escape.h"

struct config_lex config_lex_over(span text)
{
    return (struct config_lex){text, 1, text.p};
}

static bool is_sign(char c)
{
    return span_has(SPAN("=;{}[],"), c);
}

static bool is_word(char c)
{
    return c != '"' && c != '#' && c != ' ' && !ascii_is_control(c) && !is_sign(c);
}

static void take_line(struct config_lex *lex)
{
    lex->rest = span_skip(lex->rest, 1);
    lex->line++;
    lex->line_start = lex->rest.p;
}

/* Skip blanks, ends of line and comments; true when a new line began. */
static bool skip_blank(struct config_lex *lex)
{
    bool first = false;

    while (lex->rest.n != 0) {
        char c = lex->rest.p[0];

        if (c == '\n') {
            take_line(lex);
            first = true;
        } else if (c == '#') {
            lex->rest = span_skip(lex->rest, span_find(lex->rest, '\n'));
        } else if (ascii_is_blank(c) || c == '\r') {
            lex->rest = span_skip(lex->rest, 1);
        } else {
            break;
        }
    }
    return first;
}

/* Octets up to the closing quote; rest.n when the line ends before it. */
static size_t string_length(span rest)
{
    for (size_t i = 1; i < rest.n && rest.p[i] != '\n'; i++) {
        if (rest.p[i] == '"')
            return i;
        if (rest.p[i] == '\\' && i + 1 < rest.n && rest.p[i + 1] != '\n')
            i++;
    }
    return rest.n;
}

static void take_string(struct config_lex *lex, struct config_token *t)
{
    size_t end = string_length(lex->rest);

    if (end == lex->rest.n) {
        t->kind = CONFIG_TOKEN_BAD;
        t->wrong = "the string is not closed on its line";
        t->text = span_head(lex->rest, span_find(lex->rest, '\n'));
        lex->rest = span_skip(lex->rest, t->text.n);
        return;
    }
    t->kind = CONFIG_TOKEN_STRING;
    t->text = span_of(lex->rest.p + 1, end - 1);
    lex->rest = span_skip(lex->rest, end + 1);
    if (!escape_is_utf8(t->text)) {
        t->kind = CONFIG_TOKEN_BAD;
        t->wrong = "the string is not UTF-8";
    }
}

static void take_word(struct config_lex *lex, struct config_token *t)
{
    size_t n = 0;

    while (n < lex->rest.n && is_word(lex->rest.p[n]))
        n++;
    t->kind = CONFIG_TOKEN_WORD;
    if (n == 0) {
        t->kind = CONFIG_TOKEN_BAD;
        t->wrong = "a control octet";
        n = 1;
    }
    t->text = span_head(lex->rest, n);
    lex->rest = span_skip(lex->rest, n);
}

struct config_token config_lex_next(struct config_lex *lex)
{
    bool at_start = lex->line == 1 && lex->rest.p == lex->line_start;
    struct config_token t = {.first = skip_blank(lex) || at_start};

    t.line = lex->line;
    t.column = (unsigned)(lex->rest.p - lex->line_start) + 1;
    if (lex->rest.n == 0)
        return t;
    if (is_sign(lex->rest.p[0])) {
        t.kind = CONFIG_TOKEN_SIGN;
        t.sign = lex->rest.p[0];
        t.text = span_head(lex->rest, 1);
        lex->rest = span_skip(lex->rest, 1);
    } else if (lex->rest.p[0] == '"') {
        take_string(lex, &t);
    } else {
        take_word(lex, &t);
    }
    return t;
}
