/* SPDX-License-Identifier: ISC */
/*
 * base/err.h - failures: what went wrong in our own machinery.
 *
 * A failure is not a verdict (a name that does not resolve is a value) and not
 * a bug (that is BUG). ERR_OK is 0; functions that can fail return this enum
 * and nothing else in it: lengths and counts go through out-parameters.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include "base/span.h"

/* id, what a person is told */
#define ERR_LIST(X)                                                                                \
    X(ERR_OK, "success")                                                                           \
    X(ERR_NOSPACE, "no space left")                                                                \
    X(ERR_LIMIT, "a limit was reached")                                                            \
    X(ERR_SYNTAX, "malformed")                                                                     \
    X(ERR_IO, "input or output failed")                                                            \
    X(ERR_TIMEOUT, "timed out")                                                                    \
    X(ERR_TLS, "TLS failed")                                                                       \
    X(ERR_CONF, "bad configuration")                                                               \
    X(ERR_EXISTS, "exists already")                                                                \
    X(ERR_ABSENT, "does not exist")                                                                \
    X(ERR_VERSION, "written by a newer version")                                                   \
    X(ERR_CORRUPT, "damaged")                                                                      \
    X(ERR_BUSY, "in use by another process")                                                       \
    X(ERR_DENIED, "not permitted")                                                                 \
    X(ERR_CLOSED, "closed by the other side")                                                      \
    X(ERR_NOMEM, "out of memory")

enum err {
#define ERR_ENUM(id, text) id,
    ERR_LIST(ERR_ENUM)
#undef ERR_ENUM
};

/* What a person is told; static. */
const char *err_text(enum err e);

/* The failure that an errno stands for; what is not known is ERR_IO. */
enum err err_of_errno(int number);

#endif
