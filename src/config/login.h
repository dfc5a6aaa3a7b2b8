/* SPDX-License-Identifier: ISC */
/*
 * config/login.h - the stored forms of a password, as they stand in the users file.
 *
 *     $y$j9T$...                                 crypt(3)
 *     SCRAM-SHA-256$4096:SALT$STORED:SERVER      RFC 5803, base64
 *     {PLAIN}secret                              to the end of the line; for tests
 *
 * Several forms of one password stand beside each other, apart by a blank.
 */
#ifndef CONFIG_LOGIN_H
#define CONFIG_LOGIN_H

#include "base/buf.h"

#define LOGIN_SCRAM_ITERATIONS_MIN 4096
#define LOGIN_SCRAM_ITERATIONS_MAX 1000000
#define LOGIN_FORM_BYTES           512

struct config_login {
    span crypt; /* empty: none */
    span plain; /* the secret; empty: none */
    span scram; /* the whole form; empty: none */
    unsigned iterations;
    span salt, stored_key, server_key; /* base64, as they stand */
};

/* Spans are borrowed from forms; false when one of the forms is not known. */
MUSTUSE bool config_login_parse(span forms, struct config_login *out);

#endif
