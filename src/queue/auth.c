/* SPDX-License-Identifier: ISC */
#include "queue/auth.h"

#include "base/ascii.h"

static const uint32_t frame_max[AUTH_FRAME_END] = {
    [AUTH_START] = AUTH_START_BYTES,
    [AUTH_STEP] = AUTH_TEXT_BYTES,
    [AUTH_CHALLENGE] = AUTH_CHALLENGE_BYTES,
    [AUTH_RESULT] = AUTH_RESULT_BYTES,
};

uint32_t auth_frame_max(unsigned type)
{
    return type < AUTH_FRAME_END ? frame_max[type] : 0;
}

void auth_start_put(struct buf *b, const struct auth_start *s)
{
    pack_u8(b, s->trusted ? 1 : 0);
    pack_u8(b, s->initial ? 1 : 0);
    pack_span(b, s->mechanism);
    pack_span(b, s->client);
    pack_span(b, s->response);
    pack_span(b, s->tls_exporter);
    pack_span(b, s->tls_unique);
    pack_span(b, s->certificate);
}

bool auth_start_get(span payload, struct auth_start *out_s)
{
    struct unpack u = unpack_over(payload);
    unsigned trusted = unpack_u8(&u);
    unsigned initial = unpack_u8(&u);
    struct auth_start s = {.trusted = trusted == 1, .initial = initial == 1};

    s.mechanism = unpack_span(&u, AUTH_MECHANISM_BYTES);
    s.client = unpack_span(&u, AUTH_CLIENT_BYTES);
    s.response = unpack_span(&u, AUTH_TEXT_BYTES);
    s.tls_exporter = unpack_span(&u, AUTH_BINDING_BYTES);
    s.tls_unique = unpack_span(&u, AUTH_BINDING_BYTES);
    s.certificate = unpack_span(&u, AUTH_IDENTITY_BYTES);
    if (!unpack_done(&u) || trusted > 1 || initial > 1 || (!s.initial && s.response.n != 0) ||
        (s.client.n != 0 && s.client.n != 4 && s.client.n != 16))
        return false;
    *out_s = s;
    return true;
}

static bool is_printable(span s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (ascii_is_control(s.p[i]))
            return false;
    }
    return true;
}

void auth_result_put(struct buf *b, const struct auth_result *r)
{
    pack_u8(b, (uint8_t)r->status);
    pack_span(b, span_head(r->identity, AUTH_IDENTITY_BYTES));
    pack_span(b, span_head(r->why, AUTH_WHY_BYTES));
}

bool auth_result_get(span payload, struct auth_result *out_r)
{
    struct unpack u = unpack_over(payload);
    unsigned status = unpack_u8(&u);
    struct auth_result r = {.status = (enum auth_status)status};

    r.identity = unpack_span(&u, AUTH_IDENTITY_BYTES);
    r.why = unpack_span(&u, AUTH_WHY_BYTES);
    if (!unpack_done(&u) || status >= AUTH_STATUS_COUNT || !is_printable(r.identity) ||
        !is_printable(r.why) || (r.status == AUTH_FINE && r.identity.n == 0))
        return false;
    *out_r = r;
    return true;
}
