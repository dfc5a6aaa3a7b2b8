/* SPDX-License-Identifier: ISC */
/* config/source.h - the octets of a file that the configuration names. */
#ifndef CONFIG_SOURCE_H
#define CONFIG_SOURCE_H

#include "base/err.h"

struct config_source {
    char *p;
    size_t n;
};

static inline span config_source_span(const struct config_source *source)
{
    return span_of(source->p, source->n);
}

void config_source_free(struct config_source *source);

/*
 * Read a whole file into memory of its own, a NUL behind it.
 *
 * Only regular files and pipes; a directory is ERR_IO with errno EISDIR.
 *
 * max_bytes  larger is ERR_LIMIT
 * out        on success; the caller frees it with config_source_free
 * out_sys    errno of the failure, 0 when there is none
 */
MUSTUSE enum err config_source_read(const char *path, size_t max_bytes, struct config_source *out,
                                    int *out_sys);

#endif
