/* SPDX-License-Identifier: ISC */
#include "config/problem.h"

#include <stdlib.h>

#include "base/escape.h"

void config_problems_finish(struct config_problems *all)
{
    free(all->items);
    *all = (struct config_problems){0};
}

void config_problems_add(struct config_problems *all, const struct config_problem *p)
{
    if (!p->warning)
        all->n_errors++;
    if (all->n == CONFIG_PROBLEMS_MAX)
        return;
    if (all->n == all->cap) {
        size_t cap = all->cap != 0 ? all->cap * 2 : 4;
        struct config_problem *items = realloc(all->items, cap * sizeof *items);

        BUG_IF(items == NULL, "out of memory");
        all->items = items;
        all->cap = cap;
    }
    all->items[all->n++] = *p;
}

static bool is_before(const struct config_problem *a, const struct config_problem *b)
{
    int files = strcmp(a->file, b->file);

    if (files != 0)
        return files < 0;
    return a->line != b->line ? a->line < b->line : a->column < b->column;
}

void config_problems_sort(struct config_problems *all)
{
    for (size_t i = 1; i < all->n; i++) {
        struct config_problem p = all->items[i];
        size_t j = i;

        for (; j > 0 && is_before(&p, &all->items[j - 1]); j--)
            all->items[j] = all->items[j - 1];
        all->items[j] = p;
    }
}

static void put_words(struct buf *out, const char *before, const char *words, const char *after)
{
    if (words[0] == '\0')
        return;
    buf_put(out, span_cstr(before));
    buf_put(out, span_cstr(words));
    buf_put(out, span_cstr(after));
}

static void put_number(struct buf *out, unsigned n)
{
    if (n == 0)
        return;
    buf_put_u64(out, n);
    buf_putc(out, ':');
}

static void put_problem(const struct config_problem *p, span severity, struct buf *out)
{
    put_words(out, "", p->file, ":");
    put_number(out, p->line);
    put_number(out, p->column);
    buf_put(out, out->n != 0 ? SPAN(" ") : SPAN_NONE);
    buf_put(out, severity);
    put_words(out, "", p->key, ": ");
    buf_put(out, span_cstr(p->text));
    put_words(out, "; found: ", p->found, "");
    put_words(out, "; allowed: ", p->allowed, "");
    put_words(out, "; did you mean ", p->nearest, "?");
}

void config_problem_text(const struct config_problem *p, struct buf *out)
{
    put_problem(p, p->warning ? SPAN("warning: ") : SPAN("error: "), out);
}

void config_problem_log(const struct config_problem *p, struct buf *out)
{
    put_problem(p, SPAN_NONE, out);
}

/* A member with null for what is not known. */
static void put_member(struct buf *out, const char *name, const char *words)
{
    buf_printf(out, ",\"%s\":", name);
    if (words[0] == '\0')
        buf_put(out, SPAN("null"));
    else
        escape_json(out, span_cstr(words));
}

static void put_place(struct buf *out, const char *name, unsigned n)
{
    buf_printf(out, ",\"%s\":", name);
    if (n == 0)
        buf_put(out, SPAN("null"));
    else
        buf_put_u64(out, n);
}

void config_problem_json(const struct config_problem *p, struct buf *out)
{
    buf_printf(out, "{\"severity\":\"%s\"", p->warning ? "warning" : "error");
    put_member(out, "file", p->file);
    put_place(out, "line", p->line);
    put_place(out, "column", p->column);
    put_member(out, "key", p->key);
    put_member(out, "text", p->text);
    put_member(out, "found", p->found);
    put_member(out, "allowed", p->allowed);
    put_member(out, "nearest", p->nearest);
    buf_putc(out, '}');
}
