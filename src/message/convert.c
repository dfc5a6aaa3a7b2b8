/* SPDX-License-Identifier: ISC */
/*
 * The walk: lines of at most CONVERT_PIECE_BYTES, longer ones in pieces.
 *
 *     IN_HEADER  --empty line--> IN_LEAF | BETWEEN (multipart) | IN_HEADER (message/rfc822)
 *     anywhere   --boundary of an open level--> IN_HEADER, or BETWEEN behind the last one
 *
 * Both walks go the same way: what a part is follows from its header alone, and only the
 * first one notes what is in it.
 */
#include "message/convert.h"

#include "base/ascii.h"

#define LINE_MAX_BYTES 998

/* ---- words ---- */

static const struct {
    span status;
    span text;
} faults[] = {
#define FAULT_ROW(id, status, words) [id] = {SPAN_INIT(status), SPAN_INIT(words)},
    CONVERT_FAULT_LIST(FAULT_ROW)
#undef FAULT_ROW
};

span convert_fault_status(enum convert_fault fault)
{
    return faults[fault].status;
}

span convert_fault_text(enum convert_fault fault)
{
    return faults[fault].text;
}

/* ---- small things ---- */

static bool has_odd(span s)
{
    return span_has(s, '\0') || span_has(s, '\r') || span_has(s, '\n');
}

static void fail(struct convert *c, enum convert_fault fault)
{
    if (c->fault == CONVERT_FINE)
        c->fault = fault;
}

static void set_bit(uint8_t *bits, size_t i)
{
    bits[i / 8] |= (uint8_t)(1u << i % 8);
}

static bool bit(const uint8_t *bits, size_t i)
{
    return i < CONVERT_PARTS_MAX && (bits[i / 8] >> i % 8 & 1) != 0;
}

static void put(struct convert *c, struct buf *out, span s)
{
    if (c->writes)
        buf_put(out, s);
}

static void put_line(struct convert *c, struct buf *out, span s, bool eol)
{
    put(c, out, s);
    put(c, out, eol ? SPAN("\r\n") : SPAN_NONE);
}

/* The part whose header was read last. */
static size_t part_of(const struct convert *c)
{
    return c->parts - 1;
}

static bool in_signed(const struct convert *c)
{
    return c->depth > 0 && c->levels[c->depth - 1].is_signed;
}

/* ---- Content-Type (RFC 2045 5.1) ---- */

/* What stands behind the =, quoted or not, into b. */
static void put_param(struct buf *b, span s)
{
    bool quoted = s.n > 0 && s.p[0] == '"';

    for (size_t i = quoted; i < s.n; i++) {
        if (quoted ? s.p[i] == '"' : s.p[i] == ';' || ascii_is_blank(s.p[i]))
            return;
        i += quoted && s.p[i] == '\\' && i + 1 < s.n;
        buf_putc(b, s.p[i]);
    }
}

/* The value of a parameter; false when there is none, or it is too long for b. */
static bool param_of(span value, span name, struct buf *b)
{
    bool quoted = false;

    for (size_t i = 0; i < value.n; i++) {
        span rest;

        if (value.p[i] == '"')
            quoted = !quoted;
        i += quoted && value.p[i] == '\\';
        if (quoted || i >= value.n || value.p[i] != ';')
            continue;
        rest = span_trim(span_skip(value, i + 1));
        if (!span_istarts(rest, name))
            continue;
        rest = span_trim(span_skip(rest, name.n));
        if (!span_starts(rest, SPAN("=")))
            continue;
        put_param(b, span_trim(span_skip(rest, 1)));
        return b->n > 0 && !b->overflow;
    }
    return false;
}

enum kind { KIND_TEXT, KIND_DATA, KIND_MULTIPART, KIND_MESSAGE };

static enum kind kind_of(const struct convert *c, span *out_subtype)
{
    span value = span_trim(span_of(c->type, c->type_n));
    span type = span_trim(span_head(value, span_find(value, '/')));
    span rest = span_skip(value, span_find(value, '/') + 1);

    *out_subtype = span_trim(span_head(rest, span_find(rest, ';')));
    if (!c->has_type)
        return c->depth > 0 && c->levels[c->depth - 1].digest && !c->is_message ? KIND_MESSAGE
                                                                                : KIND_TEXT;
    if (span_ieq(type, SPAN("multipart")))
        return KIND_MULTIPART;
    if (span_ieq(type, SPAN("message")) && span_ieq(*out_subtype, SPAN("rfc822")))
        return KIND_MESSAGE;
    return span_ieq(type, SPAN("text")) ? KIND_TEXT : KIND_DATA;
}

