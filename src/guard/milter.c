/* SPDX-License-Identifier: ISC */
#include "guard/milter.h"

#include "base/ascii.h"

/* Of Sendmail's include/libmilter/mfdef.h: what we may do, and what need not be sent to us. */
#define MAY_ADD_HEADERS 0x01u
#define WITHOUT_STEPS                                                                              \
    (0x10u /* body */ | 0x20u /* header */ | 0x40u /* end of header */ | 0x100u /* unknown */ |    \
     0x200u /* DATA */)

#define HEAD_BYTES 5u /* length and command */

/* ---- packets in ---- */

static uint32_t get_u32(const char *p)
{
    const uint8_t *o = (const uint8_t *)p;

    return (uint32_t)o[0] << 24 | (uint32_t)o[1] << 16 | (uint32_t)o[2] << 8 | o[3];
}

/* Take a text up to its NUL; a last one may lack it. */
static span take_text(span *data)
{
    span text = span_head(*data, span_find(*data, '\0'));

    *data = span_skip(*data, text.n + 1);
    return text;
}

/* ---- packets out ---- */

static void put_u32(struct buf *out, uint32_t n)
{
    char octets[4] = {(char)(n >> 24), (char)(n >> 16), (char)(n >> 8), (char)n};

    buf_put(out, span_of(octets, sizeof(octets)));
}

static void put_packet(struct buf *out, char command, span data)
{
    put_u32(out, (uint32_t)data.n + 1);
    buf_putc(out, command);
    buf_put(out, data);
}

static enum guard_need go_on(struct buf *out)
{
    put_packet(out, 'c', SPAN_NONE);
    return GUARD_TOOK;
}

/* ---- what each packet means ---- */

static void forget_message(struct guard_milter *m)
{
    m->sender_n = 0;
    m->authenticated = false;
}

static void forget_client(struct guard_milter *m)
{
    forget_message(m);
    m->client = (struct ip_addr){.family = IP_NONE};
    m->greeted = false;
    m->changed = false;
    m->greeting_n = 0;
}

static enum guard_need negotiate(struct guard_milter *m, span data, struct buf *out)
{
    char memory[12];
    struct buf reply = BUF_OVER(memory);
    uint32_t version;

    if (data.n < 12)
        return GUARD_END;
    version = get_u32(data.p);
    if (version < GUARD_MILTER_VERSION_MIN)
        return GUARD_END;
    m->adds_field = m->adds_field && (get_u32(data.p + 4) & MAY_ADD_HEADERS) != 0;
    m->negotiated = true;
    put_u32(&reply, version < GUARD_MILTER_VERSION_MAX ? version : GUARD_MILTER_VERSION_MAX);
    put_u32(&reply, m->adds_field ? MAY_ADD_HEADERS : 0);
    put_u32(&reply, get_u32(data.p + 8) & WITHOUT_STEPS);
    put_packet(out, 'O', buf_span(&reply));
    return GUARD_TOOK;
}

static void take_client(struct guard_milter *m, span text)
{
    if (span_istarts(text, SPAN("IPv6:")))
        text = span_skip(text, 5);
    if (m->client.family == IP_NONE && !ip_addr_parse(text, &m->client))
        m->client = (struct ip_addr){.family = IP_NONE};
}

/* Host name, family, port, address; an unknown family ends behind its letter. */
static enum guard_need take_connect(struct guard_milter *m, span data, struct buf *out)
{
    struct ip_addr told = m->client; /* by the macro {client_addr}, which comes first */

    forget_client(m);
    m->client = told;
    (void)take_text(&data);
    if (data.n > 3 && (data.p[0] == '4' || data.p[0] == '6')) {
        m->client = (struct ip_addr){.family = IP_NONE};
        data = span_skip(data, 3);
        take_client(m, take_text(&data));
    }
    return go_on(out);
}

static void take_macros(struct guard_milter *m, span data)
{
    char command = data.n > 0 ? data.p[0] : '\0';

    data = span_skip(data, 1);
    if (command == 'M')
        m->authenticated = false;
    if (command == 'C')
        m->client = (struct ip_addr){.family = IP_NONE};
    while (data.n > 0) {
        span name = take_text(&data), value = take_text(&data);

        if (value.n != 0 &&
            (span_eq(name, SPAN("{auth_authen}")) || span_eq(name, SPAN("{auth_type}"))))
            m->authenticated = true;
        if (command == 'C' && span_eq(name, SPAN("{client_addr}")))
            take_client(m, value);
    }
}

static void take_greeting(struct guard_milter *m, span name)
{
    name = span_head(name, sizeof(m->greeting));
    if (m->greeted && !span_ieq(name, span_of(m->greeting, m->greeting_n)))
        m->changed = true;
    m->greeted = true;
    m->greeting_n = name.n;
    if (name.n != 0)
        memcpy(m->greeting, name.p, name.n);
}

static void take_sender(struct guard_milter *m, span path)
{
    if (path.n >= 2 && path.p[0] == '<' && path.p[path.n - 1] == '>')
        path = span_of(path.p + 1, path.n - 2);
    m->sender_n = path.n <= sizeof(m->sender) ? path.n : 0;
    if (m->sender_n != 0)
        memcpy(m->sender, path.p, path.n);
}

