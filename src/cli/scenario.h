/* SPDX-License-Identifier: ISC */
/*
 * cli/scenario.h - scenarios: one JSON object a line in, one a line out.
 *
 * A scenario is self-contained: its "dns" list is all the DNS there is (spec of
 * `herald judge`). This reads the lines, fills the scripted resolver, and gives the
 * members of an object as spans, borrowed from the JSON.
 */
#ifndef CLI_SCENARIO_H
#define CLI_SCENARIO_H

#include <jansson.h>

#include "base/diag.h"
#include "dns/script.h"

#define SCENARIO_OUT_BYTES (1u << 20) /* one line of output */

/* What a command does with one scenario: one JSON object into out, without end of line. */
typedef enum err (*scenario_run)(void *context, const json_t *scenario,
                                 const struct dns_script *dns, struct buf *out, struct diag *d);

/*
 * Run all scenarios of a file ("-": standard input), results on standard output in order.
 *
 * A line that is no scenario gives {"id":...,"error":"..."} and a line on standard error;
 * the rest is run.
 *
 * returns the exit code: CLI_OK, CLI_BAD_INPUT when a line was bad, CLI_IO
 */
int scenario_run_all(const char *path, scenario_run run, void *context);

/* The member of that name as text; empty when it is absent, null or no string. */
span scenario_text(const json_t *object, const char *key);

/* The same, into out in quotes as JSON; "null" when absent. */
void scenario_put_id(struct buf *out, const json_t *scenario);

#endif
