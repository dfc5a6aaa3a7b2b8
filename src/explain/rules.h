/* SPDX-License-Identifier: ISC */
/*
 * explain/rules.h - the rules as tools/mkknowledge compiled them (inside the room only).
 *
 * A rule says what a text means when certain phrases stand in it. A phrase is a
 * row of words, each with the largest gap to the word before it. All phrases live
 * in one row of `steps`: the words of one phrase side by side. A trie finds, for a
 * word, the steps that it may be. Matching remembers for each step the last place
 * where the phrase was complete up to it; a word at place t reaches a step when the
 * step before was reached at a place not further back than the gap allows. The last
 * place is always the best one to continue from, so nothing is ever tried twice:
 * time is the number of words times the steps of the commonest word, which the
 * rules bound, not the text.
 *
 * Phrases that often stand for one another form a set (a word set of the rule files, or
 * alternatives of several words); a whole phrase of a set counts like one word in others.
 *
 * Phrases of the same meaning form a term; a clause is a set of terms that must
 * all occur (or must not); each clause belongs to one rule. The format of the rule
 * files is in knowledge/rules/README.md.
 */
#ifndef EXPLAIN_RULES_H
#define EXPLAIN_RULES_H

#include "explain/knowledge.h"
#include "explain/words.h"

#define RULE_TERMS_MAX 14

struct rule_node {
    uint16_t edge; /* the first of its edges */
    uint8_t edges; /* how many */
    uint8_t pad;
    uint16_t up;     /* the nearest node above that has `begins`; 0: none */
    uint16_t whole;  /* steps that this whole word may be: index into rule_uses */
    uint16_t begins; /* steps that any word with this beginning may be */
    uint16_t whole_n;
    uint16_t begins_n;
};

struct rule_edge {
    char c;
    uint16_t to;
};

struct rule_step {
    uint8_t gap;   /* words that may stand between the step before and this one */
    bool first;    /* begins a phrase */
    bool is_set;   /* the phrase makes a set, not a term */
    uint8_t words; /* of the phrase, when this is its last step; else 0 */
    uint16_t term; /* that is found when this is the last step; or the set */
};

enum rule_kind {
    RULE_CAUSE,    /* value: index of a page */
    RULE_STAGE,    /* value: enum explain_stage */
    RULE_PRINTER,  /* the text was made by the software `value` as the refusing server */
    RULE_REPORTER, /* the text was made by the software `value` as the sender or its library */
    RULE_TAKE,     /* value: enum explain_field, side: where it stands */
    RULE_CUT,      /* all from here on is a copy of the message: not read */
};

enum rule_side { RULE_AFTER, RULE_BEFORE, RULE_WITHIN };

struct rule {
    const char *id;
    enum rule_kind kind;
    uint8_t strength; /* 1 to 99 */
    enum rule_side side;
    uint16_t value;
    uint16_t software; /* that prints it; 0: any */
};

struct rule_clause {
    uint16_t rule;
    uint8_t terms;
    uint8_t words;                 /* of its phrases together: the longer one wins between equals */
    uint16_t term[RULE_TERMS_MAX]; /* the first one must occur */
    uint16_t without;              /* bit i: term[i] must not occur */
};

/* A list of clauses to look at when a term was found. */
struct rule_term {
    uint16_t clause; /* index into rule_wakes */
    uint16_t clauses;
};

/* A term that no words make, but the reply's code, its enhanced code or the stage. */
enum rule_sign_kind { RULE_SIGN_CODE, RULE_SIGN_ENHANCED, RULE_SIGN_STAGE };

struct rule_sign {
    enum rule_sign_kind kind;
    uint16_t value;       /* reply code or enum explain_stage */
    const char *enhanced; /* ".7.25": the code without its class */
    uint16_t term;
};

extern const struct rule_sign rule_signs[];
extern const size_t rule_sign_count;
extern const char *const rule_software[];
extern const struct rule_node rule_nodes[];
extern const struct rule_edge rule_edges[]; /* of one node side by side, by their octet */
extern const uint16_t rule_root[256];       /* the edges of the first node */
extern const uint16_t rule_uses[];
extern const struct rule_step rule_steps[];
extern const struct rule_term rule_terms[];
extern const uint16_t rule_wakes[];
extern const struct rule_clause rule_clauses[];
extern const struct rule rules[];
/* The steps that any word of a class may be: rule_class_uses[rule_classes[c] .. [c + 1]). */
extern const uint16_t rule_classes[WORD_CLASS_COUNT + 1];
extern const uint16_t rule_class_uses[];
/* The steps that a phrase of a set may be: rule_set_uses[rule_sets[s] .. [s + 1]). */
extern const uint16_t rule_sets[];
extern const uint16_t rule_set_uses[];
extern const size_t rule_clause_count;
extern const size_t rule_term_count;
extern const size_t rule_step_count;

#endif
