/* SPDX-License-Identifier: ISC */
/* herald queue: list, show, retry, hold, release, bounce, delete, export, stats, check. */
#include "cli/queue.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/escape.h"
#include "base/num.h"
#include "cli/cli.h"
#include "store/store.h"

#define NAME_BYTES 4096

struct options {
    bool json;
    bool repair;
    const char *file; /* -c */
    const char *to;   /* --to */
    const char *arg;  /* ID or DIR, NULL: none */
    const struct config *config;
    struct cli_queue *queue; /* NULL for verbs that ask nobody */
};

static int reply_failed(const struct ctl_reply *r)
{
    int code = r->err == ERR_ABSENT || r->err == ERR_SYNTAX ? CLI_BAD_INPUT : cli_exit_of(r->err);

    return cli_fail(code, "%.*s", SPAN_ARG(r->words));
}

static int ask(const struct options *o, const struct ctl_request *request, struct ctl_reply *out_r)
{
    enum err e = cli_queue_ask(o->queue, request, out_r);

    if (e != ERR_OK)
        return cli_fail(CLI_UNREACHABLE, "the queue process does not answer: %s", err_text(e));
    return out_r->err == ERR_OK ? CLI_OK : reply_failed(out_r);
}

/* The id of the command line; false with the exit code. */
static bool read_id(const struct options *o, uint64_t *out_id, int *out_code)
{
    if (o->arg == NULL)
        *out_code = cli_wrong_usage(&cli_queue, "which message?");
    else if (!num_id_parse(span_cstr(o->arg), out_id) || *out_id == 0)
        *out_code = cli_fail(CLI_BAD_INPUT, "'%.40s' is no id of a message", o->arg);
    else
        return true;
    return false;
}

/* ---- list and show ---- */

typedef int record_fn(const struct options *o, const struct record *r, const struct ctl_reply *at);

static int print_line(const struct options *o, const struct record *r, const struct ctl_reply *at)
{
    if (o->json)
        cli_queue_show_json(stdout, r, at);
    else
        cli_queue_show_line(stdout, r, at);
    return CLI_OK;
}

static int print_whole(const struct options *o, const struct record *r, const struct ctl_reply *at)
{
    if (o->json)
        cli_queue_show_json(stdout, r, at);
    else
        cli_queue_show_whole(stdout, r, at);
    return CLI_OK;
}

/* What cannot be read is named, and does not hide the rest. */
static int each_of(const struct options *o, const struct ctl_reply *reply, record_fn *fn,
                   uint64_t *out_last)
{
    struct unpack u = unpack_over(reply->rest);
    int code = CLI_OK;

    while (code == CLI_OK && u.rest.n != 0 && !u.failed) {
        uint64_t id = unpack_u64(&u);
        span packed = unpack_span(&u, RECORD_BYTES_MAX);
        struct record r;
        enum err e = record_get(packed, &r);

        *out_last = id;
        if (e == ERR_OK)
            code = fn(o, &r, reply);
        else
            (void)cli_fail(CLI_BAD_INPUT, "message %s: %s", num_id_text(id).text, err_text(e));
    }
    return code;
}

/* All messages, page after page. */
static int each(const struct options *o, span dest, record_fn *fn, uint64_t *out_count)
{
    struct ctl_request request = {.op = CTL_LIST, .dest = dest};
    struct ctl_reply reply = {.more = true};
    int code = CLI_OK;

    *out_count = 0;
    while (code == CLI_OK && reply.more) {
        code = ask(o, &request, &reply);
        if (code == CLI_OK)
            code = each_of(o, &reply, fn, &request.id);
        *out_count += reply.count;
    }
    return code;
}

static int do_list(const struct options *o)
{
    uint64_t n;
    int code = each(o, span_cstr(o->to), print_line, &n);

    if (code == CLI_OK && !o->json)
        printf(n == 0 ? "The queue is empty.\n" : "%llu message%s\n", (unsigned long long)n,
               n == 1 ? "" : "s");
    return code;
}

static int do_show(const struct options *o)
{
    struct ctl_request request = {.op = CTL_SHOW};
    struct ctl_reply reply;
    uint64_t last;
    int code;

    if (!read_id(o, &request.id, &code))
        return code;
    code = ask(o, &request, &reply);
    return code == CLI_OK ? each_of(o, &reply, print_whole, &last) : code;
}

