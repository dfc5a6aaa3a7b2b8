/* SPDX-License-Identifier: ISC */
/*
 * os/sandbox.h - give up all that a process does not need.
 *
 * A sandbox row (the table is server/sandbox_table.c) names the system calls
 * that a kind of process may make: any other kills it (SIGSYS). Beside that
 * Landlock takes away all files but the granted directories, and TCP but the
 * granted ports. no_new_privs and limits (no core file, no new process) are
 * always set. Where the kernel lacks a part, one log line says so and the
 * process starts all the same.
 */
#ifndef OS_SANDBOX_H
#define OS_SANDBOX_H

#include "base/diag.h"

/* A system call that is allowed, or only when (argument & mask) == value. */
struct sandbox_call {
    int number;       /* __NR_..., -1: end of the list */
    bool conditional; /* false: any arguments */
    unsigned arg;     /* which argument, from 0 */
    uint64_t mask;
    uint64_t value;
};

struct sandbox_row {
    const char *name;
    const struct sandbox_call *const
        *lists;       /* lists that end with number -1; NULL ends the array */
    bool tcp_bind;    /* may bind TCP ports (else Landlock forbids it) */
    bool tcp_connect; /* may connect to any TCP port (else only to granted ones) */
};

enum sandbox_grant_kind {
    SANDBOX_READ,   /* read files and list directories below fd */
    SANDBOX_WRITE,  /* all of it: make, write, rename, link, remove below fd */
    SANDBOX_CONNECT /* connect to a TCP port */
};

struct sandbox_grant {
    enum sandbox_grant_kind kind;
    int fd;        /* directory or file; for SANDBOX_READ and _WRITE */
    uint16_t port; /* for SANDBOX_CONNECT */
};

/*
 * Enter the sandbox for ever.
 *
 * returns ERR_DENIED with *d when the row itself cannot be put in force (a bug in the table or an
 *         exhausted machine); a kernel without seccomp or Landlock is no failure.
 */
MUSTUSE enum err sandbox_enter(const struct sandbox_row *row, const struct sandbox_grant *grants,
                               size_t grant_count, struct diag *d);

/* Landlock's version in this kernel; 0: none. */
int sandbox_landlock_abi(void);

/* The name of a system call on this machine, NULL when unknown; static or thread-local memory. */
const char *sandbox_call_name(int number);

#endif
