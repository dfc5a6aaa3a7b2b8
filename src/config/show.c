/* SPDX-License-Identifier: ISC */
#include "config/show.h"

#include "base/escape.h"
#include "config/load.h"

/* ---- the effective configuration ---- */

static void put_origin(struct buf *b, const struct config_setting *s)
{
    if (s->origin != NULL) {
        buf_put(b, span_cstr(s->origin));
        return;
    }
    buf_put(b, span_cstr(s->value->where.file));
    if (s->value->where.file == config_own_text) /* a block of ours has no line to look at */
        return;
    buf_putc(b, ':');
    buf_put_u64(b, s->value->where.line);
}

static bool same_block(const struct config_setting *a, const struct config_setting *b)
{
    return strcmp(a->key->section, b->key->section) == 0 && span_eq(a->block, b->block);
}

static void put_block_start(struct buf *b, const struct config_setting *s)
{
    if (s->key->section[0] == '\0')
        return;
    buf_printf(b, "\n%s ", s->key->section);
    if (s->block.n != 0) {
        escape_json(b, s->block);
        buf_putc(b, ' ');
    }
    buf_put(b, SPAN("{\n"));
}

void config_show_put(struct buf *b, const struct config *c)
{
    const struct config_setting *all = c->store->settings, *before = NULL;

    for (size_t i = 0; i < c->store->n_settings; i++) {
        const struct config_setting *s = &all[i];

        if (before == NULL || !same_block(before, s)) {
            if (before != NULL && before->key->section[0] != '\0')
                buf_put(b, SPAN("}\n"));
            put_block_start(b, s);
        }
        before = s;
        buf_printf(b, "%s%s ", s->key->section[0] != '\0' ? "    " : "", s->key->name);
        if (s->name.n != 0) {
            escape_json(b, s->name);
            buf_putc(b, ' ');
        }
        buf_put(b, SPAN("= "));
        config_tree_put_value(b, s->value);
        buf_put(b, SPAN("  # "));
        put_origin(b, s);
        buf_putc(b, '\n');
    }
    if (before != NULL && before->key->section[0] != '\0')
        buf_put(b, SPAN("}\n"));
}

/* The text of a value as JSON; words, numbers with units and strings alike are strings. */
static void put_text_json(struct buf *b, const struct config_value *value)
{
    if (value->kind != CONFIG_OBJECT) {
        escape_json(b, value->text);
        return;
    }
    buf_putc(b, '{');
    for (const struct config_node *n = value->nodes; n != NULL; n = n->next) {
        escape_json(b, n->key);
        buf_putc(b, ':');
        escape_json(b, n->value != NULL ? n->value->text : SPAN_NONE);
        buf_put(b, n->next != NULL ? SPAN(",") : SPAN_NONE);
    }
    buf_putc(b, '}');
}

static void put_value_json(struct buf *b, const struct config_value *value)
{
    if (value->kind != CONFIG_LIST) {
        put_text_json(b, value);
        return;
    }
    buf_putc(b, '[');
    for (const struct config_value *v = value->items; v != NULL; v = v->next) {
        put_text_json(b, v);
        buf_put(b, v->next != NULL ? SPAN(",") : SPAN_NONE);
    }
    buf_putc(b, ']');
}

/* A string of our own as JSON, put together in a small buf. */
static void put_path_json(struct buf *b, const struct config_key *key)
{
    char text[128];
    struct buf path = BUF_OVER(text);

    config_schema_put_path(&path, key);
    escape_json(b, buf_span(&path));
}

