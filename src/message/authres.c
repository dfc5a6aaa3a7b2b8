/* SPDX-License-Identifier: ISC */
#include "message/authres.h"

#include "base/ascii.h"
#include "message/fold.h"

#define VALUE_MAX_BYTES ((size_t)320) /* of one thing from outside: an address of RFC 5321 */

/* What may stand without quotes: RFC 2045 token octets, and one @ between them. */
static bool is_plain_octet(char c)
{
    return ascii_is_alnum(c) || c == '.' || c == '-' || c == '_' || c == '+' || c == '@';
}

static bool is_plain(span s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!is_plain_octet(s.p[i]))
            return false;
    return s.n != 0 && s.n <= VALUE_MAX_BYTES;
}

static void put_value(struct buf *b, span s)
{
    if (is_plain(s)) {
        buf_put(b, s);
        return;
    }
    buf_putc(b, '"');
    for (size_t i = 0; i < s.n && i < VALUE_MAX_BYTES; i++) {
        if (s.p[i] == '"' || s.p[i] == '\\')
            buf_putc(b, '\\');
        buf_putc(b, ascii_is_control(s.p[i]) || (s.p[i] & 0x80) != 0 ? '?' : s.p[i]);
    }
    buf_putc(b, '"');
}

/* "; method=result property=value" */
static void put_result(struct fold *f, span method, span result, span property, span value)
{
    char text[2 * VALUE_MAX_BYTES + 64];
    struct buf b = BUF_OVER(text);

    fold_glue(f, SPAN(";"));
    buf_put(&b, method);
    buf_putc(&b, '=');
    buf_put(&b, result);
    fold_word(f, buf_span(&b));
    buf_reset(&b);
    buf_put(&b, property);
    buf_putc(&b, '=');
    put_value(&b, value);
    fold_word(f, buf_span(&b));
}

void authres_put(struct buf *b, const struct authres *a)
{
    struct fold f = fold_start(b, SPAN("Authentication-Results:"));

    fold_word(&f, is_plain(a->host) ? a->host : SPAN("localhost"));
    put_result(&f, SPAN("iprev"), a->iprev, SPAN("policy.iprev"), a->address);
    if (is_plain(a->ptr)) {
        fold_word(&f, SPAN("("));
        fold_glue(&f, a->ptr);
        fold_glue(&f, SPAN(")"));
    }
    if (a->spf_helo.n != 0)
        put_result(&f, SPAN("spf"), a->spf_helo, SPAN("smtp.helo"), a->greeting);
    if (a->spf_from.n != 0)
        put_result(&f, SPAN("spf"), a->spf_from, SPAN("smtp.mailfrom"), a->mail_from);
    fold_end(&f);
}

/* Take white space, folds and comments off the front (RFC 5322 3.2.2). */
static span skip_blank(span s)
{
    unsigned depth = 0;
    size_t i = 0;

    for (; i < s.n; i++) {
        if (s.p[i] == '(')
            depth++;
        else if (s.p[i] == ')' && depth > 0)
            depth--;
        else if (s.p[i] == '\\' && depth > 0)
            i++;
        else if (depth == 0 && !span_has(SPAN(" \t\r\n"), s.p[i]))
            break;
    }
    return span_skip(s, i);
}

bool authres_claims(span name, span value, span host)
{
    span id = skip_blank(value);
    bool quoted = id.n > 0 && id.p[0] == '"';
    size_t n = 0;

    if (!span_ieq(name, SPAN("Authentication-Results")))
        return false;
    id = span_skip(id, quoted ? 1 : 0);
    while (n < id.n && !span_has(quoted ? SPAN("\"") : SPAN(" \t\r\n;("), id.p[n]))
        n++;
    return span_ieq(span_head(id, n), host);
}
