/* SPDX-License-Identifier: ISC */
/* Every command, in the order of --help. A new one: its row here and in cli.h. */
#include "cli/cli.h"

const struct cli_command *const cli_commands[] = {
    &cli_config, &cli_explain, &cli_guard, &cli_help, &cli_judge, &cli_queue,
    &cli_serve,  &cli_spf,     &cli_trace, &cli_user, NULL,
};
