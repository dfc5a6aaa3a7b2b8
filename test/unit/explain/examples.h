/* SPDX-License-Identifier: ISC */
/* explain/examples.h - the examples of the rule files, compiled by tools/mkknowledge. */
#ifndef TEST_UNIT_EXPLAIN_EXAMPLES_H
#define TEST_UNIT_EXPLAIN_EXAMPLES_H

#include <stddef.h>

struct rule_example {
    const char *rule;
    const char *kind;  /* "cause", "stage", ... */
    const char *value; /* the cause, or the stage */
    const char *text;  /* \n as two octets is a line break */
};

extern const struct rule_example rule_examples[];
extern const size_t rule_example_count;

#endif
