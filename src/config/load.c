/* SPDX-License-Identifier: ISC */
/*
 * From a tree to a configuration. The schema leads: for each section, each block
 * and each key of the table the setting is looked for and read, or its default
 * is. What is left in the tree afterwards is not known, and said so.
 */
#include "config/load.h"

#include <stdlib.h>

#include "base/escape.h"
#include "base/near.h"
#include "config/agree.h"
#include "config/idn.h"
#include "config/map.h"

const char config_own_text[] = "default";

/* C strings of a problem: cut, never overflowing. */
static void fill(char *out, size_t cap, span text)
{
    struct buf b = buf_over(out, cap - 1);

    buf_put(&b, span_head(text, cap - 1));
    out[b.n] = '\0';
}

#define FILL(member, text) fill((member), sizeof(member), (text))

static void fill_escaped(char *out, size_t cap, span text)
{
    struct buf b = buf_over(out, cap - 1);

    /* Each octet may become four, and "..." follows. */
    escape_text(&b, text, min_size(ESCAPE_CUT_BYTES, (cap - 4) / 4));
    out[b.n] = '\0';
}

static void fill_key(const struct config_load *load, struct config_problem *p)
{
    struct buf b = buf_over(p->key, sizeof p->key - 1);

    if (load->key == NULL)
        return;
    config_schema_put_path(&b, load->key);
    if (load->block.n != 0 && load->block.n < 32) {
        buf_put(&b, SPAN(" of \""));
        escape_text(&b, load->block, 16);
        buf_putc(&b, '"');
    }
}

void config_load_complain(struct config_load *load, const struct config_where *where, span found,
                          const char *words)
{
    struct config_problem p = {.line = where->line, .column = where->column};
    struct buf b = buf_over(p.allowed, sizeof p.allowed - 1);

    FILL(p.file, span_cstr(where->file));
    fill_key(load, &p);
    fill_escaped(p.found, sizeof p.found, found);
    FILL(p.text, span_cstr(words != NULL ? words : "not a value for this key"));
    if (load->key != NULL)
        config_schema_put_allowed(&b, load->key);
    config_problems_add(load->problems, &p);
}

void config_load_warn(struct config_load *load, const struct config_where *where, span found,
                      const char *words)
{
    struct config_problem p = {.warning = true, .line = where->line, .column = where->column};

    FILL(p.file, span_cstr(where->file));
    fill_key(load, &p);
    fill_escaped(p.found, sizeof p.found, found);
    FILL(p.text, span_cstr(words));
    config_problems_add(load->problems, &p);
}

/* ---- what is not known ---- */

/* The key or section nearest to `word`: here first, then anywhere. */
static void fill_nearest(struct config_problem *p, span section, span word, bool is_block)
{
    struct buf b = buf_over(p->nearest, sizeof p->nearest - 1);
    size_t best = SIZE_MAX;

    for (size_t i = 0; i < config_keys_n; i++)
        if (span_eq(section, span_cstr(config_keys[i].section)) &&
            near_is_nearer(word, span_cstr(config_keys[i].name), &best)) {
            buf_reset(&b);
            config_schema_put_path(&b, &config_keys[i]);
        }
    for (size_t i = 0; i < config_sections_n && section.n == 0; i++)
        if (near_is_nearer(word, span_cstr(config_sections[i].name), &best)) {
            buf_reset(&b);
            buf_printf(&b, "%s { }", config_sections[i].name);
        }
    if (best != SIZE_MAX || is_block)
        return;
    for (size_t i = 0; i < config_keys_n; i++)
        if (near_is_nearer(word, span_cstr(config_keys[i].name), &best)) {
            buf_reset(&b);
            config_schema_put_path(&b, &config_keys[i]);
        }
}

