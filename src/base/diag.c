/* SPDX-License-Identifier: ISC */
#include "base/diag.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/buf.h"

enum err diag_set(struct diag *d, enum err e, int sys, const char *fmt, ...)
{
    va_list args;

    if (d == NULL || d->set)
        return e;
    d->set = true;
    d->sys = sys;
    va_start(args, fmt);
    if (vsnprintf(d->text, sizeof(d->text), fmt, args) < 0)
        d->text[0] = '\0';
    va_end(args);
    return e;
}

const char *diag_format(const struct diag *d, char *out, size_t cap)
{
    struct buf b = buf_over(out, cap);

    if (d->file != NULL && d->line != 0 && d->column != 0)
        buf_printf(&b, "%s:%u:%u: ", d->file, d->line, d->column);
    else if (d->file != NULL && d->line != 0)
        buf_printf(&b, "%s:%u: ", d->file, d->line);
    else if (d->file != NULL)
        buf_printf(&b, "%s: ", d->file);
    buf_printf(&b, "%s", d->text);
    if (d->sys != 0)
        buf_printf(&b, ": %s", strerror(d->sys));
    b.overflow = false;
    if (b.n >= b.cap)
        b.n = b.cap - 1;
    out[b.n] = '\0';
    return out;
}
