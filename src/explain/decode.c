/* SPDX-License-Identifier: ISC */
#include "explain/decode.h"

#include "base/ascii.h"

/* The text must not grow: a buffer of the input's size is enough. */
static void put(struct decode *d, char c)
{
    if (!d->hidden && buf_room(d->out) > 0)
        buf_putc(d->out, c);
}

static span word_of(const struct decode *d)
{
    return span_of(d->word, d->word_n);
}

static void put_entity(struct decode *d)
{
    static const struct {
        span name;
        char c;
    } entities[] = {{SPAN_INIT("lt"), '<'},    {SPAN_INIT("gt"), '>'},    {SPAN_INIT("amp"), '&'},
                    {SPAN_INIT("quot"), '"'},  {SPAN_INIT("nbsp"), ' '},  {SPAN_INIT("apos"), '\''},
                    {SPAN_INIT("#39"), '\''},  {SPAN_INIT("#32"), ' '},   {SPAN_INIT("#34"), '"'},
                    {SPAN_INIT("#160"), ' '},  {SPAN_INIT("#43"), '+'},   {SPAN_INIT("#64"), '@'},
                    {SPAN_INIT("#x27"), '\''}, {SPAN_INIT("#8203"), ' '}, {SPAN_INIT("#58"), ':'}};

    d->in_entity = false;
    for (size_t i = 0; i < COUNT(entities); i++)
        if (span_ieq(word_of(d), entities[i].name)) {
            put(d, entities[i].c);
            return;
        }
    put(d, ' ');
}

/* The end of a tag: block tags part lines, style and script hide what is in them. */
static void end_tag(struct decode *d)
{
    static const span blocks[] = {SPAN_INIT("br"),  SPAN_INIT("p"),      SPAN_INIT("/p"),
                                  SPAN_INIT("div"), SPAN_INIT("/div"),   SPAN_INIT("tr"),
                                  SPAN_INIT("/tr"), SPAN_INIT("li"),     SPAN_INIT("/li"),
                                  SPAN_INIT("td"),  SPAN_INIT("/table"), SPAN_INIT("br/")};
    span tag = word_of(d);

    d->in_tag = false;
    if (span_ieq(tag, SPAN("style")) || span_ieq(tag, SPAN("script")))
        d->hidden = true;
    if (span_ieq(tag, SPAN("/style")) || span_ieq(tag, SPAN("/script")))
        d->hidden = false;
    for (size_t i = 0; i < COUNT(blocks); i++)
        if (span_ieq(tag, blocks[i]))
            put(d, '\n');
}

static void keep_word(struct decode *d, char c)
{
    if (d->word_n < sizeof d->word)
        d->word[d->word_n++] = c;
}

static void tag_octet(struct decode *d, char c)
{
    if (c == '>')
        end_tag(d);
    else if (ascii_is_blank(c) || c == '\n')
        d->named = true;
    else if (!d->named)
        keep_word(d, c);
}

static void html_octet(struct decode *d, char c)
{
    if (d->in_tag) {
        tag_octet(d, c);
        return;
    }
    if (d->in_entity && c == ';') {
        put_entity(d);
        return;
    }
    if (d->in_entity && (ascii_is_alnum(c) || c == '#') && d->word_n < sizeof d->word) {
        keep_word(d, c);
        return;
    }
    d->in_entity = c == '&';
    d->in_tag = c == '<';
    d->named = false;
    d->word_n = 0;
    if (!d->in_entity && !d->in_tag)
        put(d, c);
}

static void text_octet(struct decode *d, char c)
{
    if (d->html)
        html_octet(d, c);
    else
        put(d, c);
}

/* The octet that "=XX" at i stands for, -1 when it is malformed. */
static int quoted_octet(span line, size_t i)
{
    int high = i + 2 < line.n ? ascii_hex(line.p[i + 1]) : -1;
    int low = i + 2 < line.n ? ascii_hex(line.p[i + 2]) : -1;

    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

/* Quoted-printable (RFC 2045 6.7): a soft line break joins, what is malformed stays as it is. */
static void quoted_line(struct decode *d, span line)
{
    while (line.n > 0 && ascii_is_blank(line.p[line.n - 1]))
        line.n--;
    for (size_t i = 0; i < line.n; i++) {
        int octet = line.p[i] == '=' ? quoted_octet(line, i) : -1;

        if (line.p[i] == '=' && i + 1 == line.n)
            return;
        text_octet(d, octet >= 0 ? (char)octet : line.p[i]);
        i += octet >= 0 ? 2 : 0;
    }
    text_octet(d, '\n');
}

static int base64_value(char c)
{
    if (ascii_is_upper(c))
        return c - 'A';
    if (ascii_is_alpha(c))
        return c - 'a' + 26;
    if (ascii_is_digit(c))
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static void base64_line(struct decode *d, span line)
{
    for (size_t i = 0; i < line.n; i++) {
        int value = base64_value(line.p[i]);

        if (value < 0)
            continue;
        d->bits = (d->bits << 6 | (uint32_t)value) & 0xffffff;
        d->bit_n += 6;
        if (d->bit_n < 8)
            continue;
        d->bit_n -= 8;
        text_octet(d, (char)(d->bits >> d->bit_n & 0xff));
    }
}

void decode_line(struct decode *d, span line)
{
    switch (d->encoding) {
    case DECODE_QUOTED:
        quoted_line(d, line);
        return;
    case DECODE_BASE64:
        base64_line(d, line);
        return;
    case DECODE_PLAIN:
        for (size_t i = 0; i < line.n; i++)
            text_octet(d, line.p[i]);
        text_octet(d, '\n');
        return;
    }
}

void decode_end(struct decode *d)
{
    d->hidden = d->in_tag = d->in_entity = false;
    put(d, '\n');
}
