/* SPDX-License-Identifier: ISC */
/*
 * config/problem.h - what is wrong with a configuration, for a person or a program.
 *
 * A list of problems in the order found. Each says where, which key, what was
 * found, what is allowed and the nearest key. The list owns its memory.
 */
#ifndef CONFIG_PROBLEM_H
#define CONFIG_PROBLEM_H

#include "base/buf.h"

#define CONFIG_PROBLEMS_MAX 200 /* kept; more are counted */

struct config_problem {
    bool warning;
    char file[256];    /* "" when none */
    unsigned line;     /* 1 and up; 0: none */
    unsigned column;   /* 1 and up; 0: none */
    char key[80];      /* "limits.recipients"; "" when none */
    char found[264];   /* escaped; "" when none */
    char allowed[256]; /* "" when none */
    char nearest[80];  /* the key that may have been meant; "" when none */
    char text[256];    /* what is wrong, in words; never empty */
};

struct config_problems {
    struct config_problem *items;
    size_t n;
    size_t cap;
    size_t n_errors; /* warnings not counted, those beyond the maximum counted */
};

/* Start with = {0}. Frees the items and makes the list empty. */
void config_problems_finish(struct config_problems *all);

/* Add one; p is copied. */
void config_problems_add(struct config_problems *all, const struct config_problem *p);

/* In the order of files, lines and columns; what stands at one place keeps its order. */
void config_problems_sort(struct config_problems *all);

/* "file:line:column: error: key: text: found X; allowed: Y; did you mean Z?" without an end of
 * line. */
void config_problem_text(const struct config_problem *p, struct buf *out);

/* The same without "error: ", for an event that says so itself. */
void config_problem_log(const struct config_problem *p, struct buf *out);

/* The same as one JSON object. */
void config_problem_json(const struct config_problem *p, struct buf *out);

#endif