void config_show_put_json(struct buf *b, const struct config *c)
{
    buf_putc(b, '[');
    for (size_t i = 0; i < c->store->n_settings; i++) {
        const struct config_setting *s = &c->store->settings[i];
        char text[4200];
        struct buf origin = BUF_OVER(text);

        put_origin(&origin, s);
        buf_put(b, i != 0 ? SPAN(",\n {\"key\":") : SPAN("{\"key\":"));
        put_path_json(b, s->key);
        buf_put(b, SPAN(",\"block\":"));
        if (s->block.n != 0 || s->name.n != 0)
            escape_json(b, s->block.n != 0 ? s->block : s->name);
        else
            buf_put(b, SPAN("null"));
        buf_put(b, SPAN(",\"value\":"));
        put_value_json(b, s->value);
        buf_put(b, SPAN(",\"origin\":"));
        escape_json(b, buf_span(&origin));
        buf_putc(b, '}');
    }
    buf_put(b, SPAN("]\n"));
}

/* ---- the keys ---- */

static const char *const reload_words[] = {
    [CONFIG_RELOAD_LIVE] = "at SIGHUP",
    [CONFIG_RELOAD_RESTART] = "at the next start",
};

static void put_default(struct buf *b, const struct config_key *key)
{
    if (key->dflt != NULL)
        buf_put(b, span_cstr(key->dflt));
    else if (key->dflt_words != NULL)
        buf_put(b, span_cstr(key->dflt_words));
    else
        buf_put(b, SPAN("none, it must be set"));
}

#define WRAP_COLUMNS 78

/* Text as comment lines of at most WRAP_COLUMNS. */
static void put_wrapped(struct buf *b, const char *prefix, span text)
{
    size_t column = 0;
    span word;

    while (span_split(&text, ' ', &word)) {
        if (column == 0 || column + 1 + word.n > WRAP_COLUMNS) {
            buf_put(b, column != 0 ? SPAN("\n") : SPAN_NONE);
            buf_put(b, span_cstr(prefix));
            column = strlen(prefix);
        } else {
            buf_putc(b, ' ');
            column++;
        }
        buf_put(b, word);
        column += word.n;
    }
    buf_putc(b, '\n');
}

static void put_default_line(struct buf *b, const struct config_key *key, const char *indent)
{
    char prefix[16];
    struct buf p = BUF_OVER(prefix);

    buf_printf(&p, "%s# ", indent);
    prefix[p.n] = '\0';
    put_wrapped(b, prefix, span_cstr(key->doc));
    buf_put(b, span_cstr(indent));
    if (key->dflt == NULL)
        buf_put(b, SPAN("# "));
    buf_printf(b, config_key_is_named(key) ? "%s \"NAME\" = " : "%s = ", key->name);
    put_default(b, key);
    buf_putc(b, '\n');
}

static void put_section_keys(struct buf *b, const char *section, const char *indent,
                             void (*put)(struct buf *b, const struct config_key *key,
                                         const char *indent))
{
    for (size_t i = 0; i < config_keys_n; i++)
        if (strcmp(config_keys[i].section, section) == 0)
            put(b, &config_keys[i], indent);
}

void config_show_put_defaults(struct buf *b)
{
    put_section_keys(b, "", "", put_default_line);
    for (size_t i = 0; i < config_sections_n; i++) {
        const struct config_section *section = &config_sections[i];

        buf_putc(b, '\n');
        put_wrapped(b, "# ", span_cstr(section->doc));
        buf_printf(b, section->is_named ? "%s \"NAME\" {\n" : "%s {\n", section->name);
        put_section_keys(b, section->name, "    ", put_default_line);
        buf_put(b, SPAN("}\n"));
    }
}

void config_show_put_defaults_json(struct buf *b)
{
    buf_putc(b, '[');
    for (size_t i = 0; i < config_keys_n; i++) {
        buf_put(b, i != 0 ? SPAN(",\n ") : SPAN_NONE);
        config_show_put_key_json(b, &config_keys[i]);
    }
    buf_put(b, SPAN("]\n"));
}

void config_show_put_key(struct buf *b, const struct config_key *key)
{
    config_schema_put_path(b, key);
    buf_put(b, SPAN("\n"));
    put_wrapped(b, "    ", span_cstr(key->doc));
    buf_put(b, SPAN("    default:       "));
    put_default(b, key);
    buf_put(b, SPAN("\n    allowed:       "));
    config_schema_put_allowed(b, key);
    buf_printf(b, "\n    takes effect:  %s\n", reload_words[key->reload]);
}