static void complain_unknown(struct config_load *load, span section, const struct config_node *node)
{
    struct config_problem p = {.line = node->where.line, .column = node->where.column};
    const char *words = "this key is not known";

    if (node->value == NULL)
        words = config_schema_key(section, node->key) != NULL ? "this is a key, not a block"
                                                              : "this block is not known";
    else if (section.n == 0 && config_schema_section(node->key) != NULL)
        words = "this is a block, not a key";
    else if (config_schema_key(section, node->key) != NULL)
        words = node->is_named ? "this key has no name" : "this key needs a name: key \"name\" =";
    FILL(p.file, span_cstr(node->where.file));
    fill_escaped(p.found, sizeof p.found, node->key);
    FILL(p.text, span_cstr(words));
    if (config_schema_key(section, node->key) == NULL)
        fill_nearest(&p, section, node->key, node->value == NULL);
    if (section.n == 0)
        FILL(p.key, node->key);
    else {
        struct buf b = buf_over(p.key, sizeof p.key - 1);

        buf_put(&b, section);
        buf_putc(&b, '.');
        escape_text(&b, node->key, 10);
    }
    config_problems_add(load->problems, &p);
}

static void complain_left(struct config_load *load, span section, const struct config_node *nodes)
{
    for (const struct config_node *n = nodes; n != NULL; n = n->next)
        if (!n->used)
            complain_unknown(load, section, n);
}

/* ---- keys ---- */

static void setting_keep(struct config_load *load, const struct config_value *value,
                         const char *origin)
{
    struct config_store *store = load->c->store;

    if (store->n_settings == store->cap_settings) {
        size_t cap = store->cap_settings != 0 ? store->cap_settings * 2 : 64;
        struct config_setting *settings = realloc(store->settings, cap * sizeof *settings);

        BUG_IF(settings == NULL, "out of memory");
        store->settings = settings;
        store->cap_settings = cap;
    }
    store->settings[store->n_settings++] =
        (struct config_setting){load->key, load->block, load->name, value, origin};
}

/* The setting of this key; another one of the same key is complained about. */
static struct config_node *setting_find(struct config_load *load, struct config_node *nodes)
{
    struct config_node *found = NULL;

    for (struct config_node *n = nodes; n != NULL; n = n->next) {
        if (n->value == NULL || n->is_named || !span_eq(n->key, span_cstr(load->key->name)))
            continue;
        n->used = true;
        if (found == NULL)
            found = n;
        else
            config_load_complain(load, &n->where, n->key,
                                 "this key is set twice in the same place");
    }
    return found;
}

/* The value of a text that is our own. */
static const struct config_value *value_of_text(struct config_load *load, const char *text)
{
    struct config_parse parse = {load->pool, load->problems, 0};
    char setting[512] = "";
    struct buf b = buf_over(setting, sizeof setting);
    struct config_node *node;

    buf_printf(&b, "default = %s", text);
    BUG_IF(b.overflow, "a default is too long");
    node = config_tree_parse(&parse, config_own_text, buf_span(&b));
    BUG_IF(node == NULL || node->value == NULL, "a default that is not in the grammar");
    return node->value;
}

static struct config_value *value_of_span(struct config_load *load, span text)
{
    struct config_value *value = config_pool_take(load->pool, sizeof *value);

    value->kind = CONFIG_STRING;
    value->text = text;
    value->where.file = config_own_text;
    return value;
}

static void read_default(struct config_load *load, const struct config_where *block_at, void *at)
{
    const struct config_value *value;
    span text;

    if (load->key->dflt != NULL) {
        value = value_of_text(load, load->key->dflt);
        if (config_value_read(load, value, at))
            setting_keep(load, value, "default");
        return;
    }
    if (load->key->compute == NULL) {
        config_load_complain(load, block_at, SPAN("nothing"), "this key must be set");
        return;
    }
    text = load->key->compute(load);
    /* A name that is not fit was kept by compute itself. */
    value = value_of_span(
        load, text.n == 0 && load->key->type == CONFIG_TYPE_HOSTNAME ? load->c->hostname : text);
    if (text.n == 0 || config_value_read(load, value, at))
        setting_keep(load, value, load->key->dflt_words);
}

static bool has_setting(const struct config_node *nodes, const struct config_node *before)
{
    for (; nodes != before; nodes = nodes->next)
        if (nodes->value != NULL && nodes->is_named && span_eq(nodes->key, before->key) &&
            span_eq(nodes->name, before->name))
            return true;
    return false;
}

/* All settings of a key that has names; none need be there. */
static void read_named_key(struct config_load *load, struct config_node *nodes, void *at)
{
    for (struct config_node *n = nodes; n != NULL; n = n->next) {
        if (n->value == NULL || !n->is_named || !span_eq(n->key, span_cstr(load->key->name)))
            continue;
        n->used = true;
        load->name = n->name;
        if (has_setting(nodes, n))
            config_load_complain(load, &n->where, n->name,
                                 "this key is set twice in the same place");
        else if (config_value_read(load, n->value, at))
            setting_keep(load, n->value, NULL);
    }
    load->name = SPAN_NONE;
}

