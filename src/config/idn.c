/* SPDX-License-Identifier: ISC */
#include "config/idn.h"

span config_idn(struct config_pool *pool, span name)
{
    char room[IDN_NAME_BYTES];
    struct buf ascii = BUF_OVER(room);

    if (!idn_is_needed(name) || !idn_put_ascii(&ascii, name))
        return name;
    return config_pool_copy(pool, buf_span(&ascii));
}

span config_idn_pattern(struct config_pool *pool, span name)
{
    size_t star = span_starts(name, SPAN("*.")) ? 2 : 0;
    char room[IDN_NAME_BYTES + 2];
    struct buf ascii = BUF_OVER(room);

    buf_put(&ascii, span_head(name, star));
    if (!idn_is_needed(name) || !idn_put_ascii(&ascii, span_skip(name, star)))
        return name;
    return config_pool_copy(pool, buf_span(&ascii));
}

void config_idn_put_path(struct buf *b, const struct path *p)
{
    char room[IDN_NAME_BYTES];
    struct buf ascii = BUF_OVER(room);
    struct path as = *p;

    if (idn_is_needed(p->domain) && idn_put_ascii(&ascii, p->domain))
        as.domain = buf_span(&ascii);
    path_put(b, &as);
}
