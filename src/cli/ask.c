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

/* The library waits so long for each of two tries. */
static void use_timeout(struct __res_state *state, const struct config_dns *conf)
{
    if (conf != NULL)
        state->retrans = (int)((conf->timeout_ms + 1999) / 2000);
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
    use_timeout(&state, conf);
    n = res_nsend(&state, octets, (int)query.n, packet, sizeof(packet));
    res_nclose(&state);
    if (n < 0)
        return answer;
    if (dns_wire_read(span_of(packet, min_size((size_t)n, sizeof(packet))), q, mem, &answer) !=
        ERR_OK)
        answer.status = DNS_SERVFAIL;
    return answer;
}

static bool is_silent(const struct cli_dns *dns, struct dns_question q)
{
    for (size_t i = 0; i < dns->n_silent; i++)
        if (dns->silent[i].type == q.type &&
            span_ieq(span_of(dns->silent[i].name, dns->silent[i].n), q.name))
            return true;
    return false;
}

static void note_silent(struct cli_dns *dns, struct dns_question q)
{
    if (dns->n_silent == CLI_DNS_SILENT || q.name.n > sizeof(dns->silent[0].name))
        return;
    dns->silent[dns->n_silent].type = q.type;
    dns->silent[dns->n_silent].n = q.name.n;
    if (q.name.n > 0)
        memcpy(dns->silent[dns->n_silent].name, q.name.p, q.name.n);
    dns->n_silent++;
}

struct dns_answer cli_ask(struct cli_dns *dns, struct dns_question q)
{
    struct buf mem = BUF_OVER(dns->memory);
    struct dns_answer answer;

    if (dns->script != NULL)
        return dns_script_ask(dns->script, q, &mem);
    if (is_silent(dns, q))
        return dns_answer_of(q.type, DNS_TIMEOUT);
    answer = ask_servers(dns->conf, q, &mem);
    if (answer.status == DNS_TIMEOUT || answer.status == DNS_SERVFAIL)
        note_silent(dns, q);
    return answer;
}
