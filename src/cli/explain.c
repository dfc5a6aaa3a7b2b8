/* SPDX-License-Identifier: ISC */
/* herald explain: from any refusal to its cause, evidence and fix. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/ask.h"
#include "cli/cli.h"
#include "cli/lookup.h"
#include "explain/message.h"
#include "explain/show.h"

/* Octets of input that are read: a bounce with what it gives back of the message. */
#define INPUT_MAX_BYTES (4u << 20)

struct request {
    struct explain_options options;
    bool json;
    bool live;
    span dbl; /* domain block list to ask, with live */
};

/* One of each is enough: a command explains one text after the other. */
static struct cli_dns dns;
static struct explain_work work;
static char input_memory[INPUT_MAX_BYTES];
static char text_memory[INPUT_MAX_BYTES + MESSAGE_SPARE_BYTES];
static char out_memory[EXPLAIN_SHOW_BYTES];

static void explain_one(span input, const struct request *r)
{
    struct buf text = BUF_OVER(text_memory), out = BUF_OVER(out_memory);
    struct explain_answer answer;

    explain_read(&work, message_text(input, &text), &r->options, &answer);
    if (r->live)
        cli_lookup(&dns, r->dbl, &answer, &r->options);
    if (r->json)
        explain_show_json(&out, &answer);
    else
        explain_show_text(&out, &answer, cli_color(STDOUT_FILENO));
    printf("%.*s%s", SPAN_ARG(buf_span(&out)), r->json ? "\n" : "");
}

/* "\n" as two octets stands for a line break within a line of input. */
static span unescape_breaks(span line, char *memory)
{
    size_t n = 0;

    for (size_t i = 0; i < line.n; i++) {
        bool is_break = line.p[i] == '\\' && i + 1 < line.n && line.p[i + 1] == 'n';

        memory[n++] = is_break ? '\n' : line.p[i];
        i += is_break ? 1 : 0;
    }
    return span_of(memory, n);
}

static int explain_lines(FILE *in, const struct request *r)
{
    char *line = NULL;
    size_t cap = 0;
    ssize_t n;

    while ((n = getline(&line, &cap, in)) >= 0) {
        span s = span_of(line, (size_t)n);

        while (s.n > 0 && (s.p[s.n - 1] == '\n' || s.p[s.n - 1] == '\r'))
            s.n--;
        explain_one(unescape_breaks(span_head(s, INPUT_MAX_BYTES), input_memory), r);
    }
    free(line);
    return ferror(in) != 0 ? CLI_IO : CLI_OK;
}

static int explain_whole(FILE *in, const struct request *r)
{
    size_t n = fread(input_memory, 1, sizeof input_memory, in);

    if (ferror(in) != 0)
        return cli_fail(CLI_IO, "cannot read: %s", strerror(errno));
    if (n == 0)
        return cli_fail(CLI_BAD_INPUT, "nothing to explain: the input is empty");
    explain_one(span_of(input_memory, n), r);
    return CLI_OK;
}

static int explain_stream(FILE *in, bool lines, const struct request *r)
{
    return lines ? explain_lines(in, r) : explain_whole(in, r);
}

/* Words of the command line are the refusal itself, unless they are one name of a file. */
static int explain_words(int n, char **words, bool lines, const struct request *r)
{
    struct buf text = BUF_OVER(input_memory);
    struct stat st;
    int code;
    FILE *in;

    if (n == 0 || (n == 1 && strcmp(words[0], "-") == 0))
        return explain_stream(stdin, lines, r);
    if (n == 1 && stat(words[0], &st) == 0 && !S_ISDIR(st.st_mode)) {
        in = fopen(words[0], "rbe");
        if (in == NULL)
            return cli_fail(CLI_IO, "%s: %s", words[0], strerror(errno));
        code = explain_stream(in, lines, r);
        fclose(in);
        return code;
    }
    for (int i = 0; i < n; i++) {
        buf_put(&text, i > 0 ? SPAN(" ") : SPAN(""));
        buf_put(&text, span_cstr(words[i]));
    }
    explain_one(unescape_breaks(buf_span(&text), input_memory), r);
    return CLI_OK;
}

static bool is_software(const char *name)
{
    for (size_t i = 0; i < explain_fix_count; i++)
        if (span_ieq(span_cstr(explain_fixes[i].software), span_cstr(name)))
            return true;
    return false;
}

static int explain_run(int argc, char **argv)
{
    static const struct option longs[] = {
        {"json", no_argument, NULL, 'j'},           {"lines", no_argument, NULL, 'l'},
        {"software", required_argument, NULL, 's'}, {"live", no_argument, NULL, 'L'},
        {"dbl", required_argument, NULL, 'd'},      {NULL, 0, NULL, 0},
    };
    struct request r = {0};
    bool lines = false;
    int c, code;

    while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
        if (c == 'j')
            r.json = true;
        else if (c == 'l')
            lines = r.json = true;
        else if (c == 'L')
            r.live = true;
        else if (c == 'd')
            r.dbl = span_cstr(optarg);
        else if (c == 's')
            r.options.software = span_cstr(optarg);
        else
            return CLI_USAGE;
    }
    if (r.options.software.n != 0 && !is_software(r.options.software.p))
        return cli_wrong_usage(&cli_explain, "no fix lines for '%.64s'", r.options.software.p);
    explain_work_init(&work);
    code = explain_words(argc - optind, argv + optind, lines, &r);
    return fflush(stdout) == 0 ? code : CLI_IO;
}

const struct cli_command cli_explain = {
    .name = "explain",
    .summary = "name the cause of any refusal, and the fix",
    .usage = "herald explain [--json] [--live [--dbl ZONE]] [--software NAME] [FILE|TEXT|-]\n"
             "herald explain --lines [--live] [FILE|-]",
    .options = "  FILE             a bounce, log, error object: whatever holds the refusal\n"
               "  TEXT             the refusal itself\n"
               "  -                read standard input (also without any argument)\n"
               "  --json           print one JSON object\n"
               "  --lines          each line is one refusal, each line of output a JSON object;\n"
               "                   \\n in a line stands for a line break\n"
               "  --software NAME  show the fix lines for this mail software\n"
               "  --live           look names and addresses up, and settle what is left open\n"
               "  --dbl ZONE       with --live: ask this domain block list for the greeting too\n",
    .examples = "  herald explain '550 Requested action not taken: Invalid HeloHost (#5.5.0)'\n"
                "  herald explain bounce.eml\n"
                "  herald explain --software postfix '450 4.7.1 <web>: Helo command rejected'\n"
                "  grep reject: /var/log/mail.log | herald explain --lines\n",
    .run = explain_run,
};
