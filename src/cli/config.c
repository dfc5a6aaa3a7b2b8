/* SPDX-License-Identifier: ISC */
/* herald config: check, show, defaults, explain. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/near.h"
#include "cli/cli.h"
#include "config/config.h"
#include "config/show.h"
#include "net/tls.h"
#include "server/auth_keys.h"
#include "server/relay_keys.h"
#include "server/tls_keys.h"

#define OUTPUT_FIRST_BYTES 16384u
#define PROBLEM_BYTES      2048u

struct options {
    bool json;
    const char *file; /* -c */
    int argc;         /* what is left */
    char **argv;
};

/* Print what `put` writes, however much it is. */
static int print(void (*put)(struct buf *b, const void *what), const void *what)
{
    for (size_t cap = OUTPUT_FIRST_BYTES;; cap *= 2) {
        char *p = malloc(cap);
        struct buf b = buf_over(p, cap);

        if (p == NULL)
            return cli_fail(CLI_TEMPORARY, "out of memory");
        put(&b, what);
        if (!b.overflow)
            fwrite(p, 1, b.n, stdout);
        free(p);
        if (!b.overflow)
            return CLI_OK;
    }
}

/* ---- problems ---- */

/* What has no place in a file is about this machine; a check of a file leaves it out. */
static void print_problems(const struct config_problems *all, bool json, bool file_only)
{
    for (size_t i = 0; i < all->n; i++) {
        char text[PROBLEM_BYTES * 2];
        struct buf b = BUF_OVER(text);

        if (file_only && all->items[i].warning && all->items[i].file[0] == '\0')
            continue;
        if (json)
            config_problem_json(&all->items[i], &b);
        else
            config_problem_text(&all->items[i], &b);
        fprintf(json ? stdout : stderr, "%.*s\n", SPAN_ARG(buf_span(&b)));
    }
    if (all->n == CONFIG_PROBLEMS_MAX && !json)
        fprintf(stderr, "herald: there may be more: only the first %d are shown\n",
                CONFIG_PROBLEMS_MAX);
}

/* Certificates, keys and passwords are part of what a server starts with; none is made here. */
static bool check_keys(const struct config *c, struct config_problems *problems)
{
    const struct tls_keys_how only_look = {NULL, false, problems};
    struct config_problem p = {0};
    struct tls_side *side = NULL;
    struct relay_keys *routes = NULL;
    struct auth_keys *provider = NULL;
    struct diag d = {0};
    bool fine = tls_keys_load(c, &only_look, &side, &d) == ERR_OK &&
                relay_keys_load(c, &routes, &d) == ERR_OK &&
                auth_keys_load(c, routes->system_side, &provider, &d) == ERR_OK;

    tls_side_free(side);
    auth_keys_free(provider);
    relay_keys_free(routes);
    if (fine)
        return true;
    if (d.file != NULL)
        (void)snprintf(p.file, sizeof(p.file), "%s", d.file);
    (void)snprintf(p.text, sizeof(p.text), "%.200s%s%.50s", d.text, d.sys != 0 ? ": " : "",
                   d.sys != 0 ? strerror(d.sys) : "");
    config_problems_add(problems, &p);
    return false;
}

static int check(const struct options *o)
{
    const char *file = o->argc > 0 ? o->argv[0] : o->file;
    struct config_problems problems = {0};
    struct config *c;
    bool fine;

    if (o->argc > 1 || file == NULL)
        return cli_wrong_usage(&cli_config, "check needs one FILE");
    c = config_load(file, &problems);
    fine = c != NULL && check_keys(c, &problems);
    print_problems(&problems, o->json, true);
    config_problems_finish(&problems);
    config_free(c);
    return fine ? CLI_OK : CLI_CONFIG;
}

/* ---- show ---- */

static void put_config(struct buf *b, const void *c)
{
    config_show_put(b, c);
}

static void put_config_json(struct buf *b, const void *c)
{
    config_show_put_json(b, c);
}

static int show(const struct options *o)
{
    const char *file = o->argc > 0 ? o->argv[0] : o->file;
    struct config_problems problems = {0};
    struct config *c;
    int code;

    if (o->argc > 1)
        return cli_wrong_usage(&cli_config, "show needs at most one FILE");
    c = config_load(file, &problems);
    if (c == NULL || !o->json)
        print_problems(&problems, false, false);
    config_problems_finish(&problems);
    if (c == NULL)
        return CLI_CONFIG;
    code = print(o->json ? put_config_json : put_config, c);
    config_free(c);
    return code;
}

