/* SPDX-License-Identifier: ISC */
/*
 * What a proxy in front of us says: the PROXY header, XCLIENT, XFORWARD. A header that is whole
 * wants more at each beginning of it, and what stands behind it changes nothing.
 */
#include "fuzz.h"
#include "smtp/proxy.h"
#include "smtp/xclient.h"

static void check_proxy(span in)
{
    struct smtp_proxy p = {0}, again = {0};

    if (smtp_proxy_read(in, &p) != SMTP_PROXY_DONE)
        return;
    BUG_IF(p.n > in.n || p.n > SMTP_PROXY_MAX_BYTES, "a header longer than what came");
    BUG_IF(smtp_proxy_read(span_head(in, p.n - 1), &again) != SMTP_PROXY_MORE,
           "less than the header is enough");
    BUG_IF(smtp_proxy_read(span_head(in, p.n), &again) != SMTP_PROXY_DONE || again.n != p.n ||
               !ip_addr_eq(again.source, p.source),
           "what stands behind the header changes it");
}

static void check_xclient(span in, enum smtp_xclient_verb verb)
{
    char room[1024];
    struct buf memory = BUF_OVER(room);
    struct smtp_xclient x;

    if (smtp_xclient_parse(in, verb, &memory, &x) != SMTP_XCLIENT_FINE)
        return;
    for (unsigned i = 0; i < SMTP_XCLIENT_ATTRS; i++)
        BUG_IF(x.value[i].n > SMTP_XCLIENT_VALUE_BYTES || span_has(x.value[i], '\n') ||
                   span_has(x.value[i], '\0'),
               "a value that could be taken for something else");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    span in = fuzz_place(span_skip(span_of(data, size), 2));

    check_proxy(in);
    check_xclient(in, SMTP_XCLIENT);
    check_xclient(in, SMTP_XFORWARD);
    return 0;
}
