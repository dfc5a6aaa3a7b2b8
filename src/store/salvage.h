/* SPDX-License-Identifier: ISC */
/*
 * store/salvage.h - read an LMDB data file without trusting any octet of it.
 *
 * LMDB itself believes its pages and dies of damaged ones. This reader goes through the same trees
 * with every number checked, counts what it cannot follow, and, when a tree is torn, also looks at
 * each page of the file that is not free for entries that look like records or bodies. It only
 * reads, with pread, so a truncated file is no danger. Form of the pages: LMDB 0.9, 64-bit.
 */
#ifndef STORE_SALVAGE_H
#define STORE_SALVAGE_H

#include "base/err.h"
#include "os/heap.h"

#define SALVAGE_DEPTH_MAX 32 /* levels of a tree */

/* An entry with an 8-octet key; its value is n octets at `at` in the file. */
struct salvage_entry {
    uint64_t id;
    uint64_t at;
    uint64_t n;
};

struct salvage_list {
    struct salvage_entry *entries;
    size_t n;
    size_t cap;
};

struct salvage {
    int fd;
    size_t page_bytes;
    uint64_t pages;
    unsigned char *free_map;     /* a bit a page: on LMDB's free list */
    uint64_t unreadable;         /* pages that a tree names and that are not what they should be */
    struct salvage_list msgs;    /* by walking the trees; sorted by id */
    struct salvage_list bodies;  /* the same */
    struct salvage_list corrupt; /* the same */
    struct salvage_list scanned; /* from all pages when a tree is torn; may be either, or nothing */
    uint64_t clock_at;           /* where the value of meta "clock" is; 0: not found */
};

/*
 * Go through the file.
 *
 * returns  ERR_OK, also when much was unreadable; ERR_IO, ERR_ABSENT when the file cannot be read
 * at all
 */
MUSTUSE enum err salvage_open(struct salvage *s, int dir_fd, const char *path);
void salvage_close(struct salvage *s);

/* The octets of an entry, into out (reset first). */
MUSTUSE enum err salvage_read(const struct salvage *s, const struct salvage_entry *e,
                              struct heap_buf *out);

/* The entry of an id in a sorted list; NULL when there is none. */
const struct salvage_entry *salvage_find(const struct salvage_list *l, uint64_t id);

#endif