/* ---- orders ---- */

static int print_done(const struct options *o, const char *what, uint64_t n)
{
    if (o->json)
        printf("{\"%s\":%llu}\n", what, (unsigned long long)n);
    else
        printf("%s: %llu message%s\n", what, (unsigned long long)n, n == 1 ? "" : "s");
    return CLI_OK;
}

static int order(const struct options *o, enum ctl_op op, const char *what)
{
    struct ctl_request request = {.op = op};
    struct ctl_reply reply;
    int code;

    if (!read_id(o, &request.id, &code))
        return code;
    code = ask(o, &request, &reply);
    return code == CLI_OK ? print_done(o, what, reply.count) : code;
}

static int do_retry(const struct options *o)
{
    struct ctl_request request = {.op = CTL_RETRY};
    struct ctl_reply reply = {.more = true};
    uint64_t n = 0;
    int code = CLI_OK;

    if (o->arg != NULL)
        return order(o, CTL_RETRY, "retried");
    request.dest = span_cstr(o->to);
    while (code == CLI_OK && reply.more) {
        struct unpack u;

        code = ask(o, &request, &reply);
        u = unpack_over(reply.rest);
        request.offset = unpack_u64(&u);
        n += reply.count;
    }
    return code == CLI_OK ? print_done(o, "retried", n) : code;
}

static int do_hold(const struct options *o)
{
    return order(o, CTL_HOLD, "held");
}

static int do_release(const struct options *o)
{
    return order(o, CTL_RELEASE, "released");
}

static int do_bounce(const struct options *o)
{
    return order(o, CTL_BOUNCE, "bounced");
}

static int do_delete(const struct options *o)
{
    return order(o, CTL_DELETE, "deleted");
}

/* ---- export ---- */

static FILE *create(const struct options *o, uint64_t id, const char *tail)
{
    char name[NAME_BYTES];
    int fd;
    int n = snprintf(name, sizeof(name), "%s/%s%s", o->arg, num_id_text(id).text, tail);

    if (n < 0 || (size_t)n >= sizeof(name))
        return NULL;
    fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    return fd >= 0 ? fdopen(fd, "w") : NULL;
}

static int export_body(const struct options *o, uint64_t id, FILE *out)
{
    struct ctl_request request = {.op = CTL_BODY, .id = id};
    struct ctl_reply reply = {.more = true};

    while (reply.more) {
        int code = ask(o, &request, &reply);

        if (code != CLI_OK)
            return code;
        if (fwrite(reply.rest.p, 1, reply.rest.n, out) != reply.rest.n)
            return cli_fail(CLI_IO, "cannot write: %s", strerror(errno));
        request.offset += reply.rest.n;
    }
    return CLI_OK;
}

static int export_one(const struct options *o, uint64_t id)
{
    FILE *out = create(o, id, ".eml");
    int code = out != NULL ? export_body(o, id, out)
                           : cli_fail(CLI_CANNOT_CREATE, "cannot create %s/%s.eml: %s", o->arg,
                                      num_id_text(id).text, strerror(errno));

    if (out != NULL && fclose(out) != 0 && code == CLI_OK)
        code = cli_fail(CLI_IO, "cannot write: %s", strerror(errno));
    return code;
}

/* The ids are gathered first: an answer about a body replaces the page of records. */
struct ids {
    uint64_t *ids;
    size_t n;
    size_t cap;
};

static struct ids gathered;

static int gather(const struct options *o, const struct record *r, const struct ctl_reply *at)
{
    FILE *out = create(o, r->id, ".json");

    if (out == NULL)
        return cli_fail(CLI_CANNOT_CREATE, "cannot create %s/%s.json: %s", o->arg,
                        num_id_text(r->id).text, strerror(errno));
    cli_queue_show_json(out, r, at);
    if (fclose(out) != 0)
        return cli_fail(CLI_IO, "cannot write: %s", strerror(errno));
    if (gathered.n == gathered.cap) {
        size_t cap = gathered.cap != 0 ? 2 * gathered.cap : 1024;
        uint64_t *grown = realloc(gathered.ids, cap * sizeof(*grown));

        if (grown == NULL)
            return cli_fail(CLI_TEMPORARY, "out of memory");
        gathered.ids = grown;
        gathered.cap = cap;
    }
    gathered.ids[gathered.n++] = r->id;
    return CLI_OK;
}

