/* SPDX-License-Identifier: ISC */
/* config/lex.h - the words and signs of a configuration text, each with its place. */
#ifndef CONFIG_LEX_H
#define CONFIG_LEX_H

#include "base/span.h"

enum config_token_kind {
    CONFIG_TOKEN_END,
    CONFIG_TOKEN_WORD,
    CONFIG_TOKEN_STRING, /* text: between the quotes, escapes as they stand */
    CONFIG_TOKEN_SIGN,   /* one of = ; { } [ ] , */
    CONFIG_TOKEN_BAD,    /* wrong: says what is wrong; reading can go on after it */
};

struct config_token {
    enum config_token_kind kind;
    span text;
    char sign;
    bool first; /* first of its line */
    unsigned line;
    unsigned column; /* in octets, 1 and up */
    const char *wrong;
};

struct config_lex {
    span rest;
    unsigned line;
    const char *line_start;
};

struct config_lex config_lex_over(span text);

struct config_token config_lex_next(struct config_lex *lex);

#endif