/* ---- the keys ---- */

static void put_defaults(struct buf *b, const void *json)
{
    if (*(const bool *)json)
        config_show_put_defaults_json(b);
    else
        config_show_put_defaults(b);
}

static int defaults(const struct options *o)
{
    if (o->argc != 0)
        return cli_wrong_usage(&cli_config, "defaults needs no argument");
    return print(put_defaults, &o->json);
}

static void put_key(struct buf *b, const void *key)
{
    config_show_put_key(b, key);
}

static void put_key_json(struct buf *b, const void *key)
{
    config_show_put_key_json(b, key);
    buf_putc(b, '\n');
}

static int no_key(span word)
{
    char text[80] = "";
    size_t best = SIZE_MAX;

    for (size_t i = 0; i < config_keys_n; i++) {
        struct buf b = buf_over(text, sizeof text - 1);
        char path[80];
        struct buf p = BUF_OVER(path);

        config_schema_put_path(&p, &config_keys[i]);
        if (near_is_nearer(word, buf_span(&p), &best)) {
            buf_put(&b, buf_span(&p));
            text[b.n] = '\0';
        }
    }
    return cli_fail(CLI_USAGE, "no key '%.64s'%s%s%s", word.p, text[0] != '\0' ? "; nearest: " : "",
                    text, text[0] != '\0' ? "" : "; see 'herald config defaults'");
}

/* "section.key", a key at the top, or a key's name alone wherever it stands. */
static int explain(const struct options *o)
{
    span word = span_cstr(o->argc == 1 ? o->argv[0] : NULL);
    int found = 0;

    if (o->argc != 1)
        return cli_wrong_usage(&cli_config, "explain needs one KEY");
    for (size_t i = 0; i < config_keys_n; i++) {
        const struct config_key *key = &config_keys[i];

        if (key != config_schema_key_by_path(word) && !span_eq(word, span_cstr(key->name)) &&
            !span_eq(word, span_cstr(key->section)))
            continue;
        if (found++ != 0 && !o->json)
            putchar('\n');
        print(o->json ? put_key_json : put_key, key);
    }
    return found != 0 ? CLI_OK : no_key(word);
}

/* ---- the command ---- */

static const struct {
    const char *name;
    int (*run)(const struct options *o);
} verbs[] = {
    {"check", check},
    {"show", show},
    {"defaults", defaults},
    {"explain", explain},
};

static int config_run(int argc, char **argv)
{
    static const struct option longs[] = {
        {"json", no_argument, NULL, 'j'},
        {"config", required_argument, NULL, 'c'},
        {NULL, 0, NULL, 0},
    };
    struct options o = {0};
    int c;

    while ((c = getopt_long(argc, argv, "c:", longs, NULL)) != -1) {
        if (c == 'j')
            o.json = true;
        else if (c == 'c')
            o.file = optarg;
        else
            return CLI_USAGE;
    }
    if (optind == argc)
        return cli_wrong_usage(&cli_config, "check, show, defaults or explain?");
    o.argc = argc - optind - 1;
    o.argv = argv + optind + 1;
    for (size_t i = 0; i < COUNT(verbs); i++)
        if (strcmp(argv[optind], verbs[i].name) == 0)
            return verbs[i].run(&o);
    return cli_wrong_usage(&cli_config, "no '%.64s': check, show, defaults or explain",
                           argv[optind]);
}

const struct cli_command cli_config = {
    .name = "config",
    .summary = "check, show and explain the configuration",
    .usage = "herald config check [--json] FILE\n"
             "herald config show [--json] [FILE]\n"
             "herald config defaults [--json]\n"
             "herald config explain [--json] KEY",
    .options = "  check      print nothing and exit 0, or print every error and exit 78\n"
               "  show       print the effective configuration with the origin of each value;\n"
               "             without FILE, that of a server started without one\n"
               "  defaults   print every key with its default and what it means\n"
               "  explain    print what one key means and may be\n"
               "  -c FILE    the file for check and show\n"
               "  --json     print JSON; for check one object a line\n",
    .examples = "  herald config check /etc/herald/herald.conf\n"
                "  herald config show /etc/herald/herald.conf\n"
                "  herald config explain limits.recipients\n"
                "  herald config explain queue\n",
    .run = config_run,
};
