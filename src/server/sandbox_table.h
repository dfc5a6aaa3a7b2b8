/* SPDX-License-Identifier: ISC */
/* server/sandbox_table.h - which system calls each kind of process may make; the rows are in the
 * .c. */
#ifndef SERVER_SANDBOX_TABLE_H
#define SERVER_SANDBOX_TABLE_H

#include "os/sandbox.h"
#include "server/proc.h"

/* Indexed by enum proc_kind. */
extern const struct sandbox_row sandbox_table[PROC_KIND_COUNT];

#endif
