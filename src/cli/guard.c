/* SPDX-License-Identifier: ISC */
/* herald guard: the judge of greetings as a service for other mail servers. */
#include <stdio.h>

#include "cli/serve.h"

static void on_ready(void *arg, const struct proc_listener *listeners, size_t count)
{
    static const char *const protocols[] = {
        [GUARD_POLICY] = "policy",
        [GUARD_MILTER] = "milter",
        [GUARD_EXIM] = "exim",
    };

    (void)arg;
    printf("herald %s guards\n", HERALD_VERSION);
    for (size_t i = 0; i < count; i++) {
        char memory[NET_ADDR_TEXT_BYTES];
        struct buf address = BUF_OVER(memory);
        const struct config_guard *guard = listeners[i].config;

        net_addr_put(&address, &listeners[i].at);
        printf("    %-12s %.*s\n", protocols[guard->protocol], SPAN_ARG(buf_span(&address)));
    }
    (void)fflush(stdout);
}

static int run_guard(int argc, char **argv)
{
    struct plan_source source = {.guard_only = true};

    return cli_serve_until_told(&cli_guard, argc, argv, &source, on_ready);
}

const struct cli_command cli_guard = {
    .name = "guard",
    .summary = "judge greetings for Postfix, Sendmail and Exim",
    .usage = "herald guard -c FILE",
    .options =
        "  -c, --config FILE  read FILE, which has at least one guard block; nothing that takes\n"
        "                     mail is started\n",
    .examples = "  herald guard -c /etc/herald/herald.conf\n",
    .run = run_guard,
};
