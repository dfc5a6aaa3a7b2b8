/* SPDX-License-Identifier: ISC */
/* herald judge: facts, findings and verdict for one greeting, or for scenarios. */
#include "cli/judge.h"

#include <getopt.h>
#include <stdio.h>
#include <time.h>

#include "cli/cli.h"
#include "cli/scenario.h"
#include "config/config.h"
#include "config/find.h"
#include "config/own.h"
#include "net/local.h"

#define JUDGE_MACHINE_MAX 64

static struct judge_case the_case;
static struct judge_result result;
static struct cli_dns dns;

void judge_run(struct judge_case *c, struct cli_dns *from, struct judge_result *out)
{
    struct greeting_gather *g = &out->gather;
    struct greeting_event event;

    greeting_gather_init(g, &c->claim, &c->server);
    while (greeting_gather_next(g, &event) == GREETING_ASK) {
        struct dns_answer answer = cli_ask(from, event.question);

        greeting_gather_told(g, event.tag, &answer);
    }
    c->session.name = g->name.normal;
    c->session.hosts = out->hosts;
    c->session.n_hosts = 0;
    while (c->session.n_hosts < COUNT(out->hosts)) {
        span host = greeting_gather_host(g, (unsigned)c->session.n_hosts);

        if (host.n == 0)
            break;
        out->hosts[c->session.n_hosts++] = host;
    }
    greeting_judge(greeting_gather_facts(g), &c->policy, &c->session, &out->verdict);
}

/* ---- scenarios ---- */

static enum err run_scenario(void *context, const json_t *scenario, const struct dns_script *script,
                             struct buf *out, struct diag *d)
{
    struct greeting_name name;
    enum err e = judge_case_read(&the_case, scenario, d);

    (void)context;
    if (e != ERR_OK)
        return e;
    greeting_name_read(&name, the_case.claim.greeting, the_case.claim.is_helo);
    the_case.claim.local_domain =
        greeting_local_domain(name.normal, the_case.domains, the_case.n_domains);
    dns.script = script;
    judge_run(&the_case, &dns, &result);
    judge_put_json(out, &the_case, &result, scenario);
    return ERR_OK;
}

/* ---- one greeting, with the DNS of this machine ---- */

struct options {
    const char *client;
    const char *helo;
    const char *verb;
    const char *file; /* -c */
    const char *scenario;
    const char *policy;
    const char *peer;
    bool self;
    bool json;
};

static void take_config(const struct config *conf)
{
    struct greeting_name name;

    struct judge_case *c = &the_case;
    struct ip_addr all[JUDGE_MACHINE_MAX];
    size_t n = net_local_all(all, COUNT(all));

    c->server.n_names = config_own_names(conf, c->names, COUNT(c->names));
    c->server.n_addresses = config_own_addresses(conf, c->addresses, COUNT(c->addresses));
    for (size_t i = 0; i < n; i++)
        config_own_add(c->addresses, &c->server.n_addresses, COUNT(c->addresses), all[i]);
    c->session.trusted = config_is_trusted(conf, c->session.client);
    greeting_name_read(&name, c->claim.greeting, c->claim.is_helo);
    c->claim.local_domain = config_local_domain(conf, name.normal);
    c->claim.vouched = config_is_vouched(conf, c->session.client, name.normal);
    c->claim.listed = config_is_listed(conf, name.normal);
}

static int print_result(bool json)
{
    static char room[SCENARIO_OUT_BYTES];
    struct buf out = BUF_OVER(room);

    if (json) {
        judge_put_json(&out, &the_case, &result, NULL);
        buf_putc(&out, '\n');
    } else {
        judge_put_person(&out, &the_case, &result);
    }
    if (fwrite(out.p, 1, out.n, stdout) != out.n || fflush(stdout) != 0)
        return CLI_IO;
    return CLI_OK;
}

