/* SPDX-License-Identifier: ISC */
#include "config/table.h"

#include "base/ascii.h"

void config_table_bad(struct config_table *t, span found, const char *why)
{
    t->bad++;
    if (t->secret)
        found = span_head(found, span_find(found, ':'));
    if (t->bad <= CONFIG_TABLE_WARNINGS_MAX)
        config_load_warn(t->load, &t->where, found, why);
}

/* ---- lines ---- */

static bool is_skipped(span line)
{
    line = span_trim(line);
    return line.n == 0 || line.p[0] == '#';
}

static bool is_continued(span rest)
{
    return rest.n != 0 && (ascii_is_blank(rest.p[0]) || rest.p[0] == '#' || rest.p[0] == '\n' ||
                           rest.p[0] == '\r');
}

/* Ends of line and what is skipped inside of a joined line become blanks: it is our own copy. */
static void blank_out(char *text, size_t n)
{
    for (size_t i = 0; i < n; i++)
        text[i] = ' ';
}

/* A line, which begins at text, and those that continue it; *n_lines counts them. */
static bool joined_line(char *text, span *rest, span *out, unsigned *n_lines)
{
    span line;

    *n_lines = 1;
    if (!span_line(rest, out))
        return false;
    while (!is_skipped(*out) && is_continued(*rest)) {
        size_t end = out->n;

        span_line(rest, &line);
        (*n_lines)++;
        *out = span_of(text, (size_t)(line.p - text) + line.n);
        blank_out(text + end, out->n - line.n - end);
        if (is_skipped(line))
            blank_out(text + out->n - line.n, line.n);
    }
    return true;
}

/* ---- entries ---- */

static span take_word(span *rest, bool colon_ends)
{
    size_t n = 0;
    span word;

    while (n < rest->n && !ascii_is_blank(rest->p[n]) && !(colon_ends && rest->p[n] == ':'))
        n++;
    word = span_head(*rest, n);
    *rest = span_trim(span_skip(*rest, n));
    return word;
}

/* "key with blanks": the quotes are not of it; a backslash takes the octet behind it as it is. */
static span take_quoted(span *rest)
{
    size_t n = 1;
    span word;

    while (n < rest->n && rest->p[n] != '"')
        n += rest->p[n] == '\\' ? 2 : 1;
    word = span_head(span_skip(*rest, 1), n - 1);
    *rest = span_trim(span_skip(*rest, n + 1));
    return word;
}

static const char *add_entry(struct config_table *t, enum config_table_form form, span line)
{
    span key;

    if (form == CONFIG_TABLE_LINES || form == CONFIG_TABLE_JOINED)
        return t->add(t, line, SPAN_NONE);
    if (form != CONFIG_TABLE_POSTFIX && line.p[0] == '"')
        key = take_quoted(&line);
    else
        key = take_word(&line, form != CONFIG_TABLE_POSTFIX);
    if (form != CONFIG_TABLE_POSTFIX && span_starts(line, SPAN(":")))
        line = span_trim(span_skip(line, 1));
    return form == CONFIG_TABLE_VALUES ? t->add(t, line, key) : t->add(t, key, line);
}

static bool next_line(const struct config_source *text, enum config_table_form form, span *rest,
                      span *out, unsigned *n_lines)
{
    *n_lines = 1;
    if (form == CONFIG_TABLE_LINES)
        return span_line(rest, out);
    return joined_line(text->p + (rest->p - text->p), rest, out, n_lines);
}

/* Editors of other systems put a mark in front of UTF-8 (RFC 3629 6). */
static span without_mark(span text)
{
    static const span mark = SPAN_INIT("\xef\xbb\xbf");

    return span_starts(text, mark) ? span_skip(text, mark.n) : text;
}

void config_table_parse(struct config_table *t, enum config_table_form form,
                        const struct config_source *text)
{
    span rest = without_mark(config_source_span(text));
    unsigned n_lines;
    span line;

    t->bad = 0;
    for (t->where.line = 1; rest.n != 0 && next_line(text, form, &rest, &line, &n_lines);
         t->where.line += n_lines) {
        const char *why;

        line = span_trim(line);
        why = is_skipped(line) ? NULL : add_entry(t, form, line);
        if (why != NULL)
            config_table_bad(t, line, why);
    }
}

/* ---- files ---- */

static bool open_file(struct config_load *load, const struct config_where *where, span path,
                      struct config_source *out_text)
{
    enum err e;
    int sys = 0;

    if (path.n == 0 || span_has(path, '\0')) {
        config_load_complain(load, where, path, "not the path of a file");
        return false;
    }
    path = config_tree_path_from(load->pool, path, where->file);
    config_watch_add(load->c, path);
    e = config_source_read(path.p, CONFIG_TABLE_MAX_BYTES, out_text, &sys);
    if (e != ERR_OK)
        config_load_complain(load, where, path, sys != 0 ? strerror(sys) : err_text(e));
    return e == ERR_OK;
}

static void warn_of_others(struct config_table *t)
{
    char memory[24];
    struct buf number = BUF_OVER(memory);

    buf_put_u64(&number, t->bad);
    t->where.line = 0;
    config_load_warn(t->load, &t->where, buf_span(&number),
                     "more lines are bad than are named here: so many in all");
}

bool config_table_read(struct config_table *t, const struct config_where *where,
                       enum config_table_form form, span path)
{
    struct config_source text;

    if (!open_file(t->load, where, path, &text))
        return false;
    t->where =
        (struct config_where){config_tree_path_from(t->load->pool, path, where->file).p, 0, 0};
    config_table_parse(t, form, &text);
    if (t->bad > CONFIG_TABLE_WARNINGS_MAX)
        warn_of_others(t);
    if (t->secret)
        explicit_bzero(text.p, text.n);
    config_source_free(&text);
    return true;
}

bool config_table_source(span text, enum config_table_form *out_form, span *out_path)
{
    static const struct {
        span word;
        enum config_table_form form;
    } forms[] = {
        {SPAN_INIT("file:"), CONFIG_TABLE_LINES},     {SPAN_INIT("postfix:"), CONFIG_TABLE_POSTFIX},
        {SPAN_INIT("exim:"), CONFIG_TABLE_EXIM},      {SPAN_INIT("mailhelo:"), CONFIG_TABLE_VALUES},
        {SPAN_INIT("mailips:"), CONFIG_TABLE_VALUES},
    };

    for (size_t i = 0; i < COUNT(forms); i++) {
        if (!span_starts(text, forms[i].word))
            continue;
        *out_form = forms[i].form;
        *out_path = span_skip(text, forms[i].word.n);
        return true;
    }
    return false;
}

bool config_table_read_list(struct config_table *t, const struct config_value *list)
{
    bool fine = list->kind == CONFIG_LIST;

    if (!fine)
        config_load_complain(t->load, &list->where, list->text, NULL);
    for (const struct config_value *v = list->items; v != NULL; v = v->next) {
        enum config_table_form form;
        const char *why = "not a value of this list";
        span path;

        if (v->kind == CONFIG_STRING && config_table_source(v->text, &form, &path)) {
            fine = config_table_read(t, &v->where, form, path) && fine;
            continue;
        }
        t->where = v->where;
        if (v->kind == CONFIG_STRING || v->kind == CONFIG_WORD)
            why = t->add(t, v->text, SPAN_NONE);
        if (why != NULL) {
            config_load_complain(t->load, &v->where, v->text, why);
            fine = false;
        }
    }
    return fine;
}
