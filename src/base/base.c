/* SPDX-License-Identifier: ISC */
#include "base/base.h"

#include <stdio.h>
#include <stdlib.h>

void base_bug(const char *file, int line, const char *words)
{
    (void)fprintf(stderr, "herald: bug at %s:%d: %s\n", file, line, words);
    abort();
}
