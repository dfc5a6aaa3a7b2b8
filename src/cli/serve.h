/* SPDX-License-Identifier: ISC */
/* cli/serve.h - what the commands share that start processes and stay: serve and guard. */
#ifndef CLI_SERVE_H
#define CLI_SERVE_H

#include "cli/cli.h"
#include "server/plan.h"

/*
 * Read -c FILE and run until told to stop.
 *
 * ready    called with source once all processes are up
 * returns   the exit code
 */
int cli_serve_until_told(const struct cli_command *command, int argc, char **argv,
                         struct plan_source *source,
                         void (*ready)(void *arg, const struct proc_listener *at, size_t count));

#endif