/* All keys of a section into the struct at base. */
static void read_keys(struct config_load *load, span section, struct config_node *nodes,
                      const struct config_where *block_at, void *base)
{
    for (size_t i = 0; i < config_keys_n; i++) {
        const struct config_key *key = &config_keys[i];
        struct config_node *node;
        void *at = (char *)base + key->offset;

        if (!span_eq(section, span_cstr(key->section)))
            continue;
        load->key = key;
        if (config_key_is_named(key)) {
            read_named_key(load, nodes, at);
            continue;
        }
        node = setting_find(load, nodes);
        if (node == NULL)
            read_default(load, block_at, at);
        else if (config_value_read(load, node->value, at))
            setting_keep(load, node->value, NULL);
    }
    load->key = NULL;
}

/* ---- sections ---- */

static bool is_block_of(const struct config_node *n, const struct config_section *section)
{
    return n->value == NULL && span_eq(n->key, span_cstr(section->name));
}

static void complain_node(struct config_load *load, const struct config_node *n, const char *words)
{
    struct config_problem p = {.line = n->where.line, .column = n->where.column};

    FILL(p.file, span_cstr(n->where.file));
    fill_escaped(p.found, sizeof p.found, n->is_named ? n->name : n->key);
    FILL(p.key, n->key);
    FILL(p.text, span_cstr(words));
    config_problems_add(load->problems, &p);
}

static void read_single(struct config_load *load, const struct config_section *section,
                        struct config_node *nodes)
{
    static const struct config_where nowhere = {"", 0, 0};
    struct config_node *found = NULL;

    for (struct config_node *n = nodes; n != NULL; n = n->next) {
        if (!is_block_of(n, section))
            continue;
        n->used = true;
        if (n->is_named)
            complain_node(load, n, "this block has no name");
        else if (found != NULL)
            complain_node(load, n, "this block stands here twice");
        else
            found = n;
    }
    read_keys(load, span_cstr(section->name), found != NULL ? found->nodes : NULL,
              found != NULL ? &found->where : &nowhere, load->c);
    if (found != NULL)
        complain_left(load, span_cstr(section->name), found->nodes);
}

static bool name_is_taken(const struct config_section *section, const struct config_node *nodes,
                          const struct config_node *before, span name)
{
    for (const struct config_node *n = nodes; n != before; n = n->next)
        if (is_block_of(n, section) && n->is_named && span_eq(n->name, name))
            return true;
    return false;
}

static size_t blocks_count(const struct config_section *section, const struct config_node *nodes)
{
    size_t n = 0;

    for (; nodes != NULL; nodes = nodes->next)
        n += is_block_of(nodes, section);
    return n;
}

/* Our own blocks that stand beside those of the file. */
static struct config_node *default_blocks(struct config_load *load,
                                          const struct config_section *section,
                                          const struct config_node *nodes)
{
    struct config_parse parse = {load->pool, load->problems, 0};
    struct config_node *own, **link;

    if (blocks_count(section, nodes) != 0 && !section->fills_up)
        return NULL;
    own = config_tree_parse(&parse, config_own_text, span_cstr(section->dflt));
    for (link = &own; *link != NULL;)
        if (name_is_taken(section, nodes, NULL, (*link)->name))
            *link = (*link)->next;
        else
            link = &(*link)->next;
    return own;
}

static void read_block(struct config_load *load, const struct config_section *section,
                       struct config_node *node, void *block)
{
    const char *fault = section->name_fault != NULL ? section->name_fault(node->name) : NULL;

    if (fault != NULL)
        complain_node(load, node, fault);
    memcpy(block, &node->name, sizeof node->name);
    load->block = node->name;
    read_keys(load, span_cstr(section->name), node->nodes, &node->where, block);
    load->block = SPAN_NONE;
    complain_left(load, span_cstr(section->name), node->nodes);
}

/* Add the blocks of a list of nodes to the array; the count goes on as they come. */
static void read_blocks(struct config_load *load, const struct config_section *section,
                        struct config_node *nodes, char *array)
{
    size_t *count = (size_t *)(void *)((char *)load->c + section->count_offset);

