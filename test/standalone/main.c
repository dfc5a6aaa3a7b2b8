/* SPDX-License-Identifier: ISC */
/* The commands of this part without the rest of herald: NAME ARGUMENTS. */
#include "cli/cli.h"

#include <stdarg.h>
#include <stdio.h>

#include "cli/commands.h"

int cli_fail(int code, const char *fmt, ...)
{
    va_list args;

    (void)fputs("herald: ", stderr);
    va_start(args, fmt);
    (void)vfprintf(stderr, fmt, args);
    va_end(args);
    (void)fputc('\n', stderr);
    return code;
}

int cli_wrong_usage(const struct cli_command *command, const char *fmt, ...)
{
    va_list args;

    (void)fprintf(stderr, "herald %s: ", command->name);
    va_start(args, fmt);
    (void)vfprintf(stderr, fmt, args);
    va_end(args);
    (void)fputc('\n', stderr);
    return CLI_USAGE;
}

int cli_fail_diag(enum err e, const struct diag *d)
{
    char text[2 * DIAG_TEXT_BYTES];

    (void)e;
    return cli_fail(CLI_BAD_INPUT, "%s", diag_format(d, text, sizeof(text)));
}

int main(int argc, char **argv)
{
    static const struct cli_command *const commands[] = {&cli_spf};

    for (size_t i = 0; argc > 1 && i < COUNT(commands); i++) {
        if (span_eq(span_cstr(argv[1]), span_cstr(commands[i]->name)))
            return commands[i]->run(argc - 1, argv + 1);
    }
    return cli_fail(CLI_USAGE, "no such command");
}
