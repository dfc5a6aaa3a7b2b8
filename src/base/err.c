/* SPDX-License-Identifier: ISC */
#include "base/err.h"

#include <errno.h>

static const char *const texts[] = {
#define ERR_TEXT(id, text) [id] = (text),
    ERR_LIST(ERR_TEXT)
#undef ERR_TEXT
};

static const struct {
    int number;
    enum err err;
} by_errno[] = {
    {0, ERR_OK},          {ENOSPC, ERR_NOSPACE}, {EDQUOT, ERR_NOSPACE}, {EFBIG, ERR_NOSPACE},
    {EMFILE, ERR_LIMIT},  {ENFILE, ERR_LIMIT},   {ENOMEM, ERR_NOMEM},   {ETIMEDOUT, ERR_TIMEOUT},
    {EEXIST, ERR_EXISTS}, {ENOENT, ERR_ABSENT},  {EACCES, ERR_DENIED},  {EPERM, ERR_DENIED},
    {EROFS, ERR_DENIED},  {EBUSY, ERR_BUSY},     {EPIPE, ERR_CLOSED},   {ECONNRESET, ERR_CLOSED},
};

const char *err_text(enum err e)
{
    BUG_IF((size_t)e >= COUNT(texts), "an error that is none");
    return texts[e];
}

enum err err_of_errno(int number)
{
    for (size_t i = 0; i < COUNT(by_errno); i++) {
        if (by_errno[i].number == number)
            return by_errno[i].err;
    }
    return ERR_IO;
}
