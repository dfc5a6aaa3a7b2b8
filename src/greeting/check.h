/* SPDX-License-Identifier: ISC */
/*
 * greeting/check.h - the table of checks: what each looks for and what it means.
 *
 * For the greeting room alone; others ask greeting/judge.h. A new check is a row here, a name in
 * enum greeting_check, and a page of its cause in knowledge/.
 */
#ifndef GREETING_CHECK_H
#define GREETING_CHECK_H

#include "greeting/judge.h"

struct greeting_check_row {
    span cause;
    bool (*finds)(const struct greeting_facts *f);
    enum greeting_severity severity;
    uint16_t code;
    span enhanced;
    enum greeting_state state[GREETING_PRESET_COUNT]; /* observe, standard, strict */
    uint32_t because; /* set of 1u << enum greeting_fact or greeting_ground: what it rests on */
};

/* What the history of a greeting must pass to be noted. Below PAST_MEMBERS. */
#define CHECK_NAMES_HOUR_MAX 10u
#define CHECK_NETWORKS_MAX   10u

extern const struct greeting_check_row greeting_checks[GREETING_CHECK_COUNT];

/* Whether a fact has that value; reads as English in the judges. */
static inline bool greeting_is(const struct greeting_facts *f, enum greeting_fact fact,
                               unsigned value)
{
    return f->value[fact] == value;
}

static inline bool greeting_has(const struct greeting_facts *f, enum greeting_trait trait)
{
    return (f->traits & trait) != 0;
}

#endif
