/* SPDX-License-Identifier: ISC */
/* Runs a fuzz target over the files of a folder whose names begin with a prefix, under any
 * compiler. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "fuzz.h"

#define SEED_BYTES (1 << 20)

/* Settings and cuts that each seed is played with. */
static void replay(uint8_t *input, size_t n)
{
    static const uint8_t cuts[] = {0, 1, 2, 6, 63};

    for (unsigned how = 0; how < 64; how++) {
        input[0] = (uint8_t)how;
        for (size_t i = 0; i < COUNT(cuts); i++) {
            input[1] = cuts[i];
            (void)LLVMFuzzerTestOneInput(input, n);
        }
    }
}

int main(int argc, char **argv)
{
    static uint8_t input[SEED_BYTES];
    DIR *dir = argc == 3 ? opendir(argv[1]) : NULL;
    const struct dirent *entry;
    size_t played = 0;

    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        char name[1024];
        FILE *f;

        if (!span_starts(span_cstr(entry->d_name), span_cstr(argv[2])))
            continue;
        snprintf(name, sizeof(name), "%s/%s", argv[1], entry->d_name);
        f = fopen(name, "rb");
        if (f == NULL) {
            perror(name);
            return 2;
        }
        replay(input, fread(input, 1, sizeof(input), f));
        fclose(f);
        played++;
    }
    if (dir != NULL)
        closedir(dir);
    printf("%zu seeds played\n", played);
    return played > 0 ? 0 : 2;
}
