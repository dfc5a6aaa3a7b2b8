/* SPDX-License-Identifier: ISC */
#include "base/base64.h"

#define GROUP_OCTETS 3
#define GROUP_CHARS  4

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_put(struct buf *b, span octets)
{
    char *to = b->p + b->n;

    if (buf_room(b) < BASE64_TEXT_BYTES(octets.n)) {
        b->overflow = true;
        return;
    }
    for (size_t i = 0; i < octets.n; i += GROUP_OCTETS) {
        size_t n = min_size(octets.n - i, GROUP_OCTETS);
        const unsigned char *from = (const unsigned char *)octets.p + i;
        unsigned bits = (unsigned)from[0] << 16 | (n > 1 ? (unsigned)from[1] << 8 : 0u) |
                        (n > 2 ? (unsigned)from[2] : 0u);

        *to++ = digits[bits >> 18];
        *to++ = digits[bits >> 12 & 63];
        *to++ = n > 1 ? digits[bits >> 6 & 63] : '=';
        *to++ = n > 2 ? digits[bits & 63] : '=';
    }
    b->n += BASE64_TEXT_BYTES(octets.n);
}

/* The six bits of a digit; -1 for any other octet. */
static int digit_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+')
        return 62;
    return c == '/' ? 63 : -1;
}

/* The octets of one group, which has n (2 to 4) digits; false when it is malformed. */
static bool take_group(const char *text, size_t n, char *to)
{
    unsigned bits = 0;

    for (size_t i = 0; i < GROUP_CHARS; i++) {
        int value = i < n ? digit_value(text[i]) : 0;

        if (value < 0)
            return false;
        bits = bits << 6 | (unsigned)value;
    }
    if ((n == 2 && (bits & 0xffff) != 0) || (n == 3 && (bits & 0xff) != 0))
        return false;
    for (size_t i = 0; i < n - 1; i++)
        to[i] = (char)(unsigned char)(bits >> (16 - 8 * i));
    return true;
}

MUSTUSE bool base64_take(struct buf *b, span text)
{
    size_t padding = span_ends(text, SPAN("==")) ? 2 : span_ends(text, SPAN("=")) ? 1 : 0;
    size_t digits_n = text.n - padding;
    char *to = b->p + b->n;

    if (text.n % GROUP_CHARS != 0 || text.n / GROUP_CHARS * GROUP_OCTETS - padding > buf_room(b))
        return false;
    for (size_t i = 0; i < digits_n; i += GROUP_CHARS) {
        size_t n = min_size(digits_n - i, GROUP_CHARS);

        /* Written octets never reach the digits not yet read: three for four. */
        if (!take_group(text.p + i, n, to))
            return false;
        to += n - 1;
    }
    b->n = (size_t)(to - b->p);
    return true;
}
