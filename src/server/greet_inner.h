/* SPDX-License-Identifier: ISC */
/* server/greet_inner.h - what greet.c (asking) and greet_judge.c (judging, words) share. */
#ifndef SERVER_GREET_INNER_H
#define SERVER_GREET_INNER_H

#include "name/path.h"
#include "os/idn.h"
#include "server/greet.h"

struct facts_work;
struct from_work;

struct greet {
    struct greet_shared *shared;
    struct greet_start start; /* its name points into text */
    bool gave_up;
    bool asks;                  /* facts and SPF are looked up at all */
    struct greeting_facts said; /* what the name says without asking anybody */
    span normal;                /* of the name, in text; empty: none that can be looked up */
    struct facts_work *work;
    struct greeting_facts facts; /* when work is NULL */
    char *names;                 /* host names, each ended by NUL: confirmed ones, then the PTR */
    unsigned n_hosts;
    struct past_query past;
    struct greeting_history history;
    struct from_work *from;
    char *sender; /* of from_result, so that the same one is not asked about again */
    size_t sender_n;
    enum spf_result from_result;
    bool has_from;
    uint32_t facts_s; /* seconds for which the facts may be kept, by their answers so far */
    uint32_t from_s;  /* the same of SPF */
    char text[];
};

#define GREET_SENDER_BYTES (PATH_LOCAL_MAX_BYTES + 1 + IDN_NAME_BYTES)

/* The sender with its domain in A-labels, in b; as it was said when it has none. */
span greet_sender(const struct greet *g, struct buf *b);

#endif
