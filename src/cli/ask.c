/* SPDX-License-Identifier: ISC */
#include "cli/ask.h"

#include <arpa/nameser.h>
#include <netinet/in.h>
#include <resolv.h>

#include "dns/wire.h"
#include "net/addr.h"

#define UDP_BYTES 1232u /* what passes everywhere without fragments */

/* The library keeps addresses of IPv6 elsewhere, so those of the system stay for them. */
static void use_servers(struct __res_state *state, const struct config_dns *conf)
{
    int n = 0;

    for (size_t i = 0; conf != NULL && i < conf->n_servers && n < MAXNS; i++) {
        const struct config_endpoint *e = &conf->servers[i];

        if (e->ip.family != IP_V4)
            continue;
        state->nsaddr_list[n] = net_addr_ip(span_of(e->ip.octet, 4), e->port).u.v4;
        state->nscount = ++n;
    }
}

static struct dns_answer ask_servers(const struct config_dns *conf, struct dns_question q,
                                     struct buf *mem)
{
    static unsigned char packet[NS_MAXMSG];
    struct dns_answer answer = dns_answer_of(q.type, DNS_TIMEOUT);
    unsigned char octets[DNS_QUERY_MAX_BYTES];
    struct buf query = buf_over((char *)octets, sizeof(octets));
    struct __res_state state = {0};
    int n;

    if (!dns_wire_put_query(&query, 0x4844, q, UDP_BYTES) || query.overflow)
        return dns_answer_of(q.type, DNS_NXDOMAIN);
    if (res_ninit(&state) != 0)
        return answer;
    use_servers(&state, conf);
    n = res_nsend(&state, octets, (int)query.n, packet, sizeof(packet));
    res_nclose(&state);
    if (n < 0)
        return answer;
    if (dns_wire_read(span_of(packet, min_size((size_t)n, sizeof(packet))), q, mem, &answer) !=
        ERR_OK)
        answer.status = DNS_SERVFAIL;
    return answer;
}

struct dns_answer cli_ask(struct cli_dns *dns, struct dns_question q)
{
    struct buf mem = BUF_OVER(dns->memory);

    if (dns->script != NULL)
        return dns_script_ask(dns->script, q, &mem);
    return ask_servers(dns->conf, q, &mem);
}
