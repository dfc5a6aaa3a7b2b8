/* SPDX-License-Identifier: ISC */
#include "message/received.h"

#include "base/ascii.h"
#include "base/num.h"
#include "message/date.h"
#include "message/fold.h"

#define WORD_MAX_BYTES ((size_t)256) /* of one thing from outside */

/* A domain, an address or a literal may stand outside of a comment; underscores are usual. */
static bool is_plain_word(span s)
{
    if (s.n == 0 || s.n > WORD_MAX_BYTES - 2)
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (!ascii_is_alnum(s.p[i]) && !span_has(SPAN("-._:[]"), s.p[i]))
            return false;
    return true;
}

/* An address of a mail as it may stand in angle brackets; what cannot is left out. */
static bool is_address(span s)
{
    bool quoted = false;

    for (size_t i = 0; i < s.n; i++) {
        if (ascii_is_control(s.p[i]))
            return false;
        if (quoted && s.p[i] == '\\' && i + 1 < s.n && !ascii_is_control(s.p[i + 1]))
            i++;
        else if (s.p[i] == '"')
            quoted = !quoted;
        else if (!quoted && span_has(SPAN("<> "), s.p[i]))
            return false;
    }
    return s.n != 0 && s.n <= 2 * WORD_MAX_BYTES && !quoted;
}

/* "(name [address])": what we know of the client ourselves. */
static void put_client(struct fold *f, const struct received *r)
{
    char text[WORD_MAX_BYTES * 2];
    struct buf b = BUF_OVER(text);

    if (r->address.n == 0)
        return;
    fold_word(f, SPAN("("));
    fold_glue(f, is_plain_word(r->ptr) ? r->ptr : SPAN("unknown"));
    buf_putc(&b, '[');
    buf_put(&b, is_plain_word(r->address) ? r->address : SPAN("unknown"));
    buf_put(&b, SPAN("])"));
    fold_word(f, buf_span(&b));
}

static void put_greeting(struct fold *f, const struct received *r)
{
    fold_word(f, SPAN("from"));
    if (is_plain_word(r->greeting)) {
        fold_word(f, r->greeting);
        put_client(f, r);
        return;
    }
    fold_word(f, r->address.n != 0 ? SPAN("unknown") : SPAN("localhost"));
    put_client(f, r);
    if (r->greeting.n == 0)
        return;
    fold_word(f, SPAN("(greeting"));
    fold_comment_text(f, r->greeting, FOLD_COMMENT_CUT_BYTES);
    fold_glue(f, SPAN(")"));
}

/* RFC 8314 4.3: the clause "tls" and the cipher; the version has no place but a comment. */
static void put_tls(struct fold *f, const struct received *r)
{
    if (!is_plain_word(r->tls_cipher))
        return;
    fold_word(f, SPAN("tls"));
    fold_word(f, r->tls_cipher);
    if (!is_plain_word(r->tls_version))
        return;
    fold_word(f, SPAN("("));
    fold_glue(f, r->tls_version);
    fold_glue(f, SPAN(")"));
}

void received_put(struct buf *b, const struct received *r)
{
    struct fold f = fold_start(b, SPAN("Received:"));
    struct num_id id = num_id_text(r->id);
    char text[DATE_TEXT_BYTES + 1];
    struct buf date = BUF_OVER(text);

    put_greeting(&f, r);
    fold_word(&f, SPAN("by"));
    fold_word(&f, is_plain_word(r->host) ? r->host : SPAN("localhost"));
    fold_word(&f, SPAN("(herald)"));
    fold_word(&f, SPAN("with"));
    fold_word(&f, r->with);
    fold_word(&f, SPAN("id"));
    fold_word(&f, span_cstr(id.text));
    if (is_address(r->recipient)) {
        fold_word(&f, SPAN("for"));
        fold_word(&f, SPAN("<"));
        fold_glue(&f, r->recipient);
        fold_glue(&f, SPAN(">"));
    }
    put_tls(&f, r);
    fold_glue(&f, SPAN(";"));
    date_put(&date, r->wall_ms);
    fold_words(&f, buf_span(&date));
    fold_end(&f);
}

void received_put_return_path(struct buf *b, span sender)
{
    buf_put(b, SPAN("Return-Path: <"));
    if (is_address(sender))
        buf_put(b, sender);
    buf_put(b, SPAN(">\r\n"));
}

void received_put_delivered_to(struct buf *b, span recipient)
{
    if (!is_address(recipient))
        return;
    buf_put(b, SPAN("Delivered-To: "));
    buf_put(b, recipient);
    buf_put(b, SPAN("\r\n"));
}
