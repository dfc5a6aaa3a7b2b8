/* SPDX-License-Identifier: ISC */
/* config/source.h - the octets of a file that the configuration names. */
#ifndef CONFIG_SOURCE_H
#define CONFIG_SOURCE_H

#include "base/err.h"

/*
 * Read a whole file into memory of its own, a NUL behind it.
 *
 * Only regular files and pipes; a directory is ERR_IO with errno EISDIR.
 *
 * max_bytes  larger is ERR_LIMIT
 * out_text   on success; the caller frees .p (free)
 * out_sys    errno of the failure, 0 when there is none
 */
MUSTUSE enum err config_source_read(const char *path, size_t max_bytes, span *out_text,
                                    int *out_sys);

#endif
