/* SPDX-License-Identifier: ISC */
/* Any octets as the stored forms of a password: what is read lies within them. */
#include "fuzz.h"

#include "config/login.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct config_login login;
    span s;

    if (n < 2)
        return 0;
    s = fuzz_place(span_of(data + 2, n - 2));
    if (!config_login_parse(s, &login))
        return 0;
    BUG_IF(login.scram.n == 0 && login.crypt.n == 0 && login.plain.n == 0, "no form at all");
    BUG_IF(login.scram.n != 0 && (login.iterations < LOGIN_SCRAM_ITERATIONS_MIN ||
                                  login.iterations > LOGIN_SCRAM_ITERATIONS_MAX),
           "iterations out of bounds");
    return 0;
}
