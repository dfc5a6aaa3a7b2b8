/* SPDX-License-Identifier: ISC */
/* base/ascii.h - what an octet is, as ASCII and nothing else: no locale, no int promotion traps. */
#ifndef BASE_ASCII_H
#define BASE_ASCII_H

#include "base/span.h"

static inline bool ascii_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static inline bool ascii_is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

static inline bool ascii_is_alpha(char c)
{
    return (c >= 'a' && c <= 'z') || ascii_is_upper(c);
}

static inline bool ascii_is_alnum(char c)
{
    return ascii_is_alpha(c) || ascii_is_digit(c);
}

/* Space or horizontal tab. */
static inline bool ascii_is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* A printable ASCII octet or a space (0x20 to 0x7e). */
static inline bool ascii_is_print(char c)
{
    return c >= ' ' && c <= '~';
}

/* An octet above 127. */
static inline bool ascii_is_high(char c)
{
    return (unsigned char)c > 127;
}

static inline bool ascii_has_high(span s)
{
    for (size_t i = 0; i < s.n; i++)
        if (ascii_is_high(s.p[i]))
            return true;
    return false;
}

/* C0 control or DEL. */
static inline bool ascii_is_control(char c)
{
    return (unsigned char)c < 32 || c == 127;
}

static inline char ascii_lower(char c)
{
    return ascii_is_upper(c) ? (char)(c - 'A' + 'a') : c;
}

static inline char ascii_upper(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

/* 0 to 15, or -1 when c is no hexadecimal digit. */
static inline int ascii_hex(char c)
{
    if (ascii_is_digit(c))
        return c - '0';
    c = ascii_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

#endif