/* ---- headers ---- */

static void begin_header(struct convert *c, bool is_message)
{
    c->state = CONVERT_IN_HEADER;
    c->is_message = is_message;
    c->has_version = c->has_type = c->has_coding = c->odd_coding = false;
    c->field = FIELD_OTHER;
    c->type_n = c->coding_n = 0;
    c->parts++;
}

/* A line of a field: its name is left out. A value that begins on the next line is none yet. */
static void keep_value(char *room, size_t cap, size_t *n, span line)
{
    span value = *n == 0 ? span_skip(line, span_find(line, ':') + 1) : line;
    struct buf b = buf_over(room, cap);

    b.n = *n;
    buf_put(&b, span_head(value.n > 0 ? value : SPAN(" "), cap - *n));
    *n = b.n;
}

/* A Content-Transfer-Encoding that changes nothing is said anew at the end; others stay. */
static void end_field(struct convert *c, struct buf *out)
{
    static const span plain[] = {SPAN_INIT("7bit"), SPAN_INIT("8bit"), SPAN_INIT("binary")};
    span coding = span_trim(span_of(c->coding, c->coding_n));
    bool is_plain = false;

    if (c->field != FIELD_CODING)
        return;
    c->field = FIELD_OTHER;
    for (size_t i = 0; i < COUNT(plain); i++)
        is_plain |= span_ieq(coding, plain[i]);
    c->has_coding |= is_plain;
    c->odd_coding |= !is_plain;
    if (is_plain)
        return;
    put(c, out, SPAN("Content-Transfer-Encoding: "));
    put_line(c, out, coding, true);
}

static void begin_field(struct convert *c, struct buf *out, span line)
{
    span name = span_trim(span_head(line, span_find(line, ':')));

    end_field(c, out);
    c->field = FIELD_OTHER;
    if (span_ieq(name, SPAN("MIME-Version")))
        c->has_version = true;
    if (span_ieq(name, SPAN("Content-Type")) && !c->has_type) {
        c->field = FIELD_TYPE;
        c->has_type = true;
    }
    if (span_ieq(name, SPAN("Content-Transfer-Encoding"))) {
        c->field = FIELD_CODING;
        c->coding_n = 0;
    }
}

/* What must be said of a part that is written otherwise than it came. */
static void put_coding(struct convert *c, struct buf *out)
{
    bool data = bit(c->binary, part_of(c));
    bool text = bit(c->text, part_of(c));

    if (text && c->is_message && !c->has_version)
        put(c, out, SPAN("MIME-Version: 1.0\r\n"));
    if (text && !c->has_type)
        put(c, out,
            data ? SPAN("Content-Type: application/octet-stream\r\n")
                 : SPAN("Content-Type: text/plain; charset=unknown-8bit\r\n"));
    if (text)
        put(c, out,
            c->encoder.coding == CODING_BASE64
                ? SPAN("Content-Transfer-Encoding: base64\r\n")
                : SPAN("Content-Transfer-Encoding: quoted-printable\r\n"));
    else if (c->has_coding)
        put(c, out,
            c->to == CONVERT_TO_7BIT ? SPAN("Content-Transfer-Encoding: 7bit\r\n")
                                     : SPAN("Content-Transfer-Encoding: 8bit\r\n"));
}

static void begin_leaf(struct convert *c, enum kind kind, enum convert_fault fixed)
{
    bool data = kind != KIND_TEXT || bit(c->binary, part_of(c));

    c->state = CONVERT_IN_LEAF;
    c->fixed = fixed;
    c->eol_held = false;
    c->column = 0;
    c->encoder = (struct convert_encoder){0};
    if (c->writes && bit(c->text, part_of(c)))
        c->encoder.coding = data ? CODING_BASE64 : CODING_QP;
}

/* Open a multipart; the reason when it cannot be looked into. */
static enum convert_fault open_level(struct convert *c, span subtype)
{
    struct convert_level level = {.is_signed = in_signed(c) || span_ieq(subtype, SPAN("signed")),
                                  .digest = span_ieq(subtype, SPAN("digest"))};
    struct buf b = BUF_OVER(level.boundary);

