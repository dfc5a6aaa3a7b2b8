/* SPDX-License-Identifier: ISC */
/* herald spf: check_host() of RFC 7208 for a person, or for scenarios. */
#include <getopt.h>
#include <stdio.h>
#include <time.h>

#include "base/escape.h"
#include "cli/ask.h"
#include "cli/cli.h"
#include "cli/scenario.h"
#include "os/idn.h"
#include "spf/spf.h"

static struct cli_dns dns;

static struct spf_event evaluate(struct spf *s, const struct spf_identity *who)
{
    static char memory[SPF_MEMORY_BYTES];
    struct spf_event event;

    spf_init(s, who, memory, sizeof(memory));
    while (spf_next(s, &event) == SPF_ASK) {
        struct dns_answer answer = cli_ask(&dns, event.question);

        spf_told(s, &answer);
    }
    return event;
}

/* The sender with its domain in A-labels; as it came where there are none. Until the next call. */
static span with_a_labels(span sender)
{
    static char room[1024]; /* of longer ones SPF makes nothing either */
    struct buf b = BUF_OVER(room);

    return idn_is_needed(sender) && idn_put_address(&b, sender) ? buf_span(&b) : sender;
}

static void put_text(struct buf *out, const char *key, span text)
{
    buf_printf(out, ",\"%s\":", key);
    if (text.n > 0)
        escape_json(out, text);
    else
        buf_put(out, SPAN("null"));
}

static void put_result(struct buf *out, const struct spf_event *event)
{
    buf_put(out, SPAN("\"result\":"));
    escape_json(out, spf_result_word(event->result));
    put_text(out, "explanation", event->explanation);
    put_text(out, "mechanism", event->mechanism);
    put_text(out, "problem", spf_problem_text(event->problem));
    buf_printf(out, ",\"lookups\":%u,\"void_lookups\":%u}", event->lookups, event->void_lookups);
}

static enum err run_scenario(void *context, const json_t *scenario, const struct dns_script *script,
                             struct buf *out, struct diag *d)
{
    struct spf_identity who = {
        .helo = scenario_text(scenario, "greeting"),
        .sender = with_a_labels(scenario_text(scenario, "mail_from")),
        .receiver = scenario_text(scenario, "receiver"),
        .now_s = (int64_t)json_integer_value(json_object_get(scenario, "time")),
    };
    struct spf s;
    struct spf_event event;

    (void)context;
    if (!ip_addr_parse(scenario_text(scenario, "client"), &who.client))
        return diag_set(d, ERR_SYNTAX, 0, "\"client\" is not an IP address");
    dns.script = script;
    event = evaluate(&s, &who);
    buf_put(out, SPAN("{\"id\":"));
    scenario_put_id(out, scenario);
    buf_putc(out, ',');
    put_result(out, &event);
    return ERR_OK;
}

static void print_for_person(const struct spf_event *event)
{
    char text[2 * SPF_EXPLANATION_BYTES];
    struct buf out = BUF_OVER(text);
    span mechanism = event->mechanism;

    buf_put(&out, spf_result_word(event->result));
    if (mechanism.n > 0) {
        buf_put(&out, SPAN(" (matched: "));
        escape_text(&out, mechanism, mechanism.n);
        buf_putc(&out, ')');
    }
    if (event->problem != SPF_NO_PROBLEM) {
        buf_put(&out, SPAN("\nwhy: "));
        buf_put(&out, spf_problem_text(event->problem));
    }
    if (event->explanation.n > 0) {
        buf_put(&out, SPAN("\nthe domain says: "));
        escape_text(&out, event->explanation, event->explanation.n);
    }
    printf("%.*s\nDNS look-ups: %u of %u, void: %u of %u\n", SPAN_ARG(buf_span(&out)),
           event->lookups, SPF_TERMS_MAX, event->void_lookups, SPF_VOID_MAX);
}

static int run_single(const char *client, const char *helo, const char *from, bool json)
{
    static char room[SCENARIO_OUT_BYTES];
    struct spf_identity who = {
        .helo = span_cstr(helo),
        .sender = with_a_labels(span_cstr(from)),
        .now_s = (int64_t)time(NULL),
    };
    struct buf out = BUF_OVER(room);
    struct spf s;
    struct spf_event event;

    if (client == NULL || helo == NULL)
        return cli_wrong_usage(&cli_spf, "--client and --helo are needed");
    if (!ip_addr_parse(span_cstr(client), &who.client))
        return cli_wrong_usage(&cli_spf, "%s is not an IP address", client);
    event = evaluate(&s, &who);
    if (json) {
        buf_put(&out, SPAN("{\"id\":null,"));
        put_result(&out, &event);
        printf("%.*s\n", SPAN_ARG(buf_span(&out)));
    } else {
        print_for_person(&event);
    }
    return fflush(stdout) == 0 ? CLI_OK : CLI_IO;
}

static int run(int argc, char **argv)
{
    static const struct option options[] = {
        {"client", required_argument, NULL, 'i'},   {"helo", required_argument, NULL, 'n'},
        {"from", required_argument, NULL, 'f'},     {"json", no_argument, NULL, 'j'},
        {"scenario", required_argument, NULL, 's'}, {NULL, 0, NULL, 0},
    };
    const char *client = NULL;
    const char *helo = NULL;
    const char *from = NULL;
    const char *scenario = NULL;
    bool json = false;
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 'i':
            client = optarg;
            break;
        case 'n':
            helo = optarg;
            break;
        case 'f':
            from = optarg;
            break;
        case 's':
            scenario = optarg;
            break;
        case 'j':
            json = true;
            break;
        default:
            return CLI_USAGE;
        }
    }
    if (optind != argc)
        return cli_wrong_usage(&cli_spf, "unexpected argument: %s", argv[optind]);
    if (scenario != NULL)
        return scenario_run_all(scenario, run_scenario, NULL);
    return run_single(client, helo, from, json);
}

const struct cli_command cli_spf = {
    .name = "spf",
    .summary = "say whether an address may send for a domain",
    .usage = "herald spf --client IP --helo NAME [--from ADDRESS] [--json]\n"
             "herald spf --scenario FILE",
    .options = "  --client IP      the address that connects\n"
               "  --helo NAME      what it greets with\n"
               "  --from ADDRESS   its MAIL FROM; without it the greeting is judged\n"
               "  --scenario FILE  one JSON object a line, DNS included; - is standard input\n"
               "  --json           the result as JSON\n",
    .examples = "  herald spf --client 192.0.2.7 --helo mx.example.com --from bob@example.com\n",
    .run = run,
};
