/* SPDX-License-Identifier: ISC */
/*
 * cli/ask.h - DNS for a command: out of a scenario, or from the system's resolvers.
 *
 * The pure engines ask one question after the other; cli_ask answers it and waits
 * for the answer. The servers of /etc/resolv.conf are asked, without its search list.
 */
#ifndef CLI_ASK_H
#define CLI_ASK_H

#include "config/config.h"
#include "dns/script.h"
#include "name/domain.h"

/* What nobody answered is asked once in a command, of so many questions. */
#define CLI_DNS_SILENT 32u

struct cli_dns {
    const struct dns_script *script; /* NULL: ask servers */
    const struct config_dns *conf;   /* whose IPv4 servers are asked; NULL or none: the system's */
    struct {
        enum dns_type type;
        size_t n;
        char name[DOMAIN_MAX_BYTES];
    } silent[CLI_DNS_SILENT];
    size_t n_silent;
    char memory[DNS_ANSWER_MAX_BYTES];
};

/* The answer lies in dns->memory until the next question. */
struct dns_answer cli_ask(struct cli_dns *dns, struct dns_question q);

#endif
