/* SPDX-License-Identifier: ISC */
/*
 * explain/words.h - the words of a refusal, one after another.
 *
 * Refusals are compared word by word, not letter by letter, so that case, white
 * space, punctuation, line folding and repeated reply codes make no difference.
 * A word is a run of letters and digits in lower case; apostrophes vanish
 * ("doesn't" is "doesnt"), hyphens, slashes, underscores and CamelCase part
 * words ("HeloHost" is "helo host"). What merely names something is no word but
 * a class: an address, a host name, a mailbox, a name in angle brackets, a number,
 * so that <spam.example.com> never counts as talk about spam. A word right before
 * "=" keeps the sign ("helo=" in a log line is a key, not a complaint). Reply
 * codes and enhanced codes are left out and do not part the words around them.
 *
 * Words have places: the place grows by one for each word, and by SENTENCE_GAP
 * more at the end of a sentence. Linear in the text; nothing is copied.
 */
#ifndef EXPLAIN_WORDS_H
#define EXPLAIN_WORDS_H

#include "base/span.h"

/* How far the end of a sentence moves the words behind it away. */
#define SENTENCE_GAP 3

enum word_class {
    WORD_PLAIN,   /* letters and digits */
    WORD_NUMBER,  /* digits only */
    WORD_IP,      /* an address, bare or in brackets, of either family */
    WORD_HOST,    /* a dotted name */
    WORD_MAILBOX, /* local@domain, bare or in angle brackets */
    WORD_NAME,    /* any other thing in angle brackets without blanks */
    WORD_CLASS_COUNT
};

struct word {
    enum word_class is;
    bool key;     /* an equals sign follows */
    size_t at;    /* where it begins in the text */
    size_t end;   /* the octet after it */
    size_t place; /* its number, see above */
};

struct words {
    span text;
    size_t at;
    size_t place;
    size_t no_name; /* up to here no host name or mailbox begins: looked at before */
    size_t no_ip;   /* up to here no address begins */
    bool rfc;       /* the last word names an RFC: a section follows, no code */
};

static inline struct words words_of(span text)
{
    return (struct words){text, 0, 0, 0, 0, false};
}

/*
 * Take the next word.
 *
 * out_word  set only on success; borrows nothing, `at` and `end` are offsets of the text
 * returns   false at the end of the text
 */
bool words_next(struct words *w, struct word *out_word);

/* The length of the reply code and enhanced code at i ("550-5.7.1 "), 0 when none stands there.
 */
size_t words_code(span s, size_t i);

/* The length of an enhanced status code (RFC 3463 2) at from, 0 when none stands there. */
size_t words_enhanced(span s, size_t from);

#endif
