/* SPDX-License-Identifier: ISC */
/*
 * config/table.h - inside config: files of entries, in the forms of several mail systems.
 *
 *     file:PATH      one item a line (cPanel's localdomains and remotedomains are so)
 *     postfix:PATH   the source of a Postfix table: key, blank, value
 *     exim:PATH      an Exim lsearch file: key, colon or blank, value; keys may be quoted
 *     mailhelo:PATH, mailips:PATH   the values of such a file: cPanel's two tables of domains
 *
 * In all of them blank lines and lines that begin with # are skipped; in the last two, and in
 * files of aliases, a line that begins with a blank continues the one before it. A mark of UTF-8
 * in front of the first line is no part of it.
 *
 * A bad line is a warning with its file and line, and the rest is used; after
 * CONFIG_TABLE_WARNINGS_MAX of them only their number is told. Each file that is read is watched:
 * config/watch.h.
 */
#ifndef CONFIG_TABLE_H
#define CONFIG_TABLE_H

#include "config/load.h"
#include "config/source.h"

#define CONFIG_TABLE_MAX_BYTES    ((size_t)512 * 1024 * 1024)
#define CONFIG_TABLE_WARNINGS_MAX 20u

enum config_table_form {
    CONFIG_TABLE_LINES,  /* the line is the key */
    CONFIG_TABLE_JOINED, /* the line with its continuations is the key: /etc/aliases */
    CONFIG_TABLE_POSTFIX,
    CONFIG_TABLE_EXIM,
    CONFIG_TABLE_VALUES, /* as EXIM, but the values are the entries, and the keys go with them */
};

/* One file being read. `add` says why an entry is bad, or NULL. */
struct config_table {
    struct config_load *load;
    const char *(*add)(struct config_table *t, span key, span value);
    void *to; /* for add */
    struct config_where where;
    unsigned bad;
    bool secret; /* behind a colon: not shown, and the memory is wiped */
};

/* Warn about something in the current line. */
void config_table_bad(struct config_table *t, span found, const char *why);

/*
 * Read a file, calling add for each entry.
 *
 * where    of the setting that names it: the path is relative to its file
 * returns  false when the file cannot be read, which is complained about
 */
bool config_table_read(struct config_table *t, const struct config_where *where,
                       enum config_table_form form, span path);

/* The same for what has been read already; its memory is written to. t->where.file is set. */
void config_table_parse(struct config_table *t, enum config_table_form form,
                        const struct config_source *text);

/* "file:PATH" and the like; false when the text begins with none of the words. */
bool config_table_source(span text, enum config_table_form *out_form, span *out_path);

/* Several items of a list, each one a source or an entry of its own, whose add is called. */
bool config_table_read_list(struct config_table *t, const struct config_value *list);

#endif
