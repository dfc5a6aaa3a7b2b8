/* SPDX-License-Identifier: ISC */
#include "cli/cli.h"
#include "os/title.h"

int main(int argc, char **argv)
{
    title_init(argc, argv);
    return cli_main(argc, argv);
}
