/* SPDX-License-Identifier: ISC */
/* Where the configuration sends an address. */
#include "config/find.h"
#include "server/queue.h"

static struct route_target to_lmtp(const struct config_endpoint *at)
{
    if (at->transport == CONFIG_UNIX)
        return (struct route_target){.transport = JOB_LMTP_UNIX, .host = at->path};
    return (struct route_target){.transport = JOB_LMTP_TCP, .host = at->host, .port = at->port};
}

static struct route_target to_route(const struct config *c, const struct config_route *route,
                                    span domain)
{
    struct route_target t = {.kind = ROUTE_HOLD};

    switch (route->via) {
    case CONFIG_VIA_HOLD:
        break;
    case CONFIG_VIA_MX:
        t = (struct route_target){.transport = JOB_MX, .host = domain};
        break;
    case CONFIG_VIA_LMTP:
        t = to_lmtp(&route->to);
        break;
    case CONFIG_VIA_SMTP:
        t = (struct route_target){
            .transport = JOB_SMARTHOST, .host = route->to.host, .port = route->to.port};
        break;
    }
    if (t.kind == ROUTE_DELIVER && route->egress != &c->egresses[0])
        t.egress = route->egress->name;
    return t;
}

struct route_target queue_route(const struct config *c, span canonical)
{
    span domain = route_domain(canonical);

    if (!config_is_local_domain(c, domain))
        return to_route(c, config_route_find(c, domain), domain);
    if (c->mailbox.kind == CONFIG_MAILBOX_LMTP)
        return to_lmtp(&c->mailbox.lmtp);
    return (struct route_target){.transport = JOB_MAILDIR};
}
