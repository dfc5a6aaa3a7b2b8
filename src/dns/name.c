/* SPDX-License-Identifier: ISC */
#include "base/ascii.h"
#include "dns/wire.h"

#define NAME_WIRE_MAX_BYTES 255u /* RFC 1035 2.3.4, with the root's octet */
#define LABEL_MAX_BYTES     63u

static span without_dot(span name)
{
    /* A dot behind a backslash belongs to the label. */
    if (span_ends(name, SPAN(".")) && !span_ends(name, SPAN("\\.")))
        name.n--;
    return name;
}

void dns_name_normal(struct buf *b, span name)
{
    buf_put_lower(b, without_dot(name));
}

bool dns_name_eq(span a, span b)
{
    return span_ieq(without_dot(a), without_dot(b));
}

/* One octet of a label, escapes resolved; false at a malformed escape. */
static bool take_octet(span *text, char *out)
{
    span digits;
    uint64_t n = 0;

    *out = text->p[0];
    *text = span_skip(*text, 1);
    if (*out != '\\')
        return true;
    if (text->n == 0)
        return false;
    if (!ascii_is_digit(text->p[0])) {
        *out = text->p[0];
        *text = span_skip(*text, 1);
        return true;
    }
    digits = span_head(*text, 3);
    for (size_t i = 0; i < digits.n; i++) {
        if (!ascii_is_digit(digits.p[i]))
            return false;
        n = n * 10 + (uint64_t)(digits.p[i] - '0');
    }
    if (digits.n != 3 || n > 255)
        return false;
    *out = (char)(unsigned char)n;
    *text = span_skip(*text, 3);
    return true;
}

/* One label and the dot behind it; false when it is none, or the dot ends the text. */
static bool put_label(struct buf *b, span *text)
{
    char label[LABEL_MAX_BYTES];
    size_t n = 0;

    while (text->n > 0 && text->p[0] != '.') {
        char c;

        if (!take_octet(text, &c) || n == sizeof(label))
            return false;
        label[n++] = c;
    }
    buf_putc(b, (char)(unsigned char)n);
    buf_put(b, span_of(label, n));
    if (n == 0 || text->n == 1)
        return false;
    *text = span_skip(*text, 1);
    return true;
}

bool dns_name_put(struct buf *b, span text)
{
    size_t start = b->n;

    text = without_dot(text);
    while (text.n > 0) {
        if (!put_label(b, &text))
            return false;
    }
    buf_putc(b, '\0');
    return b->overflow || b->n - start <= NAME_WIRE_MAX_BYTES;
}

static void put_label_text(struct buf *text, span label)
{
    for (size_t i = 0; i < label.n; i++) {
        char c = label.p[i];

        if (ascii_is_print(c) && c != ' ' && c != '.' && c != '\\') {
            buf_putc(text, ascii_lower(c));
        } else {
            buf_putc(text, '\\');
            buf_put_u64_padded(text, (unsigned char)c, 3);
        }
    }
}

/* The length octet at w, pointers followed; *back is the lowest place seen, *end the way on. */
static unsigned take_length(struct dns_wire *w, size_t *back, size_t *end)
{
    unsigned length = dns_wire_u8(w);

    while ((length & 0xc0) == 0xc0) {
        size_t target = (length & 0x3f) << 8 | dns_wire_u8(w);

        if (*end == 0)
            *end = w->at;
        /* Strictly downwards, so that no way leads back (RFC 1035 4.1.4: a prior name). */
        if (w->failed || target >= *back || target < DNS_HEADER_BYTES) {
            w->failed = true;
            return 0;
        }
        *back = target;
        w->at = target;
        length = dns_wire_u8(w);
    }
    if (length > LABEL_MAX_BYTES)
        w->failed = true;
    return length;
}

void dns_wire_name(struct dns_wire *w, struct buf *text)
{
    size_t back = w->at;
    size_t end = 0;
    size_t wire_bytes = 1;
    bool first = true;

    for (;;) {
        unsigned length = take_length(w, &back, &end);

        wire_bytes += length + 1;
        if (wire_bytes > NAME_WIRE_MAX_BYTES + 1)
            w->failed = true;
        if (w->failed || length == 0)
            break;
        if (!first)
            buf_putc(text, '.');
        first = false;
        put_label_text(text, dns_wire_octets(w, length));
    }
    if (end != 0 && !w->failed)
        w->at = end;
}

bool dns_name_canonical(struct buf *b, span name)
{
    char octets[NAME_WIRE_MAX_BYTES + 1];
    struct buf wire = BUF_OVER(octets);
    struct dns_wire w;

    if (!dns_name_put(&wire, name) || wire.overflow)
        return false;
    w = dns_wire_over(buf_span(&wire));
    dns_wire_name(&w, b);
    return !w.failed;
}
