/* SPDX-License-Identifier: ISC */
/* store/ledger_inner.h - the segments of a ledger, for those who write and those who read. */
#ifndef STORE_LEDGER_INNER_H
#define STORE_LEDGER_INNER_H

#include "os/file.h"
#include "store/ledger.h"

#define LEDGER_NAME_BYTES 24

struct ledger_segment {
    int64_t begun_ms; /* its name */
    uint64_t bytes;
};

struct ledger_segments {
    struct ledger_segment at[LEDGER_SEGMENTS_MAX]; /* the oldest first */
    size_t n;
};

struct ledger_segment_name {
    char text[LEDGER_NAME_BYTES];
};

struct ledger_segment_name ledger_segment_name(int64_t begun_ms);
/* The segments of a directory; other files are left alone. */
MUSTUSE enum err ledger_segments_list(int dir_fd, struct ledger_segments *out);

#endif
