/* SPDX-License-Identifier: ISC */
/* herald judge --self: the name that we say from each address, and what receivers would say to it.
 */
#include <stdio.h>

#include "base/escape.h"
#include "cli/cli.h"
#include "cli/judge.h"
#include "cli/probe.h"
#include "config/own.h"
#include "greeting/self.h"
#include "net/local.h"

#define OUT_BYTES       65536 /* of one row */
#define ADVICE_BYTES    2048
#define REFUSED_BY_SOME 1

/* One address of one egress. */
struct self_row {
    const struct config_egress *egress;
    struct ip_addr socket;
    struct ip_addr seen; /* IP_NONE: not known */
    struct ip_addr told; /* by the peer that was asked; IP_NONE: nothing */
    struct greeting_self dns;
    struct greeting_candidates candidates;
    struct greeting_choice choice;
    struct probe probe;
    bool probed;
};

struct self_run {
    const struct config *conf;
    struct cli_dns *dns;
    const char *peer; /* NULL: none */
    bool json;
    bool refused; /* by some kind of receiver */
    bool nothing; /* an egress has nothing to say */
    bool broken;  /* standard output is */
    size_t rows;
    struct buf out;
    char room[OUT_BYTES];
};

/* ---- kinds of receivers ---- */

/* What each would do with a greeting; NULL: accept. */
typedef const char *receiver_fn(const struct greeting_facts *f, const struct greeting_verdict *v);

static const char *by_verdict(const struct greeting_facts *f, const struct greeting_verdict *v)
{
    (void)f;
    return v->action == GREETING_ACCEPT ? NULL : v->cause.p;
}

static bool is_literal(const struct greeting_facts *f)
{
    return f->value[FACT_FORM] == FORM_IPV4_LITERAL || f->value[FACT_FORM] == FORM_IPV6_LITERAL;
}

static const char *postfix_invalid(const struct greeting_facts *f, const struct greeting_verdict *v)
{
    (void)v;
    return f->value[FACT_SYNTAX] == SYNTAX_INVALID ? "501 Invalid name" : NULL;
}

static const char *postfix_fqdn(const struct greeting_facts *f, const struct greeting_verdict *v)
{
    (void)v;
    return f->value[FACT_FQDN] == PASS_PASS ? NULL : "504 need fully-qualified hostname";
}

static const char *postfix_unknown(const struct greeting_facts *f, const struct greeting_verdict *v)
{
    unsigned resolves = f->value[FACT_RESOLVES];

    (void)v;
    if (is_literal(f) || resolves == RESOLVES_ADDR || resolves == RESOLVES_MX_ONLY)
        return NULL;
    return resolves == RESOLVES_TEMPERROR ? "450 Host not found, for now" : "450 Host not found";
}

static const char *exim_verify(const struct greeting_facts *f, const struct greeting_verdict *v)
{
    (void)v;
    if (f->value[FACT_LITERAL_MATCH] == PASS_PASS || f->value[FACT_ADDRESS_MATCH] == PASS_PASS ||
        f->value[FACT_MATCHES_RDNS] == MATCH_YES)
        return NULL;
    return "550, where verify = helo is required";
}

static const char *reverse_dns(const struct greeting_facts *f, const struct greeting_verdict *v)
{
    (void)v;
    if (f->value[FACT_IPREV] == IPREV_PASS)
        return NULL;
    if (f->value[FACT_IPREV] == IPREV_TEMPERROR)
        return "450, DNS did not answer";
    return f->value[FACT_RDNS] == RDNS_ABSENT ? "550, no reverse name"
                                              : "550, the reverse name does not lead back";
}

/* word, its preset, whether it calls our name its own, what decides */
static const struct receiver {
    const char *word;
    enum greeting_preset preset;
    bool owns_name;
    receiver_fn *refuses;
} receivers[] = {
    {"standard", PRESET_STANDARD, false, by_verdict},
    {"strict", PRESET_STRICT, false, by_verdict},
    {"postfix reject_invalid_helo_hostname", PRESET_OBSERVE, false, postfix_invalid},
    {"postfix reject_non_fqdn_helo_hostname", PRESET_OBSERVE, false, postfix_fqdn},
    {"postfix reject_unknown_helo_hostname", PRESET_OBSERVE, false, postfix_unknown},
    {"exim verify = helo", PRESET_OBSERVE, false, exim_verify},
    {"forward-confirmed reverse DNS", PRESET_OBSERVE, false, reverse_dns},
    {"a receiver that owns the name", PRESET_STANDARD, true, by_verdict},
};

