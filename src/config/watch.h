/* SPDX-License-Identifier: ISC */
/*
 * config/watch.h - have the files changed that a configuration was made from?
 *
 * Only those of lists (domains, users, aliases, tables of names): the configuration itself is read
 * anew when the operator says so. A mark is a number over what stat tells of each of them; where it
 * is another one, something changed.
 */
#ifndef CONFIG_WATCH_H
#define CONFIG_WATCH_H

#include "config/config.h"

/* The files as they were when they were read; 0: there are none. */
uint64_t config_watch_mark(const struct config *c);

/* The files as they are now. Blocks on the file system. */
uint64_t config_watch_now(const struct config *c);

#endif