static int run_single(const struct options *o)
{
    struct config *conf = NULL;
    int status;

    judge_case_init(&the_case);
    if (o->client == NULL || o->helo == NULL)
        return cli_wrong_usage(&cli_judge, "--client and --helo are needed");
    if (!ip_addr_parse(span_cstr(o->client), &the_case.session.client))
        return cli_wrong_usage(&cli_judge, "%s is not an IP address", o->client);
    if (o->policy != NULL && !greeting_preset_parse(span_cstr(o->policy), &the_case.preset))
        return cli_wrong_usage(&cli_judge, "%s is not a policy: observe, standard, strict",
                               o->policy);
    if (!span_ieq(span_cstr(o->verb), SPAN("EHLO")) && !span_ieq(span_cstr(o->verb), SPAN("HELO")))
        return cli_wrong_usage(&cli_judge, "%s is not EHLO or HELO", o->verb);
    greeting_policy_init(&the_case.policy, the_case.preset);
    the_case.verb = span_cstr(o->verb);
    the_case.claim.client = the_case.session.client;
    the_case.claim.greeting = span_cstr(o->helo);
    the_case.claim.is_helo = span_ieq(the_case.verb, SPAN("HELO"));
    the_case.session.now_s = (int64_t)time(NULL);
    if (o->file != NULL) {
        conf = cli_load_config(o->file);
        if (conf == NULL)
            return CLI_CONFIG;
        take_config(conf);
    }
    if (conf != NULL && o->policy == NULL) {
        the_case.preset = conf->greeting.preset;
        the_case.policy = conf->greeting.policy;
    }
    judge_run(&the_case, &dns, &result);
    status = print_result(o->json);
    config_free(conf);
    return status;
}

static int run_self(const struct options *o)
{
    struct config *conf = cli_load_config(o->file);
    int status;

    if (conf == NULL)
        return CLI_CONFIG;
    status = judge_self(conf, &dns, o->peer, o->json);
    config_free(conf);
    return status;
}

static int run(int argc, char **argv)
{
    static const struct option options[] = {
        {"client", required_argument, NULL, 'i'},   {"helo", required_argument, NULL, 'n'},
        {"verb", required_argument, NULL, 'v'},     {"policy", required_argument, NULL, 'p'},
        {"scenario", required_argument, NULL, 's'}, {"self", no_argument, NULL, 'S'},
        {"peer", required_argument, NULL, 'P'},     {"config", required_argument, NULL, 'c'},
        {"json", no_argument, NULL, 'j'},           {NULL, 0, NULL, 0},
    };
    struct options o = {.verb = "EHLO"};
    int option;

    while ((option = getopt_long(argc, argv, "c:", options, NULL)) != -1) {
        switch (option) {
        case 'i':
            o.client = optarg;
            break;
        case 'n':
            o.helo = optarg;
            break;
        case 'v':
            o.verb = optarg;
            break;
        case 'p':
            o.policy = optarg;
            break;
        case 's':
            o.scenario = optarg;
            break;
        case 'c':
            o.file = optarg;
            break;
        case 'S':
            o.self = true;
            break;
        case 'P':
            o.peer = optarg;
            break;
        case 'j':
            o.json = true;
            break;
        default:
            return CLI_USAGE;
        }
    }
    if (optind != argc)
        return cli_wrong_usage(&cli_judge, "unexpected argument: %s", argv[optind]);
    if (o.scenario != NULL)
        return scenario_run_all(o.scenario, run_scenario, NULL);
    if ((o.self && (o.client != NULL || o.helo != NULL)) || (!o.self && o.peer != NULL))
        return cli_wrong_usage(&cli_judge, "--self goes with --peer, not with --client and --helo");
    if (o.self)
        return run_self(&o);
    return run_single(&o);
}

const struct cli_command cli_judge = {
    .name = "judge",
    .summary = "judge a greeting: its facts, what is wrong, and what would become of it",
    .usage = "herald judge --client IP --helo NAME [--verb EHLO|HELO] [--policy PRESET] [-c FILE] "
             "[--json]\n"
             "herald judge --self [--peer HOST] [-c FILE] [--json]\n"
             "herald judge --scenario FILE",
    .options =
        "  --client IP      the address that connects\n"
        "  --helo NAME      what it greets with\n"
        "  --verb VERB      EHLO (the default) or HELO\n"
        "  --policy PRESET  observe, standard (the default) or strict\n"
        "  -c FILE          own name, addresses, domains and trusted networks from there\n"
        "  --scenario FILE  one JSON object a line, DNS included; - is standard input\n"
        "  --self           what this server greets with, from each egress, and what receivers "
        "would say\n"
        "  --peer HOST      with --self: greet this host and quote its reply\n"
        "  --json           the result as JSON\n"
        "With --self it exits 1 when some kind of receiver would refuse, 78 when there is nothing "
        "to "
        "say.\n",
    .examples = "  herald judge --client 198.51.100.7 --helo mail.example.com\n"
                "  herald judge --self -c /etc/herald/herald.conf --peer mx.example.org\n"
                "  herald judge --scenario greetings.jsonl\n",
    .run = run,
};
