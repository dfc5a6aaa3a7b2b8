/* SPDX-License-Identifier: ISC */
#include "os/title.h"

#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "os/heap.h"

static struct {
    char *p;
    size_t n;
} room;

/* Strings that follow each other without a gap from `end` on; returns where they end. */
static char *end_of(char **list, size_t count, char *end)
{
    for (size_t i = 0; i < count && list[i] == end; i++)
        end = list[i] + strlen(list[i]) + 1;
    return end;
}

void title_init(int argc, char **argv)
{
    size_t count = 0;

    if (argc < 1)
        return;
    while (environ[count] != NULL)
        count++;
    char *end = end_of(argv, (size_t)argc, argv[0]);
    end = end_of(environ, count, end);
    char **copy = x_alloc((count + 1) * sizeof *copy);
    for (size_t i = 0; i < count; i++)
        copy[i] = x_strdup(span_cstr(environ[i]));
    environ = copy;
    room.p = argv[0];
    room.n = (size_t)(end - argv[0]);
}

void title_set(const char *line, const char *name)
{
    (void)prctl(PR_SET_NAME, name, 0, 0, 0);
    if (room.n == 0)
        return;
    span s = span_head(span_cstr(line), room.n - 1);
    memset(room.p, 0, room.n);
    if (s.n > 0)
        memcpy(room.p, s.p, s.n);
}
