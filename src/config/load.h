/* SPDX-License-Identifier: ISC */
/* config/load.h - inside config: what the readers of values work with. */
#ifndef CONFIG_LOAD_H
#define CONFIG_LOAD_H

#include "config/schema.h"
#include "config/tree.h"

/* Where the effective value of a key comes from; kept for `herald config show`. */
struct config_setting {
    const struct config_key *key;
    span block; /* name of the block; empty for top level and single ones */
    span name;  /* of the setting, when its key has names */
    const struct config_value *value;
    const char *origin; /* "default", "computed", or NULL: see value->where */
};

struct config_store {
    struct config_pool pool;
    struct config_setting *settings;
    size_t n_settings;
    size_t cap_settings;
    span *files; /* of lists: config/watch.h */
    size_t n_files;
    uint64_t files_mark;
};

struct config_load {
    struct config *c;
    struct config_pool *pool;
    struct config_problems *problems;
    const struct config_key *key; /* the one being read */
    span block;                   /* the name of the block it stands in */
    span name;                    /* of the setting itself, when its key has names */
};

/* The "file" of what herald itself puts where a file says nothing; compared as a pointer. */
extern const char config_own_text[];

/* Complain about the key being read. `found` is escaped; `words` NULL: "not a value for this key".
 */
void config_load_complain(struct config_load *load, const struct config_where *where, span found,
                          const char *words);

/* A warning with a place of its own and no allowed values. */
void config_load_warn(struct config_load *load, const struct config_where *where, span found,
                      const char *words);

/* Read value into the field at `at` by the key's type; complains when it does not fit. */
bool config_value_read(struct config_load *load, const struct config_value *value, void *at);

/* The readers of greeting { }, config/policy.c. */
bool config_policy_read_preset(struct config_load *load, const struct config_value *value,
                               void *at);
bool config_policy_read_stage(struct config_load *load, const struct config_value *value, void *at);
bool config_policy_read_check(struct config_load *load, const struct config_value *value, void *at);
bool config_policy_read_exemptions(struct config_load *load, const struct config_value *value,
                                   void *at);

/* The lists of greeting { } and egress { }, config/names.c. */
bool config_names_read_own(struct config_load *load, const struct config_value *value, void *at);
bool config_names_read_addresses(struct config_load *load, const struct config_value *value,
                                 void *at);
bool config_names_read_vouched(struct config_load *load, const struct config_value *value,
                               void *at);
bool config_names_read_listed(struct config_load *load, const struct config_value *value, void *at);
bool config_names_read_egress(struct config_load *load, const struct config_value *value, void *at);

/* Watch a file that is about to be read, config/watch.c. path ends with a NUL. */
void config_watch_add(struct config *c, span path);

/* Defaults that are found out at start; the text, from the pool. A name that is not fit is
 * warned about, kept as config.hostname, and gives an empty text. */
span config_compute_hostname(struct config_load *load);
span config_compute_data_dir(struct config_load *load);

#endif
