/* SPDX-License-Identifier: ISC */
/* config/agree.h - inside config: keys that are good alone, and not together. */
#ifndef CONFIG_AGREE_H
#define CONFIG_AGREE_H

#include "config/load.h"

/*
 * Complain about what contradicts itself, once all was read.
 *
 * Routes that name one smarthost say the same of TLS and of logging in: their mail is one
 * destination of the queue, and shares its connections.
 */
void config_agree(struct config_load *load);

#endif
