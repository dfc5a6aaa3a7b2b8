/* SPDX-License-Identifier: ISC */
/* Any octets as the value of a From field: the walk ends, and stays at its end. */
#include "fuzz.h"

#include "message/mailbox.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct mailbox_walk w;
    struct path path;
    enum mailbox_next next;
    size_t left = n;

    if (n < 2)
        return 0;
    w = mailbox_walk_over(fuzz_place(span_of(data + 2, n - 2)));
    while ((next = mailbox_next(&w, &path)) == MAILBOX_ONE) {
        BUG_IF(w.rest.n >= left, "an address of no octets");
        BUG_IF(path.domain.n == 0 || path.local.n == 0, "half an address");
        left = w.rest.n;
    }
    BUG_IF(mailbox_next(&w, &path) != next, "an end that is none");
    return 0;
}
