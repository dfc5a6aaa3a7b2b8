/* SPDX-License-Identifier: ISC */
#include "config/idn.h"

#include "os/idn.h"

span config_idn(struct config_pool *pool, span name)
{
    char room[IDN_NAME_BYTES];
    struct buf ascii = BUF_OVER(room);

    if (!idn_is_needed(name) || !idn_put_ascii(&ascii, name))
        return name;
    return config_pool_copy(pool, buf_span(&ascii));
}
