/* SPDX-License-Identifier: ISC */
#include "os/idn.h"

#include <idn2.h>

#include "base/ascii.h"

bool idn_is_needed(span s)
{
    return ascii_has_high(s);
}

bool idn_put_ascii(struct buf *b, span domain)
{
    char room[IDN_NAME_BYTES];
    struct buf name = BUF_OVER(room);
    uint8_t *ascii = NULL;
    span found;
    bool fits;

    if (!idn_is_needed(domain)) {
        buf_put_lower(b, domain);
        return !b->overflow;
    }
    buf_put(&name, domain);
    if (buf_cstr(&name) == NULL || idn2_lookup_u8((const uint8_t *)room, &ascii,
                                                  IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) != IDN2_OK)
        return false;
    found = span_cstr((const char *)ascii);
    fits = found.n <= buf_room(b);
    if (fits)
        buf_put_lower(b, found);
    idn2_free(ascii);
    return fits;
}

bool idn_put_address(struct buf *b, span address)
{
    size_t at = span_rfind(address, '@');
    size_t start = b->n;
    span domain = at < address.n ? span_skip(address, at + 1) : address;

    buf_put(b, span_head(address, address.n - domain.n));
    if (!b->overflow && idn_put_ascii(b, domain))
        return true;
    b->n = start;
    return false;
}
