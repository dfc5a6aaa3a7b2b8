/* SPDX-License-Identifier: ISC */
#include "name/special.h"

#include "name/domain.h"

enum special special_name(span name)
{
    static const struct {
        span domain;
        enum special kind;
    } table[] = {
        {SPAN_INIT("local"), SPECIAL_NEVER},      {SPAN_INIT("localdomain"), SPECIAL_NEVER},
        {SPAN_INIT("localhost"), SPECIAL_NEVER},  {SPAN_INIT("invalid"), SPECIAL_NEVER},
        {SPAN_INIT("onion"), SPECIAL_NEVER},      {SPAN_INIT("home.arpa"), SPECIAL_NEVER},
        {SPAN_INIT("alt"), SPECIAL_NEVER},        {SPAN_INIT("lan"), SPECIAL_PRIVATE},
        {SPAN_INIT("internal"), SPECIAL_PRIVATE}, {SPAN_INIT("intranet"), SPECIAL_PRIVATE},
        {SPAN_INIT("corp"), SPECIAL_PRIVATE},     {SPAN_INIT("home"), SPECIAL_PRIVATE},
        {SPAN_INIT("private"), SPECIAL_PRIVATE},  {SPAN_INIT("workgroup"), SPECIAL_PRIVATE},
    };

    for (size_t i = 0; i < COUNT(table); i++)
        if (domain_eq(name, table[i].domain) || domain_is_under(name, table[i].domain))
            return table[i].kind;
    return SPECIAL_NOT;
}
