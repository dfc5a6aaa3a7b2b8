/* SPDX-License-Identifier: ISC */
/* explain/decode.h - undo the encodings of a mail part, octet by octet (inside the room). */
#ifndef EXPLAIN_DECODE_H
#define EXPLAIN_DECODE_H

#include "base/buf.h"

enum decode_encoding { DECODE_PLAIN, DECODE_QUOTED, DECODE_BASE64 };

/* A part on its way: encoded octets in, text out. Zeroed and given `out` it is ready. */
struct decode {
    struct buf *out;
    enum decode_encoding encoding;
    bool html;
    uint32_t bits; /* base64: what is not yet a whole octet */
    unsigned bit_n;
    bool in_tag;   /* HTML: between < and > */
    bool named;    /* HTML: the name of the tag is complete */
    bool hidden;   /* HTML: inside <style> or <script> */
    char word[12]; /* HTML: the beginning of a tag or entity */
    size_t word_n;
    bool in_entity;
};

/* One line of the part, without its end of line. */
void decode_line(struct decode *d, span line);

/* The end of the part. */
void decode_end(struct decode *d);

#endif
