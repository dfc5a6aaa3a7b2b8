/* SPDX-License-Identifier: ISC */
/* herald trace: what is known of a refusal, a session, a message, a client or a name. */
#include "cli/trace.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/num.h"
#include "cli/cli.h"
#include "cli/queue.h"
#include "greeting/judge.h"
#include "os/clock.h"
#include "os/heap.h"
#include "store/ledger.h"

#define NAME_BYTES   4096
#define FOUND_MAX    1000 /* of one session or message */
#define LAST_DEFAULT 20u
#define LAST_MAX     100000u

struct options {
    bool json;
    bool exemptions;
    const char *file;   /* -c */
    const char *client; /* --client */
    const char *name;   /* --name */
    uint64_t last;
    const char *ref;
    const struct config *config;
    int dir_fd;
};

/* ---- what was found, the newest of it ---- */

struct found {
    char *packed; /* NULL: none */
    size_t n;
};

struct finding {
    struct found *ring;
    size_t max;
    uint64_t count; /* ever put in */
    /* which of what the index gives is meant */
    struct ip_addr client;
    span name;
    const char *ref;
};

static bool has_note(const struct ledger_record *r, enum ledger_note_type type, span text)
{
    struct unpack u = unpack_over(r->notes);
    struct ledger_note n;

    while (ledger_note_next(&u, &n))
        if (n.type == type && span_ieq(ledger_name(n.text), ledger_name(text)))
            return true;
    return false;
}

static bool is_meant(const struct finding *f, const struct ledger_record *r)
{
    if (f->client.family != IP_NONE && !ip_addr_eq(f->client, r->client))
        return false;
    if (f->name.n != 0 && !has_note(r, LEDGER_GREETING, f->name))
        return false;
    return f->ref == NULL || has_note(r, LEDGER_REF, span_cstr(f->ref));
}

static bool keep(void *arg, const struct ledger_record *r)
{
    struct finding *f = arg;
    struct found *slot = &f->ring[f->count % f->max];
    char memory[LEDGER_RECORD_BYTES];
    struct buf b = BUF_OVER(memory);

    if (!is_meant(f, r))
        return true;
    ledger_record_put(&b, r);
    free(slot->packed);
    slot->packed = x_strdup(buf_span(&b));
    slot->n = b.n;
    f->count++;
    return true;
}

static size_t count_of(const struct finding *f)
{
    return f->count < f->max ? (size_t)f->count : f->max;
}

/* The i-th of those that were kept, the oldest first. */
static struct ledger_record record_at(const struct finding *f, size_t i)
{
    const struct found *slot = &f->ring[(f->count - count_of(f) + i) % f->max];
    struct ledger_record r;

    BUG_IF(!ledger_record_get(span_of(slot->packed, slot->n), &r), "a record became unreadable");
    return r;
}

static void finding_init(struct finding *f, size_t max)
{
    *f = (struct finding){.ring = x_alloc(max * sizeof(*f->ring)), .max = max};
}

static void finding_finish(struct finding *f)
{
    for (size_t i = 0; i < f->max; i++)
        free(f->ring[i].packed);
    free(f->ring);
}

/* A verdict says nothing that the record of its session does not say too. */
static bool is_superseded(const struct finding *f, const struct ledger_record *r)
{
    for (size_t i = 0; r->kind == LEDGER_VERDICT && i < count_of(f); i++) {
        struct ledger_record other = record_at(f, i);

        if (other.kind == LEDGER_SESSION && other.id == r->id)
            return true;
    }
    return false;
}

/* ---- asking ---- */

static int look(const struct options *o, const struct ledger_query *q, struct finding *f)
{
    struct ledger_reading counts;
    enum err e = ledger_read(o->dir_fd, q, keep, f, &counts);

    if (e != ERR_OK)
        return cli_fail(cli_exit_of(e), "cannot read the ledger: %s", err_text(e));
    if (counts.damaged != 0)
        (void)cli_fail(CLI_OK, "%llu octets of the ledger are damaged and were left out",
                       (unsigned long long)counts.damaged);
    return CLI_OK;
}

static void show_all(const struct options *o, const struct finding *f, bool whole)
{
    for (size_t i = 0; i < count_of(f); i++) {
        struct ledger_record r = record_at(f, i);

        if (is_superseded(f, &r))
            continue;
        if (o->json)
            cli_trace_show_json(stdout, &r);
        else if (whole)
            cli_trace_show_whole(stdout, &r);
        else
            cli_trace_show_line(stdout, &r);
    }
}

