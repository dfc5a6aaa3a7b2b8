/* SPDX-License-Identifier: ISC */
#include "config/tree.h"

#include <stdlib.h>

#include "base/ascii.h"
#include "base/escape.h"
#include "config/lex.h"
#include "config/source.h"

struct parser {
    struct config_parse *p;
    const char *file;
    struct config_lex lex;
    struct config_token now;
    unsigned depth;
};

static struct config_node **statements(struct parser *r, struct config_node **tail);
static struct config_value *value_parse(struct parser *r);

static void advance(struct parser *r)
{
    r->now = config_lex_next(&r->lex);
}

static bool at_sign(const struct parser *r, char sign)
{
    return r->now.kind == CONFIG_TOKEN_SIGN && r->now.sign == sign;
}

static struct config_where here(const struct parser *r)
{
    return (struct config_where){r->file, r->now.line, r->now.column};
}

static void complain(struct config_parse *p, const struct config_where *where, span found,
                     const char *text, const char *allowed)
{
    struct config_problem problem = {.line = where->line, .column = where->column};
    struct buf b = buf_over(problem.found, sizeof problem.found - 1);

    escape_text(&b, found, ESCAPE_CUT_BYTES);
    b = buf_over(problem.file, sizeof problem.file - 1);
    buf_put(&b, span_head(span_cstr(where->file), sizeof problem.file - 1));
    b = buf_over(problem.text, sizeof problem.text - 1);
    buf_put(&b, span_head(span_cstr(text), sizeof problem.text - 1));
    b = buf_over(problem.allowed, sizeof problem.allowed - 1);
    buf_put(&b, span_cstr(allowed));
    config_problems_add(p->problems, &problem);
}

/* The token at hand is wrong; a bad token says why itself. */
static void unexpected(struct parser *r, const char *text, const char *allowed)
{
    struct config_where where = here(r);
    bool bad = r->now.kind == CONFIG_TOKEN_BAD;

    complain(r->p, &where, r->now.text.n != 0 ? r->now.text : SPAN("end of file"),
             bad ? r->now.wrong : text, bad ? "" : allowed);
}

/* After an error: on to the end of this setting. What is in brackets of its own is skipped. */
static void recover(struct parser *r)
{
    unsigned open = 0;

    for (; r->now.kind != CONFIG_TOKEN_END; advance(r)) {
        char sign = r->now.kind == CONFIG_TOKEN_SIGN ? r->now.sign : '\0';

        if (open == 0 && (sign == ';' || sign == '}'))
            break;
        if (open == 0 && r->now.first && r->now.kind == CONFIG_TOKEN_WORD)
            return;
        if (sign == '{' || sign == '[')
            open++;
        else if ((sign == '}' || sign == ']') && open != 0)
            open--;
    }
    if (at_sign(r, ';'))
        advance(r);
}

static bool unescape_one(span *rest, struct buf *b)
{
    static const span from = SPAN_INIT("\"\\nt"), to = SPAN_INIT("\"\\\n\t");
    char c = rest->n != 0 ? rest->p[0] : '\0';
    size_t known = span_find(from, c);

    if (rest->n != 0 && known < from.n) {
        buf_putc(b, to.p[known]);
        *rest = span_skip(*rest, 1);
        return true;
    }
    if (c == 'x' && rest->n >= 3 && ascii_hex(rest->p[1]) >= 0 && ascii_hex(rest->p[2]) >= 0) {
        int octet = ascii_hex(rest->p[1]) * 16 + ascii_hex(rest->p[2]);

        buf_putc(b, (char)octet);
        *rest = span_skip(*rest, 3);
        return octet != 0;
    }
    return false;
}

/* The string at hand with its escapes resolved; complains and gives false when they are wrong. */
static bool string_take(struct parser *r, span *out)
{
    span rest = r->now.text;
    struct buf b = buf_over(config_pool_take(r->p->pool, rest.n + 1), rest.n);

    while (rest.n != 0) {
        size_t plain = span_find(rest, '\\');

        buf_put(&b, span_head(rest, plain));
        if (plain == rest.n)
            break;
        rest = span_skip(rest, plain + 1);
        if (!unescape_one(&rest, &b)) {
            unexpected(r, "an escape that is not known", "\\\" \\\\ \\n \\t \\xHH (not 00)");
            return false;
        }
    }
    *out = buf_span(&b);
    advance(r);
    return true;
}

