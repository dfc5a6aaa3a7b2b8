/* SPDX-License-Identifier: ISC */
/*
 * os/notify.h - the two documented protocols of systemd: sd_notify(3) and sd_listen_fds(3).
 *
 * Without systemd all of it does nothing. The environment variables are removed once read.
 */
#ifndef OS_NOTIFY_H
#define OS_NOTIFY_H

#include "base/span.h"

#define NOTIFY_FDS_MAX 64

struct notify_fd {
    int fd;           /* close-on-exec */
    const char *name; /* from LISTEN_FDNAMES, "" when none; valid for the life of the process */
};

/* Read $NOTIFY_SOCKET; call once before the sandbox. */
void notify_init(void);

/* "READY=1", "RELOADING=1", "STOPPING=1", "STATUS=..."; RELOADING gets MONOTONIC_USEC added. */
void notify_say(const char *state);

/* Sockets handed over at start; returns how many were put in out. */
size_t notify_listen_fds(struct notify_fd out[NOTIFY_FDS_MAX]);

#endif
