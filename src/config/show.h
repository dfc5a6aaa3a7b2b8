/* SPDX-License-Identifier: ISC */
/*
 * config/show.h - a configuration, and the keys there are, for people and programs.
 *
 * The callers lend the memory: when the buf overflows they try again with more.
 */
#ifndef CONFIG_SHOW_H
#define CONFIG_SHOW_H

#include "config/schema.h"

/* The effective configuration in its own grammar, with the origin of each value as a comment. */
void config_show_put(struct buf *b, const struct config *c);
/* The same as a JSON array of {"key","block","value","origin"}. */
void config_show_put_json(struct buf *b, const struct config *c);

/* All keys with their defaults, in the grammar, each with its documentation as a comment. */
void config_show_put_defaults(struct buf *b);
void config_show_put_defaults_json(struct buf *b);

/* One key: what it is, its default, what is allowed, when a change takes effect. */
void config_show_put_key(struct buf *b, const struct config_key *key);
void config_show_put_key_json(struct buf *b, const struct config_key *key);

/* The keys' part of herald.conf(5) as mdoc(7): everything from the first section to the last key.
 */
void config_show_put_mdoc(struct buf *b);

#endif
