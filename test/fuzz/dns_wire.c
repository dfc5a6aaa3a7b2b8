/* SPDX-License-Identifier: ISC */
/* Any octets as a DNS response: no crash, and what was read travels between processes unchanged. */
#include <stdlib.h>

#include "dns/wire.h"
#include "fuzz.h"

static const enum dns_type types[] = {DNS_A,   DNS_AAAA, DNS_MX,    DNS_TXT,
                                      DNS_PTR, DNS_TLSA, DNS_CNAME, DNS_PTR};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static char memory[DNS_ANSWER_MAX_BYTES], packed[DNS_PACKED_MAX_BYTES],
        again[DNS_PACKED_MAX_BYTES];
    char text[DNS_NAME_MAX_BYTES];
    struct buf mem = BUF_OVER(memory), first = BUF_OVER(packed), second = BUF_OVER(again);
    struct buf name = BUF_OVER(text);
    span packet = n >= 2 ? fuzz_place(span_of(data + 2, n - 2)) : SPAN_NONE;
    struct dns_wire w = dns_wire_over(packet);
    struct dns_question q = {.type = n >= 2 ? types[data[0] % COUNT(types)] : DNS_A};
    struct dns_answer a, b;
    struct unpack u;

    (void)dns_wire_octets(&w, DNS_HEADER_BYTES);
    dns_wire_name(&w, &name);
    q.name = buf_span(&name);
    if (dns_wire_read(packet, q, &mem, &a) != ERR_OK)
        return 0;
    BUG_IF(w.failed && a.status != DNS_SERVFAIL, "an answer to a question that could not be read");
    dns_answer_pack(&first, &a);
    u = unpack_over(buf_span(&first));
    BUG_IF(!dns_answer_unpack(&u, &b) || !unpack_done(&u), "an answer that does not travel");
    dns_answer_pack(&second, &b);
    BUG_IF(!span_eq(buf_span(&first), buf_span(&second)), "an answer that changes on its way");
    return 0;
}
