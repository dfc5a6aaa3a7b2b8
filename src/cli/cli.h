/* SPDX-License-Identifier: ISC */
/*
 * cli/cli.h - what all commands of herald have in common.
 *
 * A command is one file with one `const struct cli_command cli_NAME`, and one row
 * in cli/commands.c. main finds it, answers --help from it and calls run. A
 * command prints its result on standard output, one clear line on standard error
 * when it fails, and returns an exit code. All output of a machine-readable kind
 * hangs on --json. Colour only where cli_color says so.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include "base/diag.h"
#include "config/config.h"

enum cli_exit {
    CLI_OK = 0,
    CLI_USAGE = 64,
    CLI_BAD_INPUT = 65,
    CLI_UNREACHABLE = 69,
    CLI_INTERNAL = 70,
    CLI_CANNOT_CREATE = 73,
    CLI_IO = 74,
    CLI_TEMPORARY = 75,
    CLI_DENIED = 77,
    CLI_CONFIG = 78,
};

struct cli_command {
    const char *name;
    const char *summary;  /* one line, no full stop */
    const char *usage;    /* "herald queue list [--json]", lines apart by \n */
    const char *options;  /* lines "  -c FILE    what it does\n" */
    const char *examples; /* lines "  herald ...\n" */
    /* argv[0] is "herald"; getopt_long may be used (optind is reset). */
    int (*run)(int argc, char **argv);
};

/* All commands in the order of --help; ends with NULL. */
extern const struct cli_command *const cli_commands[];

/* The rows of cli_commands. */
extern const struct cli_command cli_config;
extern const struct cli_command cli_explain;
extern const struct cli_command cli_guard;
extern const struct cli_command cli_help;
extern const struct cli_command cli_judge;
extern const struct cli_command cli_queue;
extern const struct cli_command cli_serve;
extern const struct cli_command cli_spf;
extern const struct cli_command cli_trace;
extern const struct cli_command cli_user;

/* "herald: ..." on standard error; returns code. */
int cli_fail(int code, const char *fmt, ...) PRINTF(2, 3);

/* The same for wrong usage, with a hint at --help; returns CLI_USAGE. */
int cli_wrong_usage(const struct cli_command *command, const char *fmt, ...) PRINTF(2, 3);

/* The same for a failure with a place; returns the exit code that fits e. */
int cli_fail_diag(enum err e, const struct diag *d);

/*
 * The configuration of a server, for commands that are not about configurations: what is wrong with
 * it is left to `herald config check`. NULL: it was said so; exit with CLI_CONFIG.
 *
 * file  NULL: that of a server started without one
 */
struct config *cli_load_config(const char *file);

/* The exit code for a failure. */
int cli_exit_of(enum err e);

/* True when fd is a terminal that wants colour (NO_COLOR unset, TERM not dumb). */
bool cli_color(int fd);

/* Of n names the one that may have been meant by `word`, or NULL when none is near. */
const char *cli_nearest(span word, const char *const *names, size_t n);

/* The help text of one command, or of all, on standard output. */
void cli_print_help(const struct cli_command *command);
void cli_print_overview(void);

/* The whole program; what main calls. */
int cli_main(int argc, char **argv);

#endif
