/* SPDX-License-Identifier: ISC */
#include "config/idn.h"

#include <idn2.h>

#include "base/ascii.h"

static bool is_ascii(span s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] > 127)
            return false;
    return true;
}

span config_idn(struct config_pool *pool, span name)
{
    uint8_t *ascii = NULL;
    span text;

    if (is_ascii(name) || span_has(name, '\0'))
        return name;
    text = config_pool_copy(pool, name);
    if (idn2_lookup_u8((const uint8_t *)text.p, &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) !=
        IDN2_OK)
        return name;
    text = config_pool_copy(pool, span_cstr((const char *)ascii));
    idn2_free(ascii);
    return text;
}
