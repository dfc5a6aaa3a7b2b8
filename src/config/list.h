/* SPDX-License-Identifier: ISC */
/*
 * config/list.h - files with one item a line: domains, users, tokens, aliases, senders.
 *
 * Blank lines and lines that begin with # are skipped. A bad line is a warning
 * with its file and line, and the rest is used; after CONFIG_LIST_WARNINGS_MAX
 * of them only their number is told.
 */
#ifndef CONFIG_LIST_H
#define CONFIG_LIST_H

#include "config/load.h"

#define CONFIG_LIST_MAX_BYTES    ((size_t)512 * 1024 * 1024)
#define CONFIG_LIST_WARNINGS_MAX 20u
#define CONFIG_SENDERS_BYTES     16384u /* the senders of one login */

/* Add the domains of a list value (items and "file:PATH") to map. */
bool config_list_read_domains(struct config_load *load, const struct config_value *value,
                              struct config_map *map);

/*
 * Add the lines "address[:forms]" of a file to c->users, those with a password to c->logins too.
 *
 * A file with passwords that all users of the machine can read is an error.
 */
bool config_list_read_users(struct config_load *load, const struct config_value *path);

/* Add the lines "address:token" of a file, which others cannot read, to c->tokens. */
bool config_list_read_tokens(struct config_load *load, const struct config_value *path);

/* Add the lines "login: address, @domain" of a file to map; values as those of aliases. */
bool config_list_read_senders(struct config_load *load, const struct config_value *path,
                              struct config_map *map);

/*
 * Add the lines "name: target, target" of a file in the form of /etc/aliases to map.
 *
 * The value of an alias is its targets, each followed by a NUL octet.
 */
bool config_list_read_aliases(struct config_load *load, const struct config_value *path,
                              struct config_map *map);

#endif
