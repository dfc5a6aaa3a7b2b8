/* SPDX-License-Identifier: ISC */
/*
 * config/users.h - the files that say who has a mailbox, who may log in, and as whom they send.
 *
 * Files with passwords or tokens are read without leaving copies behind, their lines are not shown
 * in warnings, and one that others on the machine can read is an error.
 */
#ifndef CONFIG_USERS_H
#define CONFIG_USERS_H

#include "config/load.h"

#define CONFIG_SENDERS_BYTES 16384u /* the senders of one login */

/* Add the lines "address[:forms]" of a file to c->users, those with a password to c->logins too. */
bool config_users_read(struct config_load *load, const struct config_value *path);

/* Add the lines "address:token" of a file to c->tokens. */
bool config_users_read_tokens(struct config_load *load, const struct config_value *path);

/* Add the lines "login: address, @domain" of a file to map; values as those of aliases. */
bool config_users_read_senders(struct config_load *load, const struct config_value *path,
                               struct config_map *map);

#endif
