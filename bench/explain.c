/* SPDX-License-Identifier: ISC */
/*
 * What bench/explain-accuracy and bench/explain-speed measure with; not installed.
 *
 * explain rules [OFF]   a text a line on standard input (\n stands for a line break): for each the
 *                       cause, then CLAUSE:CAUSE for all clauses that hold (*: names none). OFF
 * names a file with the numbers of clauses to leave out. explain speed         the texts of
 * standard input again and again for two seconds explain hostile       texts of 1 MiB that are made
 * to be slow, each explained once
 */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "explain/message.h"
#include "explain/rules.h"
#include "explain/show.h"

#define TEXTS_MAX 4096
#define TEXT_MAX  (1u << 20)

static struct explain_work work;
static uint8_t off[EXPLAIN_CLAUSES_MAX / 8 + 1];
static span texts[TEXTS_MAX];
static size_t text_n;

/* CPU seconds of this process: what else the machine does is not counted. */
static double cpu_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void read_texts(void)
{
    char *line = NULL;
    size_t cap = 0;
    ssize_t n;

    while (text_n < TEXTS_MAX && (n = getline(&line, &cap, stdin)) > 0) {
        size_t kept = 0;

        for (ssize_t i = 0; i < n && line[i] != '\n'; i++) {
            bool is_break = line[i] == '\\' && line[i + 1] == 'n';

            line[kept++] = is_break ? '\n' : line[i];
            i += is_break ? 1 : 0;
        }
        texts[text_n++] = span_of(line, kept);
        line = NULL;
        cap = 0;
    }
}

static void read_off(const char *path)
{
    FILE *in = fopen(path, "re");
    char *line = NULL;
    size_t cap = 0;

    while (in != NULL && getline(&line, &cap, in) > 0) {
        unsigned long n = line[0] >= '0' && line[0] <= '9' ? strtoul(line, NULL, 10) : ULONG_MAX;

        if (n < EXPLAIN_CLAUSES_MAX)
            off[n / 8] |= (uint8_t)(1u << n % 8);
    }
}

static void print_rules(void)
{
    struct explain_options options = {.off = off};
    struct explain_answer a;

    for (size_t i = 0; i < text_n; i++) {
        explain_read(&work, texts[i], &options, &a);
        printf("%s\t%s", a.page->id, a.rule != NULL ? a.rule : "-");
        for (size_t k = 0; k < work.clause_n; k++) {
            const struct rule *r = &rules[rule_clauses[work.clauses[k]].rule];

            printf("\t%u:%s", work.clauses[k],
                   r->kind == RULE_CAUSE ? explain_pages[r->value].id : "*");
        }
        printf("\n");
    }
}

static void print_speed(void)
{
    static char json[EXPLAIN_SHOW_BYTES];
    double start = cpu_s(), elapsed;
    uint64_t n = 0, octets = 0;
    struct explain_answer a;

    do {
        for (size_t i = 0; i < text_n; i++) {
            struct buf out = BUF_OVER(json);

            explain_read(&work, texts[i], NULL, &a);
            explain_show_json(&out, &a);
            octets += texts[i].n;
        }
        n += text_n;
        elapsed = cpu_s() - start;
    } while (elapsed < 2);
    printf("%.0f texts/s, %.1f MB/s, JSON included (%" PRIu64 " texts)\n", (double)n / elapsed,
           (double)octets / elapsed / 1e6, n);
}

/* One piece again and again, up to n octets. */
static span fill(char *memory, size_t n, span piece)
{
    for (size_t i = 0; i < n; i++)
        memory[i] = piece.p[i % piece.n];
    return span_of(memory, n);
}

static void print_hostile(void)
{
    static const char *const pieces[] = {
        "helo ehlo not match reverse dns ",
        "xhelo",
        "<helo",
        "550 5.7.1 550-5.7.1 ",
        "a.b-c_d.",
        "a:b:c:",
        "::::",
        "<a<b<c",
        "<aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "1.2.3.4.5.6.",
        "a@b.",
        "x",
        " ",
        "\n",
        "=\n=3D<p>&lt;",
        "helo rejected host not found in dns mail message not allowed to user ",
        "too many connections from your ip address is blocked "};
    char *memory = malloc(TEXT_MAX), *read = malloc(TEXT_MAX + MESSAGE_SPARE_BYTES);
    struct explain_answer a;
    double worst = 0;

    if (memory == NULL || read == NULL)
        abort();
    for (size_t i = 0; i < COUNT(pieces); i++) {
        for (size_t n = TEXT_MAX / 4; n <= TEXT_MAX; n *= 2) {
            span text = fill(memory, n, span_cstr(pieces[i]));
            struct buf b = buf_over(read, TEXT_MAX + MESSAGE_SPARE_BYTES);
            double start = cpu_s(), took;

            explain_read(&work, message_text(text, &b), NULL, &a);
            took = (cpu_s() - start) * 1e3;
            worst = took > worst ? took : worst;
            printf("%7.1f ms%s", took, n == TEXT_MAX ? "" : " ");
        }
        printf("  %.30s\n", pieces[i][0] == '\n' ? "(line breaks)" : pieces[i]);
    }
    printf("worst %.1f ms for %u octets\n", worst, TEXT_MAX);
    free(memory);
    free(read);
}

int main(int argc, char **argv)
{
    const char *mode = argc > 1 ? argv[1] : "";

    explain_work_init(&work);
    if (strcmp(mode, "hostile") == 0) {
        print_hostile();
        return 0;
    }
    read_texts();
    if (argc > 2)
        read_off(argv[2]);
    if (strcmp(mode, "rules") == 0)
        print_rules();
    else if (strcmp(mode, "speed") == 0)
        print_speed();
    else
        return 64;
    return fflush(stdout) == 0 ? 0 : 74;
}
