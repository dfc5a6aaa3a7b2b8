/* SPDX-License-Identifier: ISC */
/*
 * message/fold.h - build one header field, word by word, folded (RFC 5322 2.2.3).
 *
 * A line is broken before a word that would pass column 78. A word is never broken, so
 * a longer one makes a longer line; words are kept under 900 octets by the callers.
 */
#ifndef MESSAGE_FOLD_H
#define MESSAGE_FOLD_H

#include "base/buf.h"

#define FOLD_COLUMNS           78
#define FOLD_COMMENT_CUT_BYTES 100 /* of text from outside in a comment */

struct fold {
    struct buf *b;
    size_t line_start; /* of the current line, in b */
    size_t word_start; /* of the blank before the last word */
};

/* Begin with "Name:". */
struct fold fold_start(struct buf *b, span name);
/* A word with a blank before it. */
void fold_word(struct fold *f, span word);
/* Text right behind the last word. */
void fold_glue(struct fold *f, span text);
/* Words that stand apart by blanks. */
void fold_words(struct fold *f, span text);
/* Text from outside as words of a comment or of free text: escaped, parentheses too, at most `max`
 * octets. */
void fold_comment_text(struct fold *f, span text, size_t max);
/* The end of line. */
void fold_end(struct fold *f);

#endif
