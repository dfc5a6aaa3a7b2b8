/* SPDX-License-Identifier: ISC */
/* herald serve: the server. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/serve.h"
#include "os/heap.h"
#include "os/notify.h"

static bool is_smtp(const struct proc_listener *at)
{
    return at->kind == PROC_SMTPD;
}

static span role_of(const struct proc_listener *at)
{
    static const span names[] = {
        [CONFIG_ROLE_MX] = SPAN_INIT("mx"),
        [CONFIG_ROLE_SUBMISSION] = SPAN_INIT("submission"),
        [CONFIG_ROLE_LMTP] = SPAN_INIT("lmtp"),
    };
    const struct config_listen *listen = at->config;

    return names[listen->role];
}

static void print_try(const struct proc_listener *at, const struct config *c)
{
    char memory[NET_ADDR_TEXT_BYTES];
    struct buf address = BUF_OVER(memory);

    net_addr_put(&address, &at->at);
    printf("\nTry it:\n    printf 'Subject: hello\\n\\nFirst mail.\\n' | "
           "curl -sS --crlf smtp://%.*s --mail-from me@example.test --mail-rcpt "
           "alice@example.test -T -\n    find %.*s/mail -type f\n",
           SPAN_ARG(buf_span(&address)), SPAN_ARG(c->data_dir));
}

/* Tell a person where the server is and what to do first; programs read the log. */
static void on_ready(void *arg, const struct proc_listener *listeners, size_t count)
{
    const struct plan_source *source = arg;
    const struct proc_listener *first = NULL;

    printf("herald %s serves\n", HERALD_VERSION);
    for (size_t i = 0; i < count; i++) {
        char memory[NET_ADDR_TEXT_BYTES];
        struct buf address = BUF_OVER(memory);

        if (!is_smtp(&listeners[i]))
            continue;
        if (first == NULL)
            first = &listeners[i];
        net_addr_put(&address, &listeners[i].at);
        printf("    %-12.*s %.*s\n", SPAN_ARG(role_of(&listeners[i])),
               SPAN_ARG(buf_span(&address)));
    }
    if (source->file == NULL && first != NULL)
        print_try(first, source->config);
    (void)fflush(stdout);
}

int cli_serve_until_told(const struct cli_command *command, int argc, char **argv,
                         struct plan_source *source,
                         void (*ready)(void *arg, const struct proc_listener *at, size_t count))
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {NULL, 0, NULL, 0}};
    struct supervisor_conf conf = {.load = plan_load,
                                   .unload = plan_unload,
                                   .forget = plan_forget,
                                   .changed = plan_changed,
                                   .ready = ready,
                                   .arg = source};
    char *file = NULL;
    int option, status;

    while ((option = getopt_long(argc, argv, "c:", options, NULL)) != -1) {
        if (option != 'c')
            return cli_wrong_usage(command, "unknown option");
        source->file = optarg;
    }
    if (optind < argc)
        return cli_wrong_usage(command, "unexpected argument \"%s\"", argv[optind]);
    notify_init();
    /* The memory of argv will hold the titles of processes. */
    if (source->file != NULL)
        source->file = file = x_strdup(span_cstr(source->file));
    status = supervisor_run(&conf);
    free(file);
    return status;
}

static int run_serve(int argc, char **argv)
{
    struct plan_source source = {0};

    return cli_serve_until_told(&cli_serve, argc, argv, &source, on_ready);
}

const struct cli_command cli_serve = {
    .name = "serve",
    .summary = "run the mail server",
    .usage = "herald serve [-c FILE]",
    .options =
        "  -c, --config FILE  read FILE; without it the server is one to try: loopback, the\n"
        "                     domains localhost and example.test, nothing leaves\n",
    .examples = "  herald serve\n"
                "  herald serve -c /etc/herald/herald.conf\n",
    .run = run_serve,
};