    if (c->type_n == sizeof(c->type) ||
        !param_of(span_of(c->type, c->type_n), SPAN("boundary"), &b))
        return CONVERT_STRUCTURE;
    if (c->depth == CONVERT_DEPTH_MAX)
        return CONVERT_LIMIT;
    level.n = b.n;
    c->levels[c->depth++] = level;
    return CONVERT_FINE;
}

static void end_header(struct convert *c, struct buf *out)
{
    span subtype;
    enum kind kind = kind_of(c, &subtype);
    enum convert_fault fixed = in_signed(c) ? CONVERT_SIGNED : CONVERT_FINE;

    end_field(c, out);
    if (c->parts >= CONVERT_PARTS_MAX)
        fixed = CONVERT_LIMIT;
    else if (c->odd_coding && fixed == CONVERT_FINE)
        fixed = CONVERT_STRUCTURE;
    else if (kind == KIND_MULTIPART) {
        enum convert_fault why = open_level(c, subtype);

        if (why == CONVERT_FINE)
            c->state = CONVERT_BETWEEN;
        else if (fixed == CONVERT_FINE)
            fixed = why;
    } else if (kind == KIND_MESSAGE) {
        c->state = CONVERT_BETWEEN;
    }
    if (c->state == CONVERT_IN_HEADER)
        begin_leaf(c, kind, fixed);
    put_coding(c, out);
    put(c, out, SPAN("\r\n"));
    if (kind == KIND_MESSAGE && c->state == CONVERT_BETWEEN)
        begin_header(c, true);
}

/* A line that is no field ends the header too (RFC 5322 2.1): the content begins with it. */
static bool is_content(const struct convert *c, span s)
{
    return c->at_start && s.n > 0 && !ascii_is_blank(s.p[0]) && !span_has(s, ':');
}

static void header_piece(struct convert *c, struct buf *out, span s, bool eol)
{
    if (c->at_start && s.n == 0 && eol) {
        end_header(c, out);
        return;
    }
    c->header_has_high |= ascii_has_high(s);
    if (c->at_start && !(s.n > 0 && ascii_is_blank(s.p[0])))
        begin_field(c, out, s);
    /* A signature covers its part's header too. */
    if (c->field == FIELD_CODING && in_signed(c))
        c->field = FIELD_OTHER;
    if (c->field == FIELD_CODING) {
        keep_value(c->coding, sizeof(c->coding), &c->coding_n, s);
        return;
    }
    if (c->field == FIELD_TYPE)
        keep_value(c->type, sizeof(c->type), &c->type_n, s);
    put_line(c, out, s, eol);
}

/* ---- content ---- */

/* Note that the part cannot go as it is. */
static void mark(struct convert *c, bool data)
{
    if (c->fixed != CONVERT_FINE) {
        fail(c, c->fixed);
        return;
    }
    set_bit(c->text, part_of(c));
    if (data)
        set_bit(c->binary, part_of(c));
}

static void note(struct convert *c, span s)
{
    bool odd = has_odd(s);
    bool is_long = c->column > LINE_MAX_BYTES;
    /* Of what is no text the lines are mended on the way out; better to encode where one may. */
    bool may_mend = c->to == CONVERT_TO_8BIT || c->fixed == CONVERT_FINE;

    if ((c->to == CONVERT_TO_7BIT && ascii_has_high(s)) || ((odd || is_long) && may_mend))
        mark(c, odd);
}

static void leaf_piece(struct convert *c, struct buf *out, span s, bool eol)
{
    c->column = c->at_start ? s.n : c->column + s.n;
    if (!c->writes) {
        note(c, s);
    } else if (c->encoder.coding == CODING_NONE) {
        put(c, out, c->eol_held ? SPAN("\r\n") : SPAN_NONE);
        put(c, out, s);
    } else {
        if (c->eol_held)
            convert_encode_eol(&c->encoder, out);
        convert_encode(&c->encoder, out, s);
    }
    c->eol_held = eol;
}

/* Nobody reads this: it need not stay what it was. */
static void between_piece(struct convert *c, struct buf *out, span s, bool eol)
{
    c->loose_high |= !c->writes && c->to == CONVERT_TO_7BIT && ascii_has_high(s);
    for (size_t i = 0; c->writes && i < s.n; i++)
        buf_putc(out, ascii_is_high(s.p[i]) && c->to == CONVERT_TO_7BIT ? '?' : s.p[i]);
    put(c, out, eol ? SPAN("\r\n") : SPAN_NONE);
}