static const char *ask_receiver(struct self_run *run, const struct self_row *row,
                                const struct receiver *receiver)
{
    static struct judge_case c;
    static struct judge_result result;

    judge_case_init(&c);
    c.preset = receiver->preset;
    greeting_policy_init(&c.policy, c.preset);
    c.claim.client = c.session.client = row->seen;
    c.claim.greeting = span_of(row->choice.text, row->choice.n);
    if (receiver->owns_name && row->choice.helo)
        c.names[c.server.n_names++] = c.claim.greeting;
    judge_run(&c, run->dns, &result);
    return receiver->refuses(greeting_gather_facts(&result.gather), &result.verdict);
}

/* ---- finding out ---- */

static void look_up(struct self_run *run, struct self_row *row)
{
    struct greeting_candidates *c = &row->candidates;
    struct dns_question question;
    span names[SELF_NAMES];
    unsigned tag;

    config_own_candidates(run->conf, row->egress, row->seen, row->socket, c);
    names[SELF_MAPPED] = c->mapped;
    names[SELF_CONFIGURED] = c->configured;
    names[SELF_HOST] = c->host;
    greeting_self_init(&row->dns, row->seen, names);
    while (greeting_self_next(&row->dns, &question, &tag)) {
        struct dns_answer answer = cli_ask(run->dns, question);

        greeting_self_told(&row->dns, tag, &answer);
    }
    greeting_self_fill(&row->dns, c);
    greeting_self_trust(c);
    if (run->peer != NULL)
        c->peer = span_cstr(run->peer);
    greeting_choose(c, &row->choice);
}

static struct ip_addr seen_address(const struct self_row *row)
{
    struct ip_addr given = row->egress->public_address;

    if (given.family == row->socket.family)
        return given;
    return greeting_is_public(row->socket) ? row->socket : row->told;
}

/* An address of the peer in the family of the row: it is one, or DNS has one. */
static bool find_peer(struct self_run *run, const struct self_row *row, struct net_addr *out)
{
    bool is_v4 = row->socket.family == IP_V4;
    span host = span_cstr(run->peer);
    struct dns_question question = {host, is_v4 ? DNS_A : DNS_AAAA};
    struct diag ignored = {0};
    struct dns_answer answer;
    struct dns_cursor at;
    struct dns_record r;
    struct ip_addr a;

    if (net_addr_parse(host, out, &ignored) == ERR_OK)
        return (net_addr_family(out) == AF_INET) == is_v4;
    if (!ip_addr_parse(host, &a)) {
        answer = cli_ask(run->dns, question);
        at = dns_records(&answer);
        if (!dns_record_next(&at, &r))
            return false;
        a = dns_record_addr(&r);
    }
    *out = net_addr_ip(span_of(a.octet, ip_addr_bytes(a)), 25);
    return a.family == row->socket.family;
}

static void ask_peer(struct self_run *run, struct self_row *row)
{
    struct net_addr to;
    struct ip_addr told;

    if (row->choice.n == 0 || !find_peer(run, row, &to))
        return;
    probe_run(&to, row->egress->address, span_of(row->choice.text, row->choice.n), &row->probe);
    row->probed = true;
    if (row->probe.accepted && greeting_echo(span_of(row->probe.text, row->probe.n), &told) &&
        greeting_is_public(told) && told.family == row->socket.family)
        row->told = told;
}

/* ---- for a person ---- */

/* With `unknown` none is known, as DNS did not answer. */
static void put_names(struct buf *b, const char *what, const span *names, size_t n, bool unknown)
{
    buf_printf(b, "  %-12s", what);
    for (size_t i = 0; i < n; i++) {
        buf_putc(b, ' ');
        escape_text(b, names[i], DOMAIN_MAX_BYTES);
    }
    if (n == 0)
        buf_put(b, unknown ? SPAN(" not known, DNS did not answer") : SPAN(" none"));
    buf_putc(b, '\n');
}

