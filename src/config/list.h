/* SPDX-License-Identifier: ISC */
/*
 * config/list.h - the entries of files and lists: domains, aliases.
 *
 * How files are read, and what becomes of bad lines: config/table.h.
 */
#ifndef CONFIG_LIST_H
#define CONFIG_LIST_H

#include "config/load.h"

/* Add the domains of a list value (items and sources) to map. */
bool config_list_read_domains(struct config_load *load, const struct config_value *value,
                              struct config_map *map);

/*
 * Add the lines "name: target, target" of a file in the form of /etc/aliases to map.
 *
 * The value of an alias is its targets, each followed by a NUL octet.
 */
bool config_list_read_aliases(struct config_load *load, const struct config_value *path,
                              struct config_map *map);

#endif
