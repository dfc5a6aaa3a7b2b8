/* SPDX-License-Identifier: ISC */
/*
 * config/tree.h - a configuration text as a tree of settings and blocks; no meaning yet.
 *
 *     file    = { setting | block | "include" string [";"] }
 *     setting = word [string] "=" value end          end = ";" | end of line | before "}"
 *     block   = word [string] "{" file "}" [";"]
 *     value   = word | string | "[" [value {"," value} [","]] "]" | "{" { setting } "}"
 *
 * A comment runs from # to the end of the line. A string is in double quotes on one
 * line and knows \" \\ \n \t \xHH. A word is a run of other octets. After an error
 * reading goes on with the next setting, so that all errors of a text are found.
 */
#ifndef CONFIG_TREE_H
#define CONFIG_TREE_H

#include "config/pool.h"
#include "config/problem.h"

#define CONFIG_TEXT_MAX_BYTES ((size_t)8 * 1024 * 1024)
#define CONFIG_DEPTH_MAX      16 /* blocks, lists and objects inside each other */
#define CONFIG_INCLUDES_MAX   8  /* files that include each other */
#define CONFIG_WORD_MAX_BYTES 4096

struct config_where {
    const char *file;
    unsigned line;
    unsigned column;
};

enum config_value_kind { CONFIG_WORD, CONFIG_STRING, CONFIG_LIST, CONFIG_OBJECT };

struct config_value {
    struct config_value *next; /* in a list */
    struct config_where where;
    enum config_value_kind kind;
    span text;                  /* word, string (unescaped) */
    struct config_value *items; /* of a list */
    struct config_node *nodes;  /* of an object */
};

/* A setting (value set) or a block (value NULL). */
struct config_node {
    struct config_node *next;
    struct config_where where;
    span key;
    struct config_value *value;
    bool is_named;
    span name; /* of a block, or of a setting that has one */
    struct config_node *nodes;
    bool used; /* for the reader of the tree: this setting has been read */
};

/* What the parser works with; all memory comes from pool. */
struct config_parse {
    struct config_pool *pool;
    struct config_problems *problems;
    unsigned includes; /* how deep we are in includes */
};

/* The nodes of a text in their order; NULL when there are none. Errors go to problems. */
struct config_node *config_tree_parse(struct config_parse *p, const char *file, span text);

/* The same for a file; a file that cannot be read is a problem at `from` (may be all 0). */
struct config_node *config_tree_parse_file(struct config_parse *p, span path,
                                           const struct config_where *from);

/* The path that a file names; a relative one is meant from the directory of that file. */
span config_tree_path_from(struct config_pool *pool, span path, const char *file);

/* A value as it is written in a file. */
void config_tree_put_value(struct buf *b, const struct config_value *value);

#endif