static size_t ptr_names(const struct self_row *row, span names[GREETING_SELF_PTR_MAX])
{
    size_t n = 0;

    while (n < GREETING_SELF_PTR_MAX && greeting_self_ptr(&row->dns, (unsigned)n).n > 0) {
        names[n] = greeting_self_ptr(&row->dns, (unsigned)n);
        n++;
    }
    return n;
}

static void put_probe(struct buf *b, const struct self_run *run, const struct self_row *row)
{
    if (!row->probed)
        return;
    buf_put(b, SPAN("  peer         "));
    escape_text(b, span_cstr(run->peer), DOMAIN_MAX_BYTES);
    if (row->probe.accepted)
        buf_put(b, SPAN(" accepts: "));
    else if (row->probe.code != 0)
        buf_printf(b, " refuses at %s with %u: ", smtp_stage_text(row->probe.stage),
                   row->probe.code);
    else
        buf_put(b, SPAN(" cannot be asked: "));
    escape_text(b, span_of(row->probe.text, row->probe.n), sizeof(row->probe.text));
    buf_putc(b, '\n');
}

static void put_receivers(struct self_run *run, const struct self_row *row)
{
    struct buf *b = &run->out;

    if (row->choice.n == 0)
        return;
    if (row->seen.family == IP_NONE) {
        buf_put(b, SPAN("  What receivers would say cannot be told: the public address is not "
                        "known.\n"));
        return;
    }
    for (size_t i = 0; i < COUNT(receivers); i++) {
        const char *refusal = ask_receiver(run, row, &receivers[i]);

        run->refused = run->refused || refusal != NULL;
        buf_printf(b, "    %-38s %s\n", receivers[i].word, refusal == NULL ? "accepts" : refusal);
    }
}

static void put_person(struct self_run *run, struct self_row *row, span advice)
{
    struct buf *b = &run->out;
    span ptr[GREETING_SELF_PTR_MAX];
    size_t n_ptr = ptr_names(row, ptr);

    buf_put(b, SPAN("egress \""));
    escape_text(b, row->egress->name, 64);
    buf_put(b, SPAN("\" from "));
    ip_addr_put(b, row->socket);
    buf_put(b, row->seen.family == IP_NONE ? SPAN(", as whom others see it is not known")
                                           : SPAN(", seen as "));
    ip_addr_put(b, row->seen);
    buf_put(b, SPAN("\n  greeting     "));
    buf_put(b, row->choice.n > 0 ? span_of(row->choice.text, row->choice.n) : SPAN("none"));
    buf_put(b, SPAN("\n  rule         "));
    buf_put(b, greeting_rule_word(row->choice.rule));
    buf_putc(b, '\n');
    put_names(b, "PTR", ptr, n_ptr, row->candidates.ptr_unknown);
    put_names(b, "lead back", row->candidates.confirmed, row->candidates.n_confirmed,
              row->candidates.ptr_unknown);
    if (advice.n > 0)
        buf_printf(b, "  to do        %.*s\n", SPAN_ARG(advice));
    put_probe(b, run, row);
    put_receivers(run, row);
}

/* ---- for a program ---- */

static void put_address_json(struct buf *b, const char *key, struct ip_addr a)
{
    char memory[IP_TEXT_BYTES];
    struct buf text = BUF_OVER(memory);

    ip_addr_put(&text, a);
    buf_printf(b, ",\"%s\":", key);
    if (text.n > 0)
        escape_json(b, buf_span(&text));
    else
        buf_put(b, SPAN("null"));
}

static void put_names_json(struct buf *b, const char *key, const span *names, size_t n,
                           bool unknown)
{
    if (n == 0 && unknown) {
        buf_printf(b, ",\"%s\":null", key);
        return;
    }
    buf_printf(b, ",\"%s\":[", key);
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            buf_putc(b, ',');
        escape_json(b, names[i]);
    }
    buf_putc(b, ']');
}

static void put_receivers_json(struct self_run *run, const struct self_row *row)
{
    struct buf *b = &run->out;
    const char *comma = "";

    buf_put(b, SPAN(",\"receivers\":{"));
    for (size_t i = 0; i < COUNT(receivers) && row->choice.n > 0 && row->seen.family != IP_NONE;
         i++) {
        const char *refusal = ask_receiver(run, row, &receivers[i]);

        run->refused = run->refused || refusal != NULL;
        buf_printf(b, "%s\"%s\":\"%s\"", comma, receivers[i].word,
                   refusal == NULL ? "accept" : refusal);
        comma = ",";
    }
    buf_putc(b, '}');
}

