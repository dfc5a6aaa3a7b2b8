/* SPDX-License-Identifier: ISC */
#include "cli/cli.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/escape.h"
#include "base/near.h"

static void say(const char *fmt, va_list ap)
{
    char text[1024];

    vsnprintf(text, sizeof text, fmt, ap);
    fprintf(stderr, "herald: %s\n", text);
}

int cli_fail(int code, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    say(fmt, ap);
    va_end(ap);
    return code;
}

int cli_wrong_usage(const struct cli_command *command, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    say(fmt, ap);
    va_end(ap);
    if (command != NULL)
        fprintf(stderr, "Try 'herald %s --help'.\n", command->name);
    else
        fputs("Try 'herald --help'.\n", stderr);
    return CLI_USAGE;
}

struct config *cli_load_config(const char *file)
{
    struct config_problems problems = {0};
    struct config *c = config_load(file, &problems);

    config_problems_finish(&problems);
    if (c == NULL)
        (void)cli_fail(CLI_CONFIG, "the configuration has errors; see: herald config check %s",
                       file);
    return c;
}

int cli_exit_of(enum err e)
{
    static const int codes[] = {
        [ERR_OK] = CLI_OK,
        [ERR_NOSPACE] = CLI_IO,
        [ERR_LIMIT] = CLI_BAD_INPUT,
        [ERR_SYNTAX] = CLI_BAD_INPUT,
        [ERR_IO] = CLI_IO,
        [ERR_TIMEOUT] = CLI_UNREACHABLE,
        [ERR_TLS] = CLI_UNREACHABLE,
        [ERR_CONF] = CLI_CONFIG,
        [ERR_EXISTS] = CLI_CANNOT_CREATE,
        [ERR_ABSENT] = CLI_BAD_INPUT,
        [ERR_VERSION] = CLI_BAD_INPUT,
        [ERR_CORRUPT] = CLI_BAD_INPUT,
        [ERR_BUSY] = CLI_TEMPORARY,
        [ERR_DENIED] = CLI_DENIED,
        [ERR_CLOSED] = CLI_UNREACHABLE,
        [ERR_NOMEM] = CLI_TEMPORARY,
    };

    return (size_t)e < COUNT(codes) ? codes[e] : CLI_INTERNAL;
}

int cli_fail_diag(enum err e, const struct diag *d)
{
    char text[DIAG_TEXT_BYTES + 512], shown[4 * sizeof text + 4];
    struct buf b = BUF_OVER(shown);

    if (d == NULL || !d->set)
        return cli_fail(cli_exit_of(e), "%s", err_text(e));
    /* It may quote what was read. */
    escape_text(&b, span_cstr(diag_format(d, text, sizeof text)), sizeof text);
    return cli_fail(cli_exit_of(e), "%s", buf_cstr(&b));
}

bool cli_color(int fd)
{
    const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

    if (no_color != NULL && no_color[0] != '\0')
        return false;
    return isatty(fd) == 1 && term != NULL && strcmp(term, "dumb") != 0;
}

const char *cli_nearest(span word, const char *const *names, size_t n)
{
    const char *nearest = NULL;
    size_t best = SIZE_MAX;

    for (size_t i = 0; i < n; i++)
        if (near_is_nearer(word, span_cstr(names[i]), &best))
            nearest = names[i];
    return nearest;
}

void cli_print_help(const struct cli_command *command)
{
    printf("herald %s - %s\n\nUsage:\n", command->name, command->summary);
    for (span rest = span_cstr(command->usage), line; span_line(&rest, &line);)
        printf("  %.*s\n", SPAN_ARG(line));
    if (command->options != NULL)
        printf("\nOptions:\n%s", command->options);
    if (command->examples != NULL)
        printf("\nExamples:\n%s", command->examples);
}

void cli_print_overview(void)
{
    puts("herald " HERALD_VERSION " - a mail transfer agent\n\n"
         "Usage:\n  herald COMMAND [OPTIONS] [ARGUMENTS]\n\nCommands:");
    for (size_t i = 0; cli_commands[i] != NULL; i++)
        printf("  %-10s %s\n", cli_commands[i]->name, cli_commands[i]->summary);
    puts("\nOptions:\n"
         "  --help     this text; after a command, the help of that command\n"
         "  --version  the version\n\n"
         "Examples:\n"
         "  herald config defaults        every key with its default and what it means\n"
         "  herald help config            the help of one command");
}

/* The command of that name; complains with the nearest one when there is none. */
static const struct cli_command *command_find(const char *name)
{
    const struct cli_command *nearest = NULL;
    size_t best = SIZE_MAX;

    for (size_t i = 0; cli_commands[i] != NULL; i++) {
        if (strcmp(cli_commands[i]->name, name) == 0)
            return cli_commands[i];
        if (near_is_nearer(span_cstr(name), span_cstr(cli_commands[i]->name), &best))
            nearest = cli_commands[i];
    }
    if (nearest != NULL)
        cli_wrong_usage(NULL, "no command '%.64s'; did you mean '%s'?", name, nearest->name);
    else
        cli_wrong_usage(NULL, "no command '%.64s'", name);
    return NULL;
}

static bool asks_for_help(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--help") == 0)
            return true;
    return false;
}

/* What was printed must have reached its place: a full disk is a failure. */
static int finish(int code)
{
    if (fflush(stdout) == 0 && ferror(stdout) == 0)
        return code;
    return cli_fail(code != CLI_OK ? code : CLI_IO, "standard output: %s", strerror(errno));
}

static int help_run(int argc, char **argv)
{
    const struct cli_command *command;

    if (argc < 2) {
        cli_print_overview();
        return CLI_OK;
    }
    command = command_find(argv[1]);
    if (command == NULL)
        return CLI_USAGE;
    cli_print_help(command);
    return CLI_OK;
}

const struct cli_command cli_help = {
    .name = "help",
    .summary = "explain the commands",
    .usage = "herald help [COMMAND]",
    .examples = "  herald help\n  herald help config\n",
    .run = help_run,
};

static int run(int argc, char **argv)
{
    static char self[] = "herald";
    const struct cli_command *command;

    if (argc < 2)
        return cli_wrong_usage(NULL, "which command?");
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
        return help_run(1, argv);
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
        puts("herald " HERALD_VERSION);
        return CLI_OK;
    }
    if (argv[1][0] == '-')
        return cli_wrong_usage(NULL, "no option '%.64s' before a command", argv[1]);
    command = command_find(argv[1]);
    if (command == NULL)
        return CLI_USAGE;
    if (asks_for_help(argc - 1, argv + 1)) {
        cli_print_help(command);
        return CLI_OK;
    }
    optind = 0;
    /* What getopt_long says begins as all that we say. */
    argv[1] = self;
    return command->run(argc - 1, argv + 1);
}

int cli_main(int argc, char **argv)
{
    return finish(run(argc, argv));
}
