/* SPDX-License-Identifier: ISC */
#include "server/introspect.h"

#include <jansson.h>

#include "base/ascii.h"

static void put_escaped(struct buf *b, span s)
{
    static const char hex[] = "0123456789ABCDEF";

    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];

        if (ascii_is_alnum(s.p[i]) || span_has(SPAN("-._~"), s.p[i])) {
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
        n += ascii_is_alnum(s.p[i]) || span_has(SPAN("-._~"), s.p[i]) ? 0 : 2;
    return n;
}

void introspect_put(struct buf *b, span host, span path, span token)
{
    static const char end[] = "&token_type_hint=access_token";

    buf_printf(b,
               "POST %.*s HTTP/1.0\r\nHost: %.*s\r\n"
               "Content-Type: application/x-www-form-urlencoded\r\n"
               "Accept: application/json\r\nContent-Length: %zu\r\n\r\ntoken=",
               SPAN_ARG(path), SPAN_ARG(host), 6 + escaped_size(token) + sizeof end - 1);
    put_escaped(b, token);
    buf_put(b, span_of(end, sizeof end - 1));
}

/* "HTTP/1.1 200 OK" */
static bool is_ok(span reply)
{
    span line;

    return span_line(&reply, &line) && span_starts(line, SPAN("HTTP/1.")) &&
           span_starts(span_skip(line, 8), SPAN(" 200 "));
}

static span text_of(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);

    if (!json_is_string(value))
        return SPAN_NONE;
    return span_of(json_string_value(value), json_string_length(value));
}

static span owner_of(const json_t *object, int64_t now_s)
{
    static const char *const keys[] = {"username", "email", "sub"};
    const json_t *expires = json_object_get(object, "exp");

    if (!json_is_true(json_object_get(object, "active")) ||
        (json_is_integer(expires) && json_integer_value(expires) <= now_s))
        return SPAN_NONE;
    for (size_t i = 0; i < COUNT(keys); i++) {
        span owner = text_of(object, keys[i]);

        if (span_has(owner, '@') && owner.n <= INTROSPECT_NAME_BYTES && !span_has(owner, '\0'))
            return owner;
    }
    return SPAN_NONE;
}

bool introspect_read(span reply, int64_t now_s, struct buf *out_owner)
{
    size_t at = span_search(reply, SPAN("\r\n\r\n"));
    span body = span_skip(reply, at + 4);
    json_t *object;

    if (at == reply.n || !is_ok(reply))
        return false;
    object = json_loadb(body.p, body.n, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(object)) {
        json_decref(object);
        return false;
    }
    buf_put(out_owner, owner_of(object, now_s));
    json_decref(object);
    return true;
}
