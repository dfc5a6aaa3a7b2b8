/* SPDX-License-Identifier: ISC */
#include "server/introspect.h"

#include <jansson.h>

#include "base/ascii.h"

#define HTTP_PORT  80
#define HTTPS_PORT 443

/* ---- the question ---- */

static bool stands_for_itself(char c)
{
    return ascii_is_alnum(c) || span_has(SPAN("-._~"), c);
}

void introspect_put_escaped(struct buf *b, span s)
{
    static const char hex[] = "0123456789ABCDEF";

    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];

        if (stands_for_itself(s.p[i])) {
            buf_putc(b, s.p[i]);
            continue;
        }
        buf_putc(b, '%');
        buf_putc(b, hex[c >> 4]);
        buf_putc(b, hex[c & 15]);
    }
}

static size_t escaped_size(span s)
{
    size_t n = s.n;

    for (size_t i = 0; i < s.n; i++)
        n += stands_for_itself(s.p[i]) ? 0 : 2;
    return n;
}

/* Without the port that goes without saying: some make the issuer's name of it (RFC 9110 7.2). */
static void put_host(struct buf *b, const struct config_url *url)
{
    bool v6 = url->server.ip.family == IP_V6;

    buf_printf(b, "%s%.*s%s", v6 ? "[" : "", SPAN_ARG(url->server.host), v6 ? "]" : "");
    if (url->server.port != (url->tls ? HTTPS_PORT : HTTP_PORT))
        buf_printf(b, ":%u", url->server.port);
}

void introspect_put(struct buf *b, const struct config_url *url, span authorization, span token)
{
    static const char end[] = "&token_type_hint=access_token";

    buf_printf(b, "POST %.*s HTTP/1.1\r\nHost: ", SPAN_ARG(url->path));
    put_host(b, url);
    if (authorization.n != 0)
        buf_printf(b, "\r\nAuthorization: %.*s", SPAN_ARG(authorization));
    buf_printf(b,
               "\r\nUser-Agent: herald\r\nConnection: close\r\n"
               "Content-Type: application/x-www-form-urlencoded\r\n"
               "Accept: application/json\r\nContent-Length: %zu\r\n\r\ntoken=",
               6 + escaped_size(token) + sizeof end - 1);
    introspect_put_escaped(b, token);
    buf_put(b, span_of(end, sizeof end - 1));
}

/* ---- the answer ---- */

static span text_of(const json_t *value)
{
    if (!json_is_string(value))
        return SPAN_NONE;
    return span_of(json_string_value(value), json_string_length(value));
}

static const json_t *member(const json_t *object, span name)
{
    return json_object_getn(object, name.p, name.n);
}

/* Somebody may have entered any address there, until the provider has verified it. */
static bool is_believed(const json_t *object, span claim)
{
    const json_t *verified = json_object_get(object, "email_verified");

    return !span_eq(claim, SPAN("email")) || verified == NULL || json_is_true(verified) ||
           span_eq(text_of(verified), SPAN("true"));
}

static span address_of(const json_t *object, span claim)
{
    span s = text_of(member(object, claim));

    return span_has(s, '@') && s.n <= INTROSPECT_NAME_BYTES && is_believed(object, claim)
               ? s
               : SPAN_NONE;
}

static span owner_of(const json_t *object, span claim)
{
    static const span usual[] = {SPAN_INIT("username"), SPAN_INIT("email"), SPAN_INIT("sub")};
    span owner = SPAN_NONE;

    if (claim.n != 0)
        return address_of(object, claim);
    for (size_t i = 0; i < COUNT(usual) && owner.n == 0; i++)
        owner = address_of(object, usual[i]);
    return owner;
}

/* What is no number is none that lies ahead. */
static bool has_expired(const json_t *object, int64_t now_s)
{
    const json_t *expires = json_object_get(object, "exp");

    return expires != NULL && !json_is_null(expires) &&
           !(json_number_value(expires) > (double)now_s);
}

/* Words between single blanks (RFC 6749 3.3). */
static bool has_word(span words, span word)
{
    span one;

    while (span_split(&words, ' ', &one))
        if (span_eq(one, word))
            return true;
    return false;
}

static bool has_scope(const json_t *object, span wanted)
{
    span scope = text_of(json_object_get(object, "scope")), word;

    while (span_split(&wanted, ' ', &word))
        if (word.n != 0 && !has_word(scope, word))
            return false;
    return true;
}

/* A string, or a list of them (RFC 7519 4.1.3). */
static bool is_for(const json_t *object, span audience)
{
    const json_t *aud = json_object_get(object, "aud");

    if (audience.n == 0 || span_eq(text_of(aud), audience))
        return true;
    for (size_t i = 0; i < json_array_size(aud); i++)
        if (span_eq(text_of(json_array_get(aud, i)), audience))
            return true;
    return false;
}

/* Why the token is refused, or NULL. */
static const char *fault_of(const json_t *object, const struct config_introspection *want,
                            int64_t now_s)
{
    if (!json_is_true(json_object_get(object, "active")))
        return "the token is not active";
    if (has_expired(object, now_s))
        return "the token has expired";
    if (!has_scope(object, want->scope))
        return "the token lacks the scope of auth.introspection_scope";
    if (!is_for(object, want->audience))
        return "the token is for others than auth.introspection_audience";
    if (owner_of(object, want->claim).n == 0)
        return want->claim.n != 0
                   ? "the token's auth.introspection_claim is no address"
                   : "neither username nor verified email nor sub of the token is an address";
    return NULL;
}

enum introspect_verdict introspect_read(span body, const struct config_introspection *want,
                                        int64_t now_s, struct buf *out_owner, const char **out_why)
{
    json_t *object = json_loadb(body.p, body.n, JSON_REJECT_DUPLICATES, NULL);
    enum introspect_verdict verdict = INTROSPECT_REFUSED;
    const char *why = "the reply is not the JSON of RFC 7662 (is the path right?)";

    if (!json_is_boolean(json_object_get(object, "active")))
        verdict = INTROSPECT_NO_ANSWER;
    else
        why = fault_of(object, want, now_s);
    if (why == NULL) {
        verdict = INTROSPECT_OWNER;
        buf_put(out_owner, owner_of(object, want->claim));
    } else {
        *out_why = why;
    }
    json_decref(object);
    return verdict;
}

const char *introspect_status_text(unsigned status)
{
    static const struct {
        unsigned from, to; /* statuses */
        const char *text;
    } texts[] = {
        {300, 399, "HTTP 3xx: it is elsewhere; set auth.introspection to its own address"},
        {401, 401, "HTTP 401: set auth.introspection_client and _secret to what it knows us by"},
        {403, 403, "HTTP 403: it does not let auth.introspection_client ask about tokens"},
        {404, 405, "HTTP 404 or 405: there is no introspection at the path of auth.introspection"},
        {429, 429, "HTTP 429: it is asked too often"},
        {400, 499, "HTTP 4xx: it does not take the question"},
        {500, 599, "HTTP 5xx: it is out of order"},
    };

    for (size_t i = 0; i < COUNT(texts); i++)
        if (texts[i].from <= status && status <= texts[i].to)
            return texts[i].text;
    return "HTTP 2xx without an answer";
}
