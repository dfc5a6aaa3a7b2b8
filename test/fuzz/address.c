/* SPDX-License-Identifier: ISC */
/* Mail paths: what is taken can be written, and what is written means the same. */
#include "fuzz.h"
#include "name/path.h"

static void judge(const struct path *p, unsigned allow)
{
    char one[2 * PATH_MAX_BYTES];
    char two[2 * PATH_MAX_BYTES];
    struct buf a = BUF_OVER(one);
    struct buf b = BUF_OVER(two);
    struct path again;

    path_put(&a, p);
    BUG_IF(a.overflow, "the shortest spelling is longer than the longest path");
    for (size_t i = 0; i < a.n; i++)
        BUG_IF(a.p[i] == '\r' || a.p[i] == '\n' || a.p[i] == '\0', "an address over two lines");
    if (path_is_null(p) || p->domain.n == 0)
        return;
    BUG_IF(path_parse_address(buf_span(&a), allow, &again) != PATH_FINE, "it cannot be read again");
    path_put(&b, &again);
    BUG_IF(!span_eq(buf_span(&a), buf_span(&b)), "the shortest spelling has a shorter one");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct path path;
    span in;

    if (size < 2)
        return 0;
    in = fuzz_place(span_of(data + 2, size - 2));
    if (path_take(&in, data[0] & 7, &path) == PATH_FINE)
        judge(&path, data[0] & 7);
    return 0;
}