/* ---- boundaries (RFC 2046 5.1.1) ---- */

/* The innermost open level that a line belongs to; SIZE_MAX: it is no boundary. */
static size_t level_of(const struct convert *c, span s, bool *out_last)
{
    if (!span_starts(s, SPAN("--")))
        return SIZE_MAX;
    s = span_skip(s, 2);
    for (size_t i = c->depth; i-- > 0;) {
        span boundary = span_of(c->levels[i].boundary, c->levels[i].n);
        span rest = span_skip(s, boundary.n);

        if (!span_starts(s, boundary))
            continue;
        *out_last = span_starts(rest, SPAN("--"));
        if (span_trim(*out_last ? span_skip(rest, 2) : rest).n == 0)
            return i;
    }
    return SIZE_MAX;
}

static void end_leaf(struct convert *c, struct buf *out)
{
    if (c->writes && c->encoder.coding != CODING_NONE)
        convert_encode_end(&c->encoder, out, c->eol_held);
    else
        put(c, out, c->eol_held ? SPAN("\r\n") : SPAN_NONE);
    c->eol_held = false;
}

static void piece(struct convert *c, struct buf *out, span s, bool eol)
{
    bool last = false;
    size_t level = c->at_start ? level_of(c, s, &last) : SIZE_MAX;

    if (level == SIZE_MAX && c->state == CONVERT_IN_HEADER && is_content(c, s))
        end_header(c, out);
    if (level != SIZE_MAX) {
        if (c->state == CONVERT_IN_LEAF)
            end_leaf(c, out);
        else if (c->state == CONVERT_IN_HEADER)
            end_field(c, out);
        put_line(c, out, s, eol);
        c->depth = last ? level : level + 1;
        c->state = CONVERT_BETWEEN;
        if (!last)
            begin_header(c, false);
    } else if (c->state == CONVERT_IN_HEADER) {
        header_piece(c, out, s, eol);
    } else if (c->state == CONVERT_IN_LEAF) {
        leaf_piece(c, out, s, eol);
    } else {
        between_piece(c, out, s, eol);
    }
    c->at_start = eol;
}

/* ---- the whole ---- */

static void restart(struct convert *c)
{
    c->depth = 0;
    c->parts = 0;
    c->at_start = true;
    c->line_n = 0;
    c->eol_held = false;
    begin_header(c, true);
}

void convert_init(struct convert *c, enum convert_to to)
{
    memset(c, 0, sizeof(*c));
    c->to = to;
    restart(c);
}

void convert_begin(struct convert *c)
{
    c->writes = true;
    restart(c);
}

bool convert_is_needed(const struct convert *c)
{
    bool needed = c->loose_high;

    for (size_t i = 0; i < sizeof(c->text); i++)
        needed |= c->text[i] != 0;
    return needed;
}

static void take(struct convert *c, struct buf *out, char octet)
{
    size_t n = c->line_n;

    c->line[n++] = octet;
    c->line_n = n;
    if (n >= 2 && octet == '\n' && c->line[n - 2] == '\r') {
        c->line_n = 0;
        piece(c, out, span_of(c->line, n - 2), true);
    } else if (n == sizeof(c->line)) {
        /* CR and LF are not parted. */
        bool keep = octet == '\r';

        c->line_n = 0;
        piece(c, out, span_of(c->line, n - keep), false);
        if (keep)
            c->line[c->line_n++] = '\r';
    }
}

size_t convert_put(struct convert *c, struct buf *out, span in)
{
    size_t used = 0;

    while (used < in.n && (!c->writes || buf_room(out) >= CONVERT_ROOM_BYTES))
        take(c, out, in.p[used++]);
    return used;
}

bool convert_end(struct convert *c, struct buf *out)
{
    if (c->writes && buf_room(out) < CONVERT_ROOM_BYTES)
        return false;
    if (c->line_n > 0)
        piece(c, out, span_of(c->line, c->line_n), false);
    c->line_n = 0;
    if (c->state == CONVERT_IN_LEAF && c->writes && c->encoder.coding != CODING_NONE) {
        if (c->eol_held)
            convert_encode_eol(&c->encoder, out);
        convert_encode_end(&c->encoder, out, false);
    } else if (c->state == CONVERT_IN_LEAF) {
        end_leaf(c, out);
    } else if (c->state == CONVERT_IN_HEADER) {
        end_field(c, out);
    }
    c->eol_held = false;
    return true;
}
