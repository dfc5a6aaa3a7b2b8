/* SPDX-License-Identifier: ISC */
/* Any octets as a message: the walk covers them in order, and a report about it is whole. */
#include <stdlib.h>

#include "fuzz.h"
#include "message/date.h"
#include "message/dsn.h"
#include "message/header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    span text = n >= 2 ? span_of(data + 2, n - 2) : SPAN_NONE;
    struct header_walk w = header_walk_over(text, 0, 0);
    struct dsn_recipient r = {.address = text, .status = {5, 0, 0}, .remote = text, .reply = text};
    struct dsn d = {.host = text, .sender = SPAN("a@b"), .recipients = &r, .n_recipients = 1};
    struct header_field f;
    size_t at = 0, cap;
    struct buf b;
    int64_t ms;

    for (; header_next(&w, &f); at += f.whole.n)
        BUG_IF(f.whole.p != text.p + at || f.name.n == 0, "the walk left something out");
    if (date_parse(text, &ms))
        BUG_IF(ms > INT64_C(253402300799999) + 86400000 * 5, "a date behind the year 9999");
    d.original = text;
    cap = dsn_size_max(&d);
    b = buf_over(malloc(cap), cap);
    dsn_put(&b, &d);
    BUG_IF(b.overflow, "dsn_size_max is too small");
    free(b.p);
    return 0;
}
