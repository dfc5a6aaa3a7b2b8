/* SPDX-License-Identifier: ISC */
#include "smtp/sasl.h"

#include "base/ascii.h"

#define KV_SEP '\1' /* RFC 7628 3.1 */

static const span names[SASL_MECHANISM_COUNT] = {
    [SASL_PLAIN] = SPAN_INIT("PLAIN"),
    [SASL_LOGIN] = SPAN_INIT("LOGIN"),
    [SASL_SCRAM_SHA_256] = SPAN_INIT("SCRAM-SHA-256"),
    [SASL_SCRAM_SHA_256_PLUS] = SPAN_INIT("SCRAM-SHA-256-PLUS"),
    [SASL_EXTERNAL] = SPAN_INIT("EXTERNAL"),
    [SASL_OAUTHBEARER] = SPAN_INIT("OAUTHBEARER"),
    [SASL_XOAUTH2] = SPAN_INIT("XOAUTH2"),
};

span sasl_name(enum sasl_mechanism m)
{
    BUG_IF((unsigned)m >= SASL_MECHANISM_COUNT, "a mechanism that is none");
    return names[m];
}

enum sasl_mechanism sasl_find(span name)
{
    enum sasl_mechanism m = SASL_PLAIN;

    while (m < SASL_MECHANISM_COUNT && !span_ieq(name, names[m]))
        m++;
    return m;
}

void sasl_put_names(struct buf *b, unsigned set)
{
    static const enum sasl_mechanism order[] = {
        SASL_SCRAM_SHA_256_PLUS, SASL_SCRAM_SHA_256, SASL_PLAIN,   SASL_LOGIN,
        SASL_OAUTHBEARER,        SASL_XOAUTH2,       SASL_EXTERNAL};
    size_t start = b->n;

    for (size_t i = 0; i < COUNT(order); i++) {
        if ((set & 1u << order[i]) == 0)
            continue;
        if (b->n != start)
            buf_putc(b, ' ');
        buf_put(b, names[order[i]]);
    }
}

static bool is_text(span s, size_t max)
{
    return s.n != 0 && s.n <= max && !span_has(s, '\0');
}

bool sasl_is_name(span s)
{
    return is_text(s, SASL_NAME_BYTES);
}

bool sasl_is_secret(span s)
{
    return is_text(s, SASL_SECRET_BYTES);
}

bool sasl_read_plain(span message, struct sasl_claim *out_claim)
{
    struct sasl_claim c;
    size_t first = span_find(message, '\0');
    span rest = span_skip(message, first + 1);
    size_t second = span_find(rest, '\0');

    c.authzid = span_head(message, first);
    c.user = span_head(rest, second);
    c.secret = span_skip(rest, second + 1);
    if (first == message.n || second == rest.n || c.authzid.n > SASL_NAME_BYTES ||
        !sasl_is_name(c.user) || !sasl_is_secret(c.secret))
        return false;
    *out_claim = c;
    return true;
}

/* RFC 6750 2.1: 1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"=" */
static bool is_token(span s)
{
    size_t n = s.n;

    while (n > 0 && s.p[n - 1] == '=')
        n--;
    for (size_t i = 0; i < n; i++) {
        if (!ascii_is_alnum(s.p[i]) && !span_has(SPAN("-._~+/"), s.p[i]))
            return false;
    }
    return n > 0 && s.n <= SASL_TOKEN_BYTES;
}

/* "auth=Bearer TOKEN" (the scheme in any case) among pairs that end with ^A, and one ^A behind. */
static bool read_pairs(span pairs, span *out_token)
{
    span pair, token = SPAN_NONE;

    while (pairs.n != 0 && pairs.p[0] != KV_SEP) {
        if (!span_has(pairs, KV_SEP))
            return false;
        (void)span_split(&pairs, KV_SEP, &pair);
        if (!span_istarts(pair, SPAN("auth=")))
            continue;
        pair = span_skip(pair, 5);
        if (token.n != 0 || !span_istarts(pair, SPAN("Bearer ")))
            return false;
        token = span_trim(span_skip(pair, 7));
    }
    if (pairs.n != 1 || !is_token(token))
        return false;
    *out_token = token;
    return true;
}

/*
 * gs2-header (RFC 5801 4), without channel binding: "n," or "y,", then "a=NAME" or nothing, then
 * ",". A name with "=2C" or "=3D" in it is no address, so none is unescaped here.
 */
static bool read_gs2(span *rest, span *out_name)
{
    span flag, name;

    if (span_find(*rest, ',') == rest->n)
        return false;
    (void)span_split(rest, ',', &flag);
    if (!span_eq(flag, SPAN("n")) && !span_eq(flag, SPAN("y")))
        return false;
    if (span_find(*rest, ',') == rest->n)
        return false;
    (void)span_split(rest, ',', &name);
    if (name.n != 0 && !span_starts(name, SPAN("a=")))
        return false;
    name = span_skip(name, 2);
    if (name.n != 0 && (!sasl_is_name(name) || span_has(name, '=')))
        return false;
    *out_name = name;
    return true;
}

bool sasl_read_oauthbearer(span message, struct sasl_claim *out_claim)
{
    struct sasl_claim c = {0};

    if (!read_gs2(&message, &c.user) || message.n == 0 || message.p[0] != KV_SEP ||
        !read_pairs(span_skip(message, 1), &c.secret))
        return false;
    *out_claim = c;
    return true;
}

bool sasl_read_xoauth2(span message, struct sasl_claim *out_claim)
{
    struct sasl_claim c = {0};

    if (!span_starts(message, SPAN("user=")) || !span_has(message, KV_SEP))
        return false;
    (void)span_split(&message, KV_SEP, &c.user);
    c.user = span_skip(c.user, 5);
    if (!sasl_is_name(c.user) || !read_pairs(message, &c.secret))
        return false;
    *out_claim = c;
    return true;
}