/* The message as the queue has it now; nothing when it is not there. */
static bool show_queued(const struct options *o, uint64_t id)
{
    struct ctl_request request = {.op = CTL_SHOW, .id = id};
    struct cli_queue *queue = NULL;
    struct ctl_reply reply;
    struct diag d = {0};
    struct record r;
    struct unpack u;
    bool shown = false;

    if (cli_queue_open(o->config, &queue, &d) != ERR_OK)
        return false;
    if (cli_queue_ask(queue, &request, &reply) == ERR_OK && reply.err == ERR_OK) {
        u = unpack_over(reply.rest);
        (void)unpack_u64(&u);
        shown = record_get(unpack_span(&u, RECORD_BYTES_MAX), &r) == ERR_OK;
    }
    if (shown && o->json)
        cli_queue_show_json(stdout, &r, &reply);
    else if (shown)
        cli_queue_show_whole(stdout, &r, &reply);
    cli_queue_close(queue);
    return shown;
}

static int by_id(const struct options *o, uint64_t id)
{
    struct ledger_query q = {.id = id};
    struct finding f;
    int code;

    finding_init(&f, FOUND_MAX);
    code = look(o, &q, &f);
    if (code == CLI_OK) {
        show_all(o, &f, true);
        if (!show_queued(o, id) && f.count == 0)
            code = cli_fail(CLI_BAD_INPUT, "nothing is known of '%s'", num_id_text(id).text);
    }
    finding_finish(&f);
    return code;
}

static int by_ref(const struct options *o, const char *ref)
{
    struct ledger_query q = {.by_key = true, .key = ledger_key(LEDGER_BY_REF, span_cstr(ref))};
    struct finding f;
    uint64_t id = 0;
    int code;

    finding_init(&f, FOUND_MAX);
    f.ref = ref;
    code = look(o, &q, &f);
    if (code == CLI_OK && f.count > 0)
        id = record_at(&f, count_of(&f) - 1).id;
    finding_finish(&f);
    if (code != CLI_OK)
        return code;
    return id != 0 ? by_id(o, id)
                   : cli_fail(CLI_BAD_INPUT, "no refusal has the reference '%s'", ref);
}

static int by_key(const struct options *o)
{
    struct ledger_query q = {.by_key = true};
    struct finding f;
    int code;

    finding_init(&f, (size_t)o->last);
    if (o->client != NULL && !ip_addr_parse(span_cstr(o->client), &f.client)) {
        finding_finish(&f);
        return cli_fail(CLI_BAD_INPUT, "'%.60s' is no address", o->client);
    }
    f.name = span_cstr(o->name);
    q.key = o->client != NULL ? ledger_key_client(f.client) : ledger_key(LEDGER_BY_NAME, f.name);
    code = look(o, &q, &f);
    if (code == CLI_OK)
        show_all(o, &f, false);
    if (code == CLI_OK && f.count > f.max && !o->json)
        printf("and %llu before these\n", (unsigned long long)(f.count - f.max));
    if (code == CLI_OK && f.count == 0)
        code = cli_fail(CLI_BAD_INPUT, "nothing is known of it");
    finding_finish(&f);
    return code;
}

/* ---- exemptions ---- */

struct use {
    char text[LEDGER_TEXT_BYTES];
    span name;
    uint64_t times;
    int64_t last_ms;
};

struct uses {
    struct use *use;
    size_t n;
};

static bool count_use(void *arg, const struct ledger_record *r)
{
    const struct uses *uses = arg;

    for (size_t i = 0; r->kind == LEDGER_SESSION && i < uses->n; i++) {
        struct use *use = &uses->use[i];

        if (!has_note(r, LEDGER_FREED, use->name))
            continue;
        use->times += r->count;
        use->last_ms = r->time_ms;
    }
    return true;
}

static void show_use(const struct options *o, const struct use *use)
{
    char time[CLOCK_RFC3339_BYTES + 1] = "never";

    if (use->times != 0)
        clock_rfc3339(use->last_ms, time);
    if (o->json)
        cli_trace_show_use_json(stdout, use->name, use->times, use->times != 0 ? time : NULL);
    else
        printf("%8llu  %-24s  %.*s\n", (unsigned long long)use->times, time, SPAN_ARG(use->name));
}

