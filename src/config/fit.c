/* SPDX-License-Identifier: ISC */
#include "config/fit.h"

#include "name/addr.h"
#include "name/domain.h"

#define NAME_MAX_OCTETS 253 /* RFC 1035 2.3.4, without the root's dot */

/* Names that mean another host wherever they are heard. */
static const span private_tails[] = {
    SPAN_INIT("localhost"), SPAN_INIT("local"), SPAN_INIT("localdomain"), SPAN_INIT("internal"),
    SPAN_INIT("lan"),       SPAN_INIT("home"),  SPAN_INIT("corp"),        SPAN_INIT("intranet"),
    SPAN_INIT("home.arpa"), SPAN_INIT("onion"), SPAN_INIT("invalid"),     SPAN_INIT("private"),
    SPAN_INIT("workgroup"), SPAN_INIT("arpa"),
};

static bool is_private(span name)
{
    for (size_t i = 0; i < COUNT(private_tails); i++)
        if (domain_eq(name, private_tails[i]) || domain_is_under(name, private_tails[i]))
            return true;
    return false;
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
