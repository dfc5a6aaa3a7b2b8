/* SPDX-License-Identifier: ISC */
/*
 * os/file.h - files and directories, done whole or not at all.
 *
 * Everything goes through os_calls (os/os.h), closes on exec and follows no
 * symbolic link in the last part of a path. Paths are relative to a directory
 * descriptor (or AT_FDCWD). Failures are enum err; errno is as the failing call
 * left it. A failed sync is final for that data: never sync the same file again
 * and believe the answer.
 */
#ifndef OS_FILE_H
#define OS_FILE_H

#include "base/err.h"
#include "os/heap.h"
#include "os/os.h"

/* Open a directory to be used as `dir` below. */
MUSTUSE enum err file_open_dir(int dir, const char *path, int *out_fd);

/* Open a directory and make it (with its parents, mode 0700) when it is not there. */
MUSTUSE enum err file_make_dir(int dir, const char *path, int *out_fd);

MUSTUSE enum err file_open_read(int dir, const char *path, int *out_fd);

/*
 * Open for reading what the operator named: unlike all others, this follows symbolic links. It
 * never waits, not for a pipe that nobody writes either; whether it is a file is to be looked at.
 */
MUSTUSE enum err file_open_named(const char *path, int *out_fd);

/* Make a new file for writing; ERR_EXISTS when there is one. */
MUSTUSE enum err file_create(int dir, const char *path, mode_t mode, int *out_fd);

/*
 * A new file without a name in `dir` (O_TMPFILE), for reading and writing.
 *
 * It gets its name by file_link and is gone when closed without.
 */
MUSTUSE enum err file_open_unnamed(int dir, mode_t mode, int *out_fd);

/* Give an unnamed file its name; ERR_EXISTS when that is taken. */
MUSTUSE enum err file_link(int fd, int dir, const char *path);

/* Close when fd >= 0 and set it to -1; errno stays. */
void file_close(int *fd);

MUSTUSE enum err file_write_all(int fd, span s);
MUSTUSE enum err file_write_all_at(int fd, span s, int64_t at);

/* Read to the end into out; ERR_LIMIT when there is more than out->max. */
MUSTUSE enum err file_read_all(int fd, struct heap_buf *out);
/* Read exactly n octets from offset `at`; ERR_CORRUPT when the file ends before. */
MUSTUSE enum err file_read_at(int fd, char *p, size_t n, int64_t at);
/* Open, read to the end, close. */
MUSTUSE enum err file_load(int dir, const char *path, struct heap_buf *out);

/* Data and length on the disk. */
MUSTUSE enum err file_sync(int fd);
/* The names of a directory on the disk. */
MUSTUSE enum err file_sync_dir(int dir_fd);

MUSTUSE enum err file_rename(int from_dir, const char *from, int to_dir, const char *to);
/* Remove a file; ERR_ABSENT when there is none. */
MUSTUSE enum err file_remove(int dir, const char *path);
MUSTUSE enum err file_size(int fd, int64_t *out_bytes);

/*
 * Put s in the place of the file `path`: temporary file, write, sync, rename, sync the directory.
 *
 * A reader sees the old file or the new one whole. ".new" is added for the temporary name.
 */
MUSTUSE enum err file_replace(int dir, const char *path, span s, mode_t mode);
/*
 * The same for secrets: owner, group and mode stay those of the old file. `mode` is for one that
 * was not there, or that everybody could use.
 */
MUSTUSE enum err file_rewrite(int dir, const char *path, span s, mode_t mode);

/*
 * Hold the lock of the open file fd for as long as it is open (flock, exclusive).
 *
 * returns ERR_BUSY when another process holds it and wait is false.
 */
MUSTUSE enum err file_lock(int fd, bool wait);

#endif