static void put_member(struct buf *b, const char *name, const struct config_key *key,
                       void (*put)(struct buf *b, const struct config_key *key))
{
    char text[512];
    struct buf value = BUF_OVER(text);

    put(&value, key);
    buf_printf(b, ",\"%s\":", name);
    escape_json(b, buf_span(&value));
}

void config_show_put_key_json(struct buf *b, const struct config_key *key)
{
    buf_put(b, SPAN("{\"key\":"));
    put_path_json(b, key);
    put_member(b, "default", key, put_default);
    put_member(b, "allowed", key, config_schema_put_allowed);
    buf_put(b, SPAN(",\"reload\":"));
    escape_json(b, key->reload == CONFIG_RELOAD_LIVE ? SPAN("live") : SPAN("restart"));
    buf_put(b, SPAN(",\"doc\":"));
    escape_json(b, span_cstr(key->doc));
    buf_putc(b, '}');
}

/* ---- herald.conf(5) ---- */

/* Text for mdoc: what roff would take as its own is escaped. */
static void put_roff(struct buf *b, span text)
{
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == '\\')
            buf_put(b, SPAN("\\e"));
        else if (text.p[i] == '"')
            buf_put(b, SPAN("\\(dq"));
        else if (text.p[i] == '.' && (i == 0 || text.p[i - 1] == '\n'))
            buf_put(b, SPAN("\\&."));
        else
            buf_putc(b, text.p[i]);
    }
}

/* Sentences on lines of their own; what stands in `back quotes` is literal. */
static void put_roff_doc(struct buf *b, span doc)
{
    bool code = false;

    for (size_t i = 0; i < doc.n; i++) {
        if (doc.p[i] == '`') {
            buf_put(b, code ? SPAN("\\fP") : SPAN("\\fB"));
            code = !code;
        } else if (doc.p[i] == ' ' && i != 0 && doc.p[i - 1] == '.' && !code) {
            buf_putc(b, '\n');
        } else {
            put_roff(b, span_of(doc.p + i, 1));
        }
    }
    buf_putc(b, '\n');
}

static void put_mdoc_line(struct buf *b, const char *words, const struct config_key *key,
                          void (*put)(struct buf *b, const struct config_key *key))
{
    char text[512];
    struct buf value = BUF_OVER(text);

    put(&value, key);
    buf_printf(b, ".br\n%s: ", words);
    put_roff(b, buf_span(&value));
    buf_put(b, SPAN(".\n"));
}

static void put_mdoc_key(struct buf *b, const struct config_key *key, const char *indent)
{
    (void)indent;
    buf_printf(b, config_key_is_named(key) ? ".It Ic %s Qq name\n" : ".It Ic %s\n", key->name);
    put_roff_doc(b, span_cstr(key->doc));
    put_mdoc_line(b, "Default", key, put_default);
    put_mdoc_line(b, "Allowed", key, config_schema_put_allowed);
    if (key->reload == CONFIG_RELOAD_RESTART)
        buf_put(b, SPAN(".br\nA change takes effect at the next start.\n"));
}

static void put_mdoc_section(struct buf *b, const char *section)
{
    buf_put(b, SPAN(".Bl -tag -width Ds\n"));
    put_section_keys(b, section, "", put_mdoc_key);
    buf_put(b, SPAN(".El\n"));
}

void config_show_put_mdoc(struct buf *b)
{
    buf_put(b, SPAN(".Ss Outside of any section\n"));
    put_mdoc_section(b, "");
    for (size_t i = 0; i < config_sections_n; i++) {
        const struct config_section *section = &config_sections[i];

        buf_printf(b, section->is_named ? ".Ss %s Qq name\n" : ".Ss %s\n", section->name);
        put_roff_doc(b, span_cstr(section->doc));
        put_mdoc_section(b, section->name);
    }
}