static enum guard_need ask(struct guard_milter *m, char command, enum guard_stage stage,
                           struct guard_question *out_q)
{
    m->command = command;
    *out_q = (struct guard_question){
        .stage = stage,
        .client = m->client,
        .greeting = span_of(m->greeting, m->greeting_n),
        .changed = m->changed,
        .authenticated = m->authenticated,
        .sender = span_of(m->sender, m->sender_n),
        .takes_field = m->adds_field && stage == GUARD_AT_END,
    };
    return GUARD_ASK;
}

static enum guard_need take_packet(struct guard_milter *m, char command, span data,
                                   struct guard_question *out_q, struct buf *out)
{
    switch (command) {
    case 'O': /* negotiate */
        return negotiate(m, data, out);
    case 'D': /* macros: without a reply */
        take_macros(m, data);
        return GUARD_TOOK;
    case 'C':
        return take_connect(m, data, out);
    case 'H':
        take_greeting(m, take_text(&data));
        return ask(m, command, GUARD_AT_HELO, out_q);
    case 'M':
        take_sender(m, take_text(&data));
        return ask(m, command, GUARD_AT_MAIL, out_q);
    case 'R':
        return ask(m, command, GUARD_AT_RCPT, out_q);
    case 'E': /* end of message, perhaps with the last of the body */
        return ask(m, command, GUARD_AT_END, out_q);
    case 'A': /* abort this message: without a reply */
        forget_message(m);
        return GUARD_TOOK;
    case 'K': /* the client is gone, the connection stays: without a reply */
        forget_client(m);
        return GUARD_TOOK;
    case 'T': /* DATA */
    case 'L': /* a header field */
    case 'N': /* end of the header */
    case 'B': /* body */
    case 'U': /* unknown command of the client */
        return go_on(out);
    case 'Q':
    default:
        return GUARD_END;
    }
}

void guard_milter_init(struct guard_milter *m, bool adds_field)
{
    *m = (struct guard_milter){.adds_field = adds_field};
}

enum guard_need guard_milter_read(struct guard_milter *m, span in, size_t *out_used,
                                  struct guard_question *out_q, struct buf *out)
{
    enum guard_need need;
    size_t n;

    if (in.n < HEAD_BYTES)
        return GUARD_MORE;
    n = get_u32(in.p);
    if (n == 0 || n > GUARD_MILTER_PACKET_BYTES || (!m->negotiated && in.p[4] != 'O'))
        return GUARD_END;
    if (in.n < n + 4)
        return GUARD_MORE;
    need = take_packet(m, in.p[4], span_of(in.p + HEAD_BYTES, n - 1), out_q, out);
    if (need != GUARD_END || in.p[4] == 'Q')
        *out_used = n + 4;
    return need;
}

/* ---- answers ---- */

/* One line of a reply; Sendmail reads it as a format, so that a percent sign is doubled. */
static void put_reply_line(struct buf *b, const struct guard_answer *a, span line, bool last)
{
    char memory[GUARD_TEXT_MAX_BYTES];
    struct buf text = BUF_OVER(memory);

    guard_put_printable(&text, span_head(line, sizeof(memory)));
    buf_put_u64(b, a->code);
    buf_putc(b, last ? ' ' : '-');
    buf_put(b, a->enhanced);
    buf_putc(b, ' ');
    for (size_t i = 0; i < text.n; i++) {
        if (memory[i] == '%')
            buf_putc(b, '%');
        buf_putc(b, memory[i]);
    }
    if (!last)
        buf_put(b, SPAN("\r\n"));
}

static void put_refusal(struct buf *out, const struct guard_answer *a)
{
    char memory[GUARD_ANSWER_MAX_BYTES - HEAD_BYTES];
    struct buf b = BUF_OVER(memory);
    span rest = a->text, line = SPAN_NONE;

    (void)span_line(&rest, &line);
    for (unsigned lines = 1; rest.n != 0 && lines < GUARD_LINES_MAX; lines++) {
        put_reply_line(&b, a, line, false);
        (void)span_line(&rest, &line);
    }
    put_reply_line(&b, a, line, true);
    buf_putc(&b, '\0');
    BUG_IF(b.overflow, "a reply is longer than any can be");
    put_packet(out, 'y', buf_span(&b));
}

/* On top of the header, above Received. */
static void put_field(struct buf *out, span field)
{
    char memory[GUARD_ANSWER_MAX_BYTES - 2 * HEAD_BYTES];
    struct buf b = BUF_OVER(memory);

    put_u32(&b, 0);
    guard_put_field(&b, field, span_of("", 1), SPAN("\n\t"));
    buf_putc(&b, '\0');
    if (!b.overflow)
        put_packet(out, 'i', buf_span(&b));
}

void guard_milter_put(struct guard_milter *m, struct buf *out, const struct guard_answer *a)
{
    if (m->command == 'E')
        forget_message(m);
    if (a->action != GUARD_ACCEPT) {
        put_refusal(out, a);
        return;
    }
    if (a->field.n != 0)
        put_field(out, a->field);
    put_packet(out, 'c', SPAN_NONE);
}
