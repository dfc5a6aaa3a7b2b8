/* SPDX-License-Identifier: ISC */
/* cli/commands.h - the rows of cli_commands for greetings. */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

#include "cli/cli.h"

extern const struct cli_command cli_spf;

#endif