static bool depth_enter(struct parser *r)
{
    if (r->depth == CONFIG_DEPTH_MAX) {
        unexpected(r, "blocks and lists are nested too deeply", "");
        return false;
    }
    r->depth++;
    return true;
}

/* "[" has been seen. */
static bool list_parse(struct parser *r, struct config_value *list)
{
    struct config_value **tail = &list->items;

    advance(r);
    while (!at_sign(r, ']')) {
        *tail = value_parse(r);
        if (*tail == NULL)
            return false;
        tail = &(*tail)->next;
        if (at_sign(r, ',')) {
            advance(r);
        } else if (!at_sign(r, ']')) {
            unexpected(r, "the list goes on wrongly", "a comma or ]");
            return false;
        }
    }
    advance(r);
    return true;
}

/* "{" has been seen. */
static bool braces_parse(struct parser *r, struct config_node **nodes)
{
    struct config_where open = here(r);

    advance(r);
    statements(r, nodes);
    if (!at_sign(r, '}')) {
        complain(r->p, &open, SPAN("{"), "the brace is not closed", "");
        return false;
    }
    advance(r);
    return true;
}

static bool nested_parse(struct parser *r, struct config_value *v)
{
    bool fine;

    if (!depth_enter(r))
        return false;
    v->kind = at_sign(r, '[') ? CONFIG_LIST : CONFIG_OBJECT;
    fine = v->kind == CONFIG_LIST ? list_parse(r, v) : braces_parse(r, &v->nodes);
    r->depth--;
    return fine;
}

/* NULL when there is no value (complained about). */
static struct config_value *value_parse(struct parser *r)
{
    struct config_value *v = config_pool_take(r->p->pool, sizeof *v);

    v->where = here(r);
    if (at_sign(r, '[') || at_sign(r, '{'))
        return nested_parse(r, v) ? v : NULL;
    if (r->now.kind == CONFIG_TOKEN_STRING) {
        v->kind = CONFIG_STRING;
        return string_take(r, &v->text) ? v : NULL;
    }
    if (r->now.kind != CONFIG_TOKEN_WORD || r->now.text.n > CONFIG_WORD_MAX_BYTES) {
        unexpected(r, "a value is missing", "a word, a number, a \"string\", [ ] or { }");
        return NULL;
    }
    v->kind = CONFIG_WORD;
    v->text = config_pool_copy(r->p->pool, r->now.text);
    advance(r);
    return v;
}

/* A setting ends with ";", at the end of its line or before "}". */
static bool setting_end(struct parser *r)
{
    if (at_sign(r, ';')) {
        advance(r);
        return true;
    }
    if (r->now.first || r->now.kind == CONFIG_TOKEN_END || at_sign(r, '}'))
        return true;
    unexpected(r, "the setting does not end", "; or the end of the line");
    return false;
}

static bool setting_parse(struct parser *r, struct config_node *node)
{
    advance(r);
    node->value = value_parse(r);
    return node->value != NULL && setting_end(r);
}

static bool block_parse(struct parser *r, struct config_node *node)
{
    bool fine;

    if (!at_sign(r, '{')) {
        unexpected(r, "neither a setting nor a block", "= or {");
        return false;
    }
    if (!depth_enter(r))
        return false;
    fine = braces_parse(r, &node->nodes);
    r->depth--;
    if (fine && at_sign(r, ';'))
        advance(r);
    return fine;
}

/* "include" has been seen; gives the new tail. */
static struct config_node **include_parse(struct parser *r, struct config_node **tail)
{
    struct config_where where = here(r);
    span path;

    if (r->now.kind != CONFIG_TOKEN_STRING) {
        unexpected(r, "include needs the path of a file", "\"path\"");
        recover(r);
        return tail;
    }
    if (!string_take(r, &path) || !setting_end(r)) {
        recover(r);
        return tail;
    }
    *tail = config_tree_parse_file(r->p, path, &where);
    while (*tail != NULL)
        tail = &(*tail)->next;
    return tail;
}

/* Behind the key: a name perhaps, then a setting or a block. */
static bool rest_parse(struct parser *r, struct config_node *node)
{
    if (r->now.kind == CONFIG_TOKEN_STRING) {
        node->is_named = true;
        if (!string_take(r, &node->name))
            return false;
    }
    return at_sign(r, '=') ? setting_parse(r, node) : block_parse(r, node);
}

