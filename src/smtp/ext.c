/* SPDX-License-Identifier: ISC */
#include "smtp/ext.h"

#define EXT_ROW(id, bit, keyword) [bit] = SPAN_INIT(keyword),
static const span keywords[] = {SMTP_EXT_LIST(EXT_ROW)};
#undef EXT_ROW

struct smtp_ext_line smtp_ext_parse(span line)
{
    size_t end = 0;
    span word;

    while (end < line.n && line.p[end] != ' ' && line.p[end] != '=')
        end++;
    word = span_head(line, end);
    for (unsigned bit = 0; bit < COUNT(keywords); bit++) {
        /* "AUTH=LOGIN" is how old servers announce AUTH; no other keyword has that form. */
        bool odd = end < line.n && line.p[end] == '=' && 1u << bit != SMTP_EXT_AUTH;

        if (span_ieq(word, keywords[bit]) && !odd)
            return (struct smtp_ext_line){1u << bit, span_trim(span_skip(line, end + 1))};
    }
    return (struct smtp_ext_line){0, SPAN_NONE};
}

span smtp_ext_keyword(unsigned bit)
{
    return bit < COUNT(keywords) ? keywords[bit] : SPAN_NONE;
}
