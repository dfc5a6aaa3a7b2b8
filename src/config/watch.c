/* SPDX-License-Identifier: ISC */
#include "config/watch.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "base/hash.h"
#include "config/load.h"

static uint64_t mark_of(span path)
{
    static const struct hash_key plain = {0, 0};
    struct stat st;
    int64_t seen[5] = {-1};

    if (stat(path.p, &st) == 0) {
        seen[0] = (int64_t)st.st_dev;
        seen[1] = (int64_t)st.st_ino;
        seen[2] = (int64_t)st.st_size;
        seen[3] = (int64_t)st.st_mtim.tv_sec;
        seen[4] = (int64_t)st.st_mtim.tv_nsec;
    }
    return hash_keyed(plain, span_of(seen, sizeof(seen)));
}

/* The order of the files counts, so that two which change places are seen. */
static uint64_t join(uint64_t sum, uint64_t mark)
{
    return sum * UINT64_C(0x100000001b3) + mark;
}

void config_watch_add(struct config *c, span path)
{
    struct config_store *s = c->store;
    span *files = realloc(s->files, (s->n_files + 1) * sizeof *files);

    BUG_IF(files == NULL, "out of memory");
    s->files = files;
    s->files[s->n_files++] = config_pool_copy(&s->pool, path);
    s->files_mark = join(s->files_mark, mark_of(path));
}

uint64_t config_watch_mark(const struct config *c)
{
    return c->store->files_mark;
}

uint64_t config_watch_now(const struct config *c)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < c->store->n_files; i++)
        sum = join(sum, mark_of(c->store->files[i]));
    return sum;
}
