/* SPDX-License-Identifier: ISC */
/* cli/trace.h - how `herald trace` shows a record of the ledger. */
#ifndef CLI_TRACE_H
#define CLI_TRACE_H

#include <stdio.h>

#include "queue/ledger_record.h"

/* One JSON object on one line. */
void cli_trace_show_json(FILE *out, const struct ledger_record *r);
/* All of it, for a person. */
void cli_trace_show_whole(FILE *out, const struct ledger_record *r);
/* How often an exemption was used; last NULL: never. */
void cli_trace_show_use_json(FILE *out, span exemption, uint64_t times, const char *last);
/* One line, for a list. */
void cli_trace_show_line(FILE *out, const struct ledger_record *r);

#endif