static int do_export(const struct options *o)
{
    uint64_t n;
    int code;

    if (o->arg == NULL)
        return cli_wrong_usage(&cli_queue, "into which directory?");
    if (mkdir(o->arg, 0700) != 0 && errno != EEXIST)
        return cli_fail(CLI_CANNOT_CREATE, "cannot make %s: %s", o->arg, strerror(errno));
    code = each(o, SPAN_NONE, gather, &n);
    for (size_t i = 0; i < gathered.n && code == CLI_OK; i++)
        code = export_one(o, gathered.ids[i]);
    free(gathered.ids);
    return code == CLI_OK ? print_done(o, "exported", gathered.n) : code;
}

/* ---- stats and check ---- */

static void print_stats_json(span rest)
{
    struct unpack u = unpack_over(rest);

    putchar('{');
    for (size_t i = 0; u.rest.n != 0; i++) {
        char memory[8 * RECORD_DEST_BYTES];
        struct buf name = BUF_OVER(memory);
        span text = unpack_span(&u, RECORD_DEST_BYTES);

        escape_json(&name, text);
        /* The first three are about all of it, then come the destinations. */
        printf("%s%s%.*s:%llu",
               i == 0   ? ""
               : i == 3 ? ",\"destinations\":{"
                        : ",",
               "", SPAN_ARG(buf_span(&name)), (unsigned long long)unpack_u64(&u));
        if (i == 2 && u.rest.n == 0)
            printf(",\"destinations\":{");
    }
    puts("}}");
}

static int do_stats(const struct options *o)
{
    struct ctl_request request = {.op = CTL_STATS};
    struct ctl_reply reply;
    struct unpack u;
    int code = ask(o, &request, &reply);

    if (code != CLI_OK)
        return code;
    if (o->json) {
        print_stats_json(reply.rest);
        return CLI_OK;
    }
    u = unpack_over(reply.rest);
    while (u.rest.n != 0) {
        span name = unpack_span(&u, RECORD_DEST_BYTES);

        printf("%8llu  %.*s\n", (unsigned long long)unpack_u64(&u), SPAN_ARG(name));
    }
    return CLI_OK;
}

/* name in JSON, words for a person, number */
#define REPORT_ROWS(X)                                                                             \
    X(messages, "whole messages")                                                                  \
    X(corrupt, "damaged records")                                                                  \
    X(newer, "records of a newer version")                                                         \
    X(body_missing, "messages without a whole body")                                               \
    X(spool_orphans, "files of bodies without a message")                                          \
    X(index_wrong, "wrong entries of indexes")                                                     \
    X(unreadable, "places that could not be read")

static void print_report(const struct options *o, const struct store_report *r)
{
    if (o->json) {
        printf("{");
#define ROW(name, words) printf("\"" #name "\":%llu,", (unsigned long long)r->name);
        REPORT_ROWS(ROW)
#undef ROW
        printf("\"repaired\":%s,\"aside\":\"%s\"}\n", r->repaired ? "true" : "false", r->aside);
        return;
    }
#define ROW(name, words) printf("%8llu  %s\n", (unsigned long long)r->name, words);
    REPORT_ROWS(ROW)
#undef ROW
    if (r->repaired)
        printf("The queue was made anew; the damaged one is kept as queue/%s.\n", r->aside);
}

static int do_check(const struct options *o)
{
    char path[NAME_BYTES];
    struct buf b = BUF_OVER(path);
    struct store_report r;
    struct diag d = {0};
    enum err e;
    bool bad;

    buf_printf(&b, "%.*s/queue", SPAN_ARG(o->config->data_dir));
    if (buf_cstr(&b) == NULL)
        return cli_fail(CLI_CONFIG, "data_dir is too long");
    e = store_check(path, o->repair, &r, &d);
    if (e != ERR_OK)
        return cli_fail_diag(e, &d);
    print_report(o, &r);
    bad = r.corrupt + r.body_missing + r.index_wrong + r.unreadable != 0;
    if (bad && !r.repaired)
        return cli_fail(CLI_BAD_INPUT, "the queue is damaged; run: herald queue check --repair");
    return CLI_OK;
}

