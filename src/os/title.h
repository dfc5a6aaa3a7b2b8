/* SPDX-License-Identifier: ISC */
/* os/title.h - show in ps and top what a process is (the memory of argv, and the thread's name). */
#ifndef OS_TITLE_H
#define OS_TITLE_H

#include "base/span.h"

/* Remember where argv is; the environment is copied away from behind it. First thing in main. */
void title_init(int argc, char **argv);

/*
 * line    the whole command line, as ps -f shows it; cut where the memory ends
 * name    at most 15 octets, as top shows it
 */
void title_set(const char *line, const char *name);

#endif
