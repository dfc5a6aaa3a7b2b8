/* SPDX-License-Identifier: ISC */
/*
 * cli/judge.h - the parts of `herald judge`: a case, where it comes from, how it is shown.
 *
 * A case is everything a judgement rests on. judge_run gathers its facts and judges
 * them; the rest reads cases (cli/judge_case.c) and shows results (cli/judge_show.c).
 */
#ifndef CLI_JUDGE_H
#define CLI_JUDGE_H

#include <jansson.h>

#include "base/diag.h"
#include "cli/ask.h"
#include "greeting/gather.h"
#include "greeting/judge.h"

#define JUDGE_NAMES_MAX      256u
#define JUDGE_ADDRESSES_MAX  1024u
#define JUDGE_DOMAINS_MAX    65536u
#define JUDGE_PREFIXES_MAX   1024u
#define JUDGE_EXEMPTIONS_MAX 256u

struct judge_case {
    struct greeting_claim claim;
    struct greeting_server server;
    struct greeting_session session;
    struct greeting_policy policy;
    enum greeting_preset preset;
    span verb; /* as it is to be shown */
    span names[JUDGE_NAMES_MAX];
    struct ip_addr addresses[JUDGE_ADDRESSES_MAX];
    span domains[JUDGE_DOMAINS_MAX];
    size_t n_domains;
    struct ip_prefix prefixes[JUDGE_PREFIXES_MAX];
    struct greeting_exemption exemptions[JUDGE_EXEMPTIONS_MAX];
};

struct judge_result {
    struct greeting_gather gather; /* its facts and names */
    span hosts[GREETING_PTR_MAX];
    struct greeting_verdict verdict;
};

/* An empty case: EHLO on an MX port, policy standard. */
void judge_case_init(struct judge_case *c);

/* A scenario as a case; spans are borrowed from the JSON. */
enum err judge_case_read(struct judge_case *c, const json_t *scenario, struct diag *d);

/* Gather facts from DNS, and judge them. */
void judge_run(struct judge_case *c, struct cli_dns *from, struct judge_result *out);

/* The result as one JSON object without an end of line. */
void judge_put_json(struct buf *b, const struct judge_case *c, const struct judge_result *r,
                    const json_t *scenario);

struct config;

/*
 * What each egress greets with, and what kinds of receivers would say to it.
 *
 * peer     a host to greet, as HOST or ADDRESS:PORT; NULL: none
 * returns  an exit code: 0, 1 when some kind of receiver would refuse, 78 when nothing can be said
 */
int judge_self(const struct config *conf, struct cli_dns *dns, const char *peer, bool json);

/* The result for a person: facts, what is wrong, what each preset does, how to mend it. */
void judge_put_person(struct buf *b, const struct judge_case *c, const struct judge_result *r);

#endif