/* ---- the command ---- */

static const struct {
    const char *name;
    int (*run)(const struct options *o);
    bool alone; /* asks nobody */
    bool takes_arg;
} verbs[] = {
    {"list", do_list, false, false},      {"show", do_show, false, true},
    {"retry", do_retry, false, true},     {"hold", do_hold, false, true},
    {"release", do_release, false, true}, {"bounce", do_bounce, false, true},
    {"delete", do_delete, false, true},   {"export", do_export, false, true},
    {"stats", do_stats, false, false},    {"check", do_check, true, false},
};

static int run_verb(size_t verb, struct options *o)
{
    struct config *c = cli_load_config(o->file);
    struct diag d = {0};
    enum err e = ERR_OK;
    int code;

    if (c == NULL)
        return CLI_CONFIG;
    o->config = c;
    if (!verbs[verb].alone)
        e = cli_queue_open(c, &o->queue, &d);
    code = e == ERR_OK ? verbs[verb].run(o) : cli_fail_diag(e, &d);
    cli_queue_close(o->queue);
    config_free(c);
    return code;
}

static bool read_options(int argc, char **argv, struct options *o)
{
    static const struct option longs[] = {
        {"json", no_argument, NULL, 'j'},
        {"config", required_argument, NULL, 'c'},
        {"to", required_argument, NULL, 't'},
        {"repair", no_argument, NULL, 'r'},
        {NULL, 0, NULL, 0},
    };
    int c;

    while ((c = getopt_long(argc, argv, "c:", longs, NULL)) != -1) {
        switch (c) {
        case 'j':
            o->json = true;
            break;
        case 'c':
            o->file = optarg;
            break;
        case 't':
            o->to = optarg;
            break;
        case 'r':
            o->repair = true;
            break;
        default:
            return false;
        }
    }
    return true;
}

static int queue_run_command(int argc, char **argv)
{
    struct options o = {0};

    if (!read_options(argc, argv, &o))
        return CLI_USAGE;
    if (optind == argc)
        return cli_wrong_usage(&cli_queue, "list, show, retry, hold, release, bounce, delete, "
                                           "export, stats or check?");
    for (size_t i = 0; i < COUNT(verbs); i++) {
        if (strcmp(argv[optind], verbs[i].name) != 0)
            continue;
        if (argc - optind > (verbs[i].takes_arg ? 2 : 1))
            return cli_wrong_usage(&cli_queue, "unexpected argument '%.40s'", argv[argc - 1]);
        o.arg = argc - optind == 2 ? argv[optind + 1] : NULL;
        return run_verb(i, &o);
    }
    return cli_wrong_usage(&cli_queue, "no '%.40s'", argv[optind]);
}

const struct cli_command cli_queue = {
    .name = "queue",
    .summary = "show and change the mail that waits",
    .usage = "herald queue list [--to DOMAIN] [--json]\n"
             "herald queue show ID [--json]\n"
             "herald queue retry [ID | --to DOMAIN]\n"
             "herald queue hold | release | bounce | delete ID\n"
             "herald queue export DIR\n"
             "herald queue stats [--json]\n"
             "herald queue check [--repair] [--json]",
    .options = "  list       every message, or those that wait for a domain or destination\n"
               "  show       all that is known of one message\n"
               "  retry      try a message now, or all that wait for a domain, or all\n"
               "  hold       keep a message until release\n"
               "  release    let a held message go\n"
               "  bounce     give a message up and report to its sender\n"
               "  delete     forget a message without a report\n"
               "  export     write each message as ID.eml and ID.json into DIR\n"
               "  stats      how many messages there are, and for which destinations\n"
               "  check      examine the store while no server runs; exit 65 when damaged\n"
               "  --repair   save what can be read into a new store, keep the damaged one\n"
               "  --to       the domain of recipients, or a destination as `stats` shows it\n"
               "             (mx:example.net)\n"
               "  -c FILE    the configuration of the server\n"
               "  --json     print JSON; for list one object a line\n",
    .examples = "  herald queue list\n"
                "  herald queue retry --to example.net\n"
                "  herald queue show 01JD2Y6M3N000\n"
                "  herald queue check --repair -c /etc/herald/herald.conf\n",
    .run = queue_run_command,
};