/* One statement; gives the new tail. */
static struct config_node **statement(struct parser *r, struct config_node **tail)
{
    struct config_node *node = config_pool_take(r->p->pool, sizeof *node);
    bool fine;

    node->where = here(r);
    if (r->now.kind != CONFIG_TOKEN_WORD || r->now.text.n > CONFIG_WORD_MAX_BYTES) {
        unexpected(r, "a key is missing", "key = value or section { }");
        advance(r);
        recover(r);
        return tail;
    }
    node->key = config_pool_copy(r->p->pool, r->now.text);
    advance(r);
    if (span_eq(node->key, SPAN("include")) && !at_sign(r, '='))
        return include_parse(r, tail);
    fine = rest_parse(r, node);
    if (!fine)
        recover(r);
    if (!fine && node->value == NULL)
        return tail;
    *tail = node;
    return &node->next;
}

/* Statements up to "}" or the end; gives the new tail. */
static struct config_node **statements(struct parser *r, struct config_node **tail)
{
    while (r->now.kind != CONFIG_TOKEN_END && !(at_sign(r, '}') && r->depth != 0))
        tail = statement(r, tail);
    return tail;
}

struct config_node *config_tree_parse(struct config_parse *p, const char *file, span text)
{
    struct parser r = {.p = p, .file = file, .lex = config_lex_over(text)};
    struct config_node *nodes = NULL;

    advance(&r);
    statements(&r, &nodes);
    return nodes;
}

span config_tree_path_from(struct config_pool *pool, span path, const char *file)
{
    span dir = span_cstr(file);
    size_t slash = span_rfind(dir, '/');
    struct buf b;

    if (path.n == 0 || path.p[0] == '/' || slash == dir.n)
        return config_pool_copy(pool, path);
    b = buf_over(config_pool_take(pool, slash + 1 + path.n + 1), slash + 1 + path.n);
    buf_put(&b, span_head(dir, slash + 1));
    buf_put(&b, path);
    return buf_span(&b);
}

struct config_node *config_tree_parse_file(struct config_parse *p, span path,
                                           const struct config_where *from)
{
    span whole = config_tree_path_from(p->pool, path, from->file);
    struct config_node *nodes;
    struct config_source text;
    int sys;
    enum err e;

    if (p->includes == CONFIG_INCLUDES_MAX) {
        complain(p, from, path, "files include each other too deeply", "");
        return NULL;
    }
    if (span_has(whole, '\0') || whole.n == 0) {
        complain(p, from, path, "not a path", "");
        return NULL;
    }
    e = config_source_read(whole.p, CONFIG_TEXT_MAX_BYTES, &text, &sys);
    if (e != ERR_OK) {
        complain(p, from, path, sys != 0 ? strerror(sys) : err_text(e), "a file that can be read");
        return NULL;
    }
    p->includes++;
    nodes = config_tree_parse(p, whole.p, config_source_span(&text));
    p->includes--;
    config_source_free(&text);
    return nodes;
}

static void put_string(struct buf *b, span s)
{
    buf_putc(b, '"');
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];

        if (c == '"' || c == '\\')
            buf_printf(b, "\\%c", c);
        else if (ascii_is_control(c))
            buf_printf(b, "\\x%02x", (unsigned)(unsigned char)c);
        else
            buf_putc(b, c);
    }
    buf_putc(b, '"');
}

void config_tree_put_value(struct buf *b, const struct config_value *value)
{
    switch (value->kind) {
    case CONFIG_WORD:
        buf_put(b, value->text);
        break;
    case CONFIG_STRING:
        put_string(b, value->text);
        break;
    case CONFIG_LIST:
        buf_putc(b, '[');
        for (const struct config_value *v = value->items; v != NULL; v = v->next) {
            config_tree_put_value(b, v);
            buf_put(b, v->next != NULL ? SPAN(", ") : SPAN_NONE);
        }
        buf_putc(b, ']');
        break;
    case CONFIG_OBJECT:
        buf_put(b, SPAN("{ "));
        for (const struct config_node *n = value->nodes; n != NULL; n = n->next) {
            buf_put(b, n->key);
            buf_put(b, SPAN(" = "));
            if (n->value != NULL)
                config_tree_put_value(b, n->value);
            buf_put(b, SPAN("; "));
        }
        buf_putc(b, '}');
        break;
    }
}