static void put_probe_json(struct buf *b, const struct self_row *row)
{
    buf_put(b, SPAN(",\"peer\":"));
    if (!row->probed) {
        buf_put(b, SPAN("null"));
        return;
    }
    buf_printf(b, "{\"accepted\":%s,\"code\":%u,\"stage\":\"%s\",\"text\":",
               row->probe.accepted ? "true" : "false", row->probe.code,
               smtp_stage_text(row->probe.accepted ? SMTP_STAGE_EHLO : row->probe.stage));
    escape_json(b, span_of(row->probe.text, row->probe.n));
    buf_putc(b, '}');
}

static void put_json(struct self_run *run, struct self_row *row, span advice)
{
    struct buf *b = &run->out;
    span ptr[GREETING_SELF_PTR_MAX];

    buf_put(b, SPAN("{\"egress\":"));
    escape_json(b, row->egress->name);
    put_address_json(b, "address", row->socket);
    put_address_json(b, "public_address", row->seen);
    buf_put(b, SPAN(",\"greeting\":"));
    if (row->choice.n > 0)
        escape_json(b, span_of(row->choice.text, row->choice.n));
    else
        buf_put(b, SPAN("null"));
    buf_put(b, SPAN(",\"rule\":"));
    escape_json(b, greeting_rule_word(row->choice.rule));
    put_names_json(b, "ptr", ptr, ptr_names(row, ptr), row->candidates.ptr_unknown);
    put_names_json(b, "forward", row->candidates.confirmed, row->candidates.n_confirmed,
                   row->candidates.ptr_unknown);
    buf_put(b, SPAN(",\"advice\":"));
    escape_json(b, advice);
    put_probe_json(b, row);
    put_receivers_json(run, row);
    buf_put(b, SPAN("}\n"));
}

/* ---- the command ---- */

static void judge_row(struct self_run *run, struct self_row *row)
{
    char memory[ADVICE_BYTES];
    struct buf advice = BUF_OVER(memory);

    row->seen = seen_address(row);
    look_up(run, row);
    if (run->peer != NULL) {
        ask_peer(run, row);
        if (!ip_addr_eq(row->seen, seen_address(row))) {
            row->seen = seen_address(row);
            look_up(run, row);
        }
    }
    greeting_self_advise(&advice, &row->candidates, &row->choice, row->egress->name);
    if (run->json)
        put_json(run, row, buf_span(&advice));
    else
        put_person(run, row, buf_span(&advice));
    BUG_IF(run->out.overflow, "a row that is too long");
    run->broken = run->broken || fwrite(run->out.p, 1, run->out.n, stdout) != run->out.n;
    buf_reset(&run->out);
    run->nothing = run->nothing || row->choice.rule == RULE_NOTHING;
    run->rows++;
}

static void judge_address(struct self_run *run, const struct config_egress *egress,
                          struct ip_addr socket)
{
    static struct self_row row;

    if (socket.family == IP_NONE)
        return;
    row = (struct self_row){.egress = egress, .socket = socket};
    judge_row(run, &row);
}

static void judge_egress(struct self_run *run, const struct config_egress *egress)
{
    if (egress->address.family != IP_NONE) {
        judge_address(run, egress, egress->address);
        return;
    }
    judge_address(run, egress, net_local_out(IP_V4));
    judge_address(run, egress, net_local_out(IP_V6));
}

int judge_self(const struct config *conf, struct cli_dns *dns, const char *peer, bool json)
{
    static struct self_run run;

    run = (struct self_run){.conf = conf, .dns = dns, .peer = peer, .json = json};
    run.out = BUF_OVER(run.room);
    dns->conf = &conf->dns;
    for (size_t i = 0; i < conf->n_egresses; i++)
        judge_egress(&run, &conf->egresses[i]);
    if (run.rows == 0)
        return cli_fail(CLI_UNREACHABLE, "no egress has an address to send from");
    if (run.broken || fflush(stdout) != 0)
        return CLI_IO;
    if (run.nothing)
        return CLI_CONFIG;
    return run.refused ? REFUSED_BY_SOME : CLI_OK;
}
