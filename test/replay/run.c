/* SPDX-License-Identifier: ISC */
/* Runs replay files (stage.h says what they hold): each case in a process of its own. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/log.h"
#include "stage.h"

#define FILE_BYTES   (512u << 10)
#define CASE_SECONDS 300
#define DNS_ROWS     64

static struct stage_script script;
static struct dns_script_row dns_rows[DNS_ROWS];
static char dns_memory[16 << 10];
static char conf_memory[8 << 10];

static void die(span line, const char *why)
{
    fprintf(stderr, "replay: %s: %.*s\n", why, SPAN_ARG(line));
    exit(2);
}

/* NAME TYPE VALUE, or NAME TYPE STATUS; the type * is every type. */
static void dns_line(span line)
{
    span name;
    span word;
    enum dns_type type = 0;
    enum dns_status status;
    enum err e;

    line = span_trim(line);
    if (line.n == 0)
        return;
    if (!span_split(&line, ' ', &name) || !span_split(&line, ' ', &word) ||
        (!span_eq(word, SPAN("*")) && !dns_type_parse(word, &type)))
        die(line, "NAME TYPE VALUE expected");
    e = dns_status_parse(line, &status)
            ? dns_script_add_status(&script.dns, name, (unsigned)type, status)
            : dns_script_add(&script.dns, name, type, line);
    if (e != ERR_OK)
        die(line, "not a record");
}

static void replay_line(span line)
{
    if (span_trim(line).n == 0)
        return;
    if (script.n == STAGE_LINES_MAX)
        die(script.title, "too many lines");
    script.lines[script.n++] = line;
}

static void clear(void)
{
    script.n = 0;
    script.conf = BUF_OVER(conf_memory);
    dns_script_init(&script.dns, dns_rows, DNS_ROWS, BUF_OVER(dns_memory));
}

/* The next case of *text. */
static bool next_case(span *text)
{
    span rest = *text;
    span block = SPAN_NONE;
    span line;
    bool found = false;

    clear();
    while (span_line(&rest, &line)) {
        if (span_starts(line, SPAN("### "))) {
            if (found)
                break;
            found = true;
            script.title = span_skip(line, 4);
        } else if (span_starts(line, SPAN("```"))) {
            block = block.n == 0 ? span_skip(line, 3) : SPAN_NONE;
        } else if (span_eq(block, SPAN("conf"))) {
            buf_put(&script.conf, line);
            buf_putc(&script.conf, '\n');
        } else if (span_eq(block, SPAN("dns"))) {
            dns_line(line);
        } else if (span_eq(block, SPAN("replay"))) {
            replay_line(line);
        }
        *text = rest;
    }
    return found;
}

static bool run_case(void)
{
    int status = 0;
    pid_t child;

    fflush(stdout);
    child = fork();
    if (child == 0) {
        alarm(CASE_SECONDS);
        exit(stage_play(&script) ? 0 : 1);
    }
    if (child < 0 || waitpid(child, &status, 0) != child)
        return false;
    if (WIFSIGNALED(status))
        printf("  FAILED %.*s: signal %d\n", SPAN_ARG(script.title), WTERMSIG(status));
    else if (WEXITSTATUS(status) > 1)
        printf("  FAILED %.*s: exit status %d\n", SPAN_ARG(script.title), WEXITSTATUS(status));
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static char *read_file(const char *name, size_t *out_n)
{
    FILE *f = fopen(name, "rb");
    char *text = malloc(FILE_BYTES);

    if (f == NULL || text == NULL) {
        perror(name);
        exit(2);
    }
    *out_n = fread(text, 1, FILE_BYTES, f);
    fclose(f);
    return text;
}

/* With --only WORDS in front: cases whose title has the words. */
int main(int argc, char **argv)
{
    span only = SPAN_NONE;
    size_t passed = 0;
    size_t failed = 0;
    int first = 1;

    if (argc > 2 && span_eq(span_cstr(argv[1]), SPAN("--only"))) {
        only = span_cstr(argv[2]);
        first = 3;
    }
    log_open(open("/dev/null", O_WRONLY | O_CLOEXEC), LOG_JSON, LOG_ERROR);
    signal(SIGPIPE, SIG_IGN);
    for (int i = first; i < argc; i++) {
        size_t n;
        char *text = read_file(argv[i], &n);
        span rest = span_of(text, n);
        size_t before[2] = {passed, failed};

        while (next_case(&rest)) {
            if (only.n > 0 && span_search(script.title, only) == script.title.n)
                continue;
            if (run_case())
                passed++;
            else
                failed++;
        }
        printf("%s: %zu of %zu\n", argv[i], passed - before[0],
               passed - before[0] + failed - before[1]);
        free(text);
    }
    printf("%zu passed, %zu failed\n", passed, failed);
    return failed == 0 && passed > 0 ? 0 : 1;
}
