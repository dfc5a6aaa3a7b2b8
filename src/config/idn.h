/* SPDX-License-Identifier: ISC */
/* config/idn.h - names with letters beyond ASCII, as an operator writes them (RFC 5890, 5891). */
#ifndef CONFIG_IDN_H
#define CONFIG_IDN_H

#include "config/pool.h"

/* The name in A-labels; as it came when it is ASCII already, or is no such name. */
span config_idn(struct config_pool *pool, span name);

#endif
