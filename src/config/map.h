/* SPDX-License-Identifier: ISC */
/*
 * config/map.h - many names, each with a value, found at once.
 *
 * Names are kept and compared in lower case (ASCII). A million domains of twenty
 * octets cost about 40 MiB: the names lie in one run of octets, the table holds 32-bit
 * places in it. Running out of memory is BUG, as in config/pool.h.
 */
#ifndef CONFIG_MAP_H
#define CONFIG_MAP_H

#include "base/span.h"

#define CONFIG_MAP_NAME_MAX_BYTES 1024u

struct config_map;

struct config_map *config_map_new(void);
/* The same for values that are secrets: memory that is given back is wiped first. */
struct config_map *config_map_new_secret(void);
/* Accepts NULL. */
void config_map_free(struct config_map *map);

/* False when the name is there already (its value stays) or is too long. */
bool config_map_put(struct config_map *map, span name, span value);

/* out_value may be NULL; borrowed until the map changes. A NULL map is empty. */
bool config_map_find(const struct config_map *map, span name, span *out_value);

/*
 * The entries one after the other, in the order in which they were put: *at begins as 0.
 *
 * returns false after the last one
 */
bool config_map_next(const struct config_map *map, size_t *at, span *out_name, span *out_value);

/* Forget all entries and wipe the memory; NULL is allowed. */
void config_map_wipe(struct config_map *map);

size_t config_map_count(const struct config_map *map);

/* The name that was put first; empty when there is none. */
span config_map_first(const struct config_map *map);

/* Give back memory that further names would have used. */
void config_map_trim(struct config_map *map);

#endif