static int show_exemptions(const struct options *o)
{
    const struct greeting_policy *p = &o->config->greeting.policy;
    struct ledger_query q = {.by_key = true, .key = ledger_key(LEDGER_BY_EXEMPTION, SPAN_NONE)};
    struct uses uses = {x_alloc((p->n_exemptions + 1) * sizeof(struct use)), p->n_exemptions};
    struct ledger_reading counts;
    enum err e;

    for (size_t i = 0; i < uses.n; i++) {
        struct buf b = BUF_OVER(uses.use[i].text);

        greeting_exemption_put(&b, &p->exemptions[i]);
        uses.use[i].name = buf_span(&b);
    }
    e = ledger_read(o->dir_fd, &q, count_use, &uses, &counts);
    for (size_t i = 0; i < uses.n && e == ERR_OK; i++)
        show_use(o, &uses.use[i]);
    free(uses.use);
    return e == ERR_OK ? CLI_OK
                       : cli_fail(cli_exit_of(e), "cannot read the ledger: %s", err_text(e));
}

/* ---- the command ---- */

static int answer(const struct options *o)
{
    char ref[LEDGER_REF_BYTES + 1];
    uint64_t id;

    if (o->exemptions)
        return show_exemptions(o);
    if (o->ref == NULL)
        return by_key(o);
    if (ledger_ref_parse(span_cstr(o->ref), ref))
        return by_ref(o, ref);
    if (num_id_parse(span_cstr(o->ref), &id) && id != 0)
        return by_id(o, id);
    return cli_fail(CLI_BAD_INPUT,
                    "'%.40s' is neither a reference nor the id of a session or message", o->ref);
}

static int open_and_answer(struct options *o)
{
    struct config *c = cli_load_config(o->file);
    char path[NAME_BYTES];
    struct buf b = BUF_OVER(path);
    int code;

    if (c == NULL)
        return CLI_CONFIG;
    o->config = c;
    buf_printf(&b, "%.*s/" LEDGER_DIR, SPAN_ARG(c->data_dir));
    o->dir_fd = buf_cstr(&b) != NULL ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (o->dir_fd < 0)
        code = cli_fail(errno == EACCES ? CLI_DENIED : CLI_UNREACHABLE, "no ledger in %.*s: %s",
                        SPAN_ARG(c->data_dir), strerror(errno));
    else
        code = answer(o);
    if (o->dir_fd >= 0)
        (void)close(o->dir_fd);
    config_free(c);
    return code;
}

static bool read_options(int argc, char **argv, struct options *o)
{
    static const struct option longs[] = {
        {"json", no_argument, NULL, 'j'},
        {"config", required_argument, NULL, 'c'},
        {"client", required_argument, NULL, 'a'},
        {"name", required_argument, NULL, 'n'},
        {"last", required_argument, NULL, 'l'},
        {"exemptions", no_argument, NULL, 'e'},
        {NULL, 0, NULL, 0},
    };
    int c;

    while ((c = getopt_long(argc, argv, "c:", longs, NULL)) != -1) {
        if (c == 'j')
            o->json = true;
        else if (c == 'e')
            o->exemptions = true;
        else if (c == 'c')
            o->file = optarg;
        else if (c == 'a')
            o->client = optarg;
        else if (c == 'n')
            o->name = optarg;
        else if (c != 'l' || !num_parse_u64(span_cstr(optarg), LAST_MAX, &o->last) || o->last == 0)
            return false;
    }
    return true;
}

static int trace_run_command(int argc, char **argv)
{
    struct options o = {.last = LAST_DEFAULT, .dir_fd = -1};
    bool ref;

    if (!read_options(argc, argv, &o))
        return cli_wrong_usage(&cli_trace, "wrong options");
    ref = argc - optind == 1;
    if (argc - optind > 1 ||
        (int)ref + (o.client != NULL) + (o.name != NULL) + (int)o.exemptions != 1)
        return cli_wrong_usage(&cli_trace,
                               "one of a reference, an id, --client, --name and --exemptions");
    o.ref = ref ? argv[optind] : NULL;
    return open_and_answer(&o);
}

const struct cli_command cli_trace = {
    .name = "trace",
    .summary = "tell all that is known of a refusal, a session or a message",
    .usage = "herald trace REFERENCE | ID [--json]\n"
             "herald trace --client ADDRESS | --name NAME [--last N] [--json]\n"
             "herald trace --exemptions [--json]",
    .options =
        "  REFERENCE     seven letters and digits, as the reply to a refused greeting gives it\n"
        "  ID            of a session or a message: thirteen letters and digits\n"
        "  --client      the last sessions of an address\n"
        "  --name        the last sessions that greeted with a name\n"
        "  --last N      how many of them (20)\n"
        "  --exemptions  how often each exemption of the configuration was used, and when last\n"
        "  -c FILE       the configuration of the server\n"
        "  --json        print JSON, one object a line\n",
    .examples = "  herald trace 7QK2M9P\n"
                "  herald trace 01JD2Y6M3N000\n"
                "  herald trace --client 198.51.100.7 --last 5\n",
    .run = trace_run_command,
};
