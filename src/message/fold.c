/* SPDX-License-Identifier: ISC */
#include "message/fold.h"

#include "base/escape.h"

#define FOLD_SIGN SPAN("\r\n\t")

struct fold fold_start(struct buf *b, span name)
{
    struct fold f = {b, b->n, 0};

    buf_put(b, name);
    return f;
}

/* When the line has become too long, its last word goes to a line of its own. */
static void fold_if_long(struct fold *f)
{
    struct buf *b = f->b;
    size_t at = f->word_start;

    if (b->n - f->line_start <= FOLD_COLUMNS || at <= f->line_start + 1 || b->overflow)
        return;
    buf_put(b, SPAN("\r\n"));
    if (b->overflow)
        return;
    /* The blank before the word becomes CRLF TAB. */
    memmove(b->p + at + FOLD_SIGN.n, b->p + at + 1, b->n - 2 - at - 1);
    memcpy(b->p + at, FOLD_SIGN.p, FOLD_SIGN.n);
    f->line_start = at + 2;
    f->word_start = f->line_start;
}

void fold_word(struct fold *f, span word)
{
    f->word_start = f->b->n;
    buf_putc(f->b, ' ');
    buf_put(f->b, word);
    fold_if_long(f);
}

void fold_glue(struct fold *f, span text)
{
    buf_put(f->b, text);
    fold_if_long(f);
}

void fold_words(struct fold *f, span text)
{
    span word;

    while (span_split(&text, ' ', &word))
        if (word.n != 0)
            fold_word(f, word);
}

void fold_comment_text(struct fold *f, span text, size_t max)
{
    char room[FOLD_COMMENT_CUT_BYTES * 4 + 8];
    struct buf b = BUF_OVER(room);

    escape_text(&b, text, max < FOLD_COMMENT_CUT_BYTES ? max : FOLD_COMMENT_CUT_BYTES);
    /* What would end a comment or quote in it stands for itself no more. */
    for (size_t i = 0; i < b.n; i++)
        if (span_has(SPAN("()\\"), b.p[i]))
            b.p[i] = '?';
    fold_words(f, buf_span(&b));
}

void fold_end(struct fold *f)
{
    buf_put(f->b, SPAN("\r\n"));
}