    for (struct config_node *n = nodes; n != NULL; n = n->next) {
        if (!is_block_of(n, section))
            continue;
        n->used = true;
        if (!n->is_named || n->name.n == 0)
            complain_node(load, n, "this block needs a name: section \"name\" { }");
        else if (name_is_taken(section, nodes, n, n->name))
            complain_node(load, n, "a block of this name stands here already");
        else
            read_block(load, section, n, array + (*count)++ * section->block_bytes);
    }
}

/* What is named by a domain is looked for in A-labels. */
static void fix_names(struct config_load *load, const struct config_section *section,
                      struct config_node *nodes)
{
    for (struct config_node *n = nodes; n != NULL && section->name_fault != NULL; n = n->next)
        if (is_block_of(n, section) && n->is_named)
            n->name = config_idn_pattern(load->pool, n->name);
}

static void read_named(struct config_load *load, const struct config_section *section,
                       struct config_node *nodes)
{
    struct config_node *own;
    size_t n;
    char *array;

    fix_names(load, section, nodes);
    own = default_blocks(load, section, nodes);
    n = blocks_count(section, nodes) + blocks_count(section, own);
    array = config_pool_take(load->pool, n * section->block_bytes);
    memcpy((char *)load->c + section->offset, &array, sizeof array);
    read_blocks(load, section, nodes, array);
    read_blocks(load, section, own, array);
}

static void read_sections(struct config_load *load, struct config_node *nodes)
{
    static const struct config_where nowhere = {"", 0, 0};

    read_keys(load, SPAN_NONE, nodes, &nowhere, load->c);
    for (size_t i = 0; i < config_sections_n; i++)
        if (config_sections[i].is_named)
            read_named(load, &config_sections[i], nodes);
        else
            read_single(load, &config_sections[i], nodes);
    complain_left(load, SPAN_NONE, nodes);
}

/* ---- the whole ---- */

static struct config *config_new(void)
{
    struct config *c = calloc(1, sizeof *c);
    struct config_store *store = calloc(1, sizeof *store);

    BUG_IF(c == NULL || store == NULL, "out of memory");
    c->store = store;
    return c;
}

void config_forget_secrets(const struct config *c)
{
    config_map_wipe(c->logins);
    config_map_wipe(c->tokens);
}

void config_free(struct config *c)
{
    if (c == NULL)
        return;
    config_map_free(c->domains);
    config_map_free(c->relay_domains);
    config_map_free(c->users);
    config_map_free(c->user_domains);
    config_map_free(c->logins);
    config_map_free(c->tokens);
    config_map_free(c->auth.senders);
    config_map_free(c->aliases);
    config_map_free(c->greeting.listed);
    config_pool_finish(&c->store->pool);
    free(c->store->settings);
    free(c->store->files);
    free(c->store);
    free(c);
}

/* Text NULL: the file itself is to be read. */
static struct config *load(const char *path, const span *text, struct config_problems *problems)
{
    struct config *c = config_new();
    struct config_load l = {.c = c, .pool = &c->store->pool, .problems = problems};
    struct config_parse parse = {l.pool, problems, 0};
    static const struct config_where nowhere = {"", 0, 0};
    size_t errors = problems->n_errors;
    struct config_node *nodes;

    if (text != NULL)
        nodes = config_tree_parse(&parse, config_pool_copy(l.pool, span_cstr(path)).p, *text);
    else
        nodes = config_tree_parse_file(&parse, span_cstr(path), &nowhere);
    if (text != NULL || problems->n_errors == errors || nodes != NULL)
        read_sections(&l, nodes);
    if (problems->n_errors == errors)
        config_agree(&l);
    config_problems_sort(problems);
    if (problems->n_errors == errors)
        return c;
    config_free(c);
    return NULL;
}

struct config *config_load(const char *path, struct config_problems *problems)
{
    span builtin = span_cstr(config_builtin);
    struct config *c =
        path != NULL ? load(path, NULL, problems) : load("built in", &builtin, problems);

    if (c != NULL && path != NULL)
        c->file = config_pool_copy(&c->store->pool, span_cstr(path));
    return c;
}

struct config *config_load_text(const char *name, span text, struct config_problems *problems)
{
    return load(name, &text, problems);
}
