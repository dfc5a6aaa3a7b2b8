/* SPDX-License-Identifier: ISC */
/*
 * tools/mkconfman TEMPLATE - herald.conf(5) from the table of keys, on standard output.
 *
 * The line "@KEYS@" of the template becomes one entry for each key. The table is
 * linked, not read, so that the page cannot say anything else than the program does.
 */
#include <stdio.h>
#include <stdlib.h>

#include "config/show.h"

#define PAGE_BYTES (256u * 1024)

static int print(span s)
{
    return fwrite(s.p, 1, s.n, stdout) == s.n ? 0 : 1;
}

int main(int argc, char **argv)
{
    static char page[PAGE_BYTES], keys[PAGE_BYTES];
    struct buf b = BUF_OVER(keys);
    span mark = SPAN("@KEYS@\n"), text;
    FILE *f = argc == 2 ? fopen(argv[1], "re") : NULL;
    size_t at;

    if (f == NULL) {
        fputs("usage: mkconfman TEMPLATE\n", stderr);
        return EXIT_FAILURE;
    }
    text = span_of(page, fread(page, 1, sizeof page, f));
    fclose(f);
    at = span_search(text, mark);
    config_show_put_mdoc(&b);
    if (at == text.n || b.overflow)
        return EXIT_FAILURE;
    if (print(span_head(text, at)) != 0 || print(buf_span(&b)) != 0 ||
        print(span_skip(text, at + mark.n)) != 0 || fflush(stdout) != 0)
        return EXIT_FAILURE;
    return EXIT_SUCCESS;
}
