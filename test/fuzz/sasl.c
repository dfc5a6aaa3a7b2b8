/* SPDX-License-Identifier: ISC */
/* Any octets as a response of each mechanism: what is read lies within them, and is bounded. */
#include "fuzz.h"

#include "smtp/sasl.h"

static void check(span s, const struct sasl_claim *c)
{
    const span parts[] = {c->authzid, c->user, c->secret};

    for (size_t i = 0; i < COUNT(parts); i++)
        BUG_IF(parts[i].n != 0 && (parts[i].p < s.p || parts[i].p + parts[i].n > s.p + s.n),
               "a part from outside");
    BUG_IF(c->user.n > SASL_NAME_BYTES || c->secret.n > SASL_TOKEN_BYTES || c->secret.n == 0 ||
               span_has(c->user, '\0') || span_has(c->secret, '\0'),
           "a part beyond its bounds");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static bool (*const as[])(span s, struct sasl_claim * out) = {
        sasl_read_plain, sasl_read_oauthbearer, sasl_read_xoauth2};
    struct sasl_claim claim = {0};
    span s;

    if (n < 2)
        return 0;
    s = fuzz_place(span_of(data + 2, n - 2));
    if (as[data[0] % COUNT(as)](s, &claim))
        check(s, &claim);
    (void)sasl_find(s);
    return 0;
}
