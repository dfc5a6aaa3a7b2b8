/* SPDX-License-Identifier: ISC */
#include "config/fit.h"

#include "name/addr.h"
#include "name/domain.h"
#include "name/special.h"

#define NAME_MAX_OCTETS 253 /* RFC 1035 2.3.4, without the root's dot */

/* Names that mean another host wherever they are heard, and those of addresses. */
static bool is_private(span name)
{
    return special_name(name) != SPECIAL_NOT || domain_is_under(name, SPAN("arpa"));
}

const char *config_fit_fault(span name)
{
    struct domain d = domain_parse(name);
    struct ip_addr ignored;

    if (ip_addr_parse(name, &ignored) || (name.n != 0 && name.p[0] == '['))
        return "an address is not a name";
    if (span_has(name, ':'))
        return "a name has no port";
    if (!domain_is_valid(&d))
        return domain_fault_text(d.faults);
    if (name.n > NAME_MAX_OCTETS)
        return "a name has at most 253 octets";
    if (d.labels < 2)
        return "the name has no domain: nobody else can know which host it is";
    if (!domain_is_fqdn(&d))
        return "no top-level domain is a number";
    if (is_private(name))
        return "this name means nothing outside this network";
    return NULL;
}
