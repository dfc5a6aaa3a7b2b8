/* SPDX-License-Identifier: ISC */
/*
 * message/convert.h - a message for servers that take only seven bits, or no binary (RFC 6152 3).
 *
 * Two walks over the message. The first (scan) finds which of its parts cannot go as they are,
 * and whether they may be changed at all; the second writes the message with just these parts
 * encoded: text as quoted-printable, anything else as base64. All other octets stay.
 *
 *     convert_init(&c, CONVERT_TO_7BIT);
 *     convert_put(&c, NULL, octets) ..., convert_end(&c, NULL);
 *     if (c.fault == CONVERT_FINE && convert_is_needed(&c)) {
 *         convert_begin(&c);
 *         convert_put(&c, &out, octets) ..., convert_end(&c, &out);
 *     }
 *
 * Nothing inside multipart/signed is touched: where that would be necessary, the message is not
 * fit. Parts are told by their boundaries, outer ones too, without recursion; a line that ends a
 * part ends all that was open in it. Headers are not encoded: whoever writes octets above 127 into
 * one means some coding that we cannot know. They stay, and header_has_high tells of them.
 *
 * Limits: CONVERT_DEPTH_MAX, CONVERT_PARTS_MAX, CONVERT_FIELD_BYTES. Not here: decoding.
 */
#ifndef MESSAGE_CONVERT_H
#define MESSAGE_CONVERT_H

#include "base/buf.h"

#define CONVERT_DEPTH_MAX      16   /* multiparts in one another */
#define CONVERT_PARTS_MAX      2000 /* parts, whole messages in parts among them */
#define CONVERT_BOUNDARY_BYTES 70   /* RFC 2046 5.1.1 */
#define CONVERT_FIELD_BYTES    1000 /* of Content-Type; more is a fault where it matters */
#define CONVERT_PIECE_BYTES    1024 /* looked at at once */
#define CONVERT_ROOM_BYTES     8192 /* of output, without which nothing is read */

enum convert_to {
    CONVERT_TO_7BIT, /* no octets above 127 */
    CONVERT_TO_8BIT, /* lines of text; octets above 127 may stay */
};

/* id, enhanced status, words for the sender */
#define CONVERT_FAULT_LIST(X)                                                                      \
    X(CONVERT_FINE, "2.0.0", "")                                                                   \
    X(CONVERT_SIGNED, "5.6.3", "its content would have to be encoded, which breaks its signature") \
    X(CONVERT_STRUCTURE, "5.6.3",                                                                  \
      "its content would have to be encoded, and its MIME structure does not say how")             \
    X(CONVERT_LIMIT, "5.6.3",                                                                      \
      "its content would have to be encoded, and it has too many parts, or they lie too deep")

enum convert_fault {
#define CONVERT_ENUM(id, status, words) id,
    CONVERT_FAULT_LIST(CONVERT_ENUM)
#undef CONVERT_ENUM
};

/* Static. */
span convert_fault_status(enum convert_fault fault);
span convert_fault_text(enum convert_fault fault);

enum convert_coding { CODING_NONE, CODING_QP, CODING_BASE64 };

/* Private to the two files of this module. */
struct convert_encoder {
    enum convert_coding coding;
    size_t column;
    char blank; /* quoted-printable: a blank that may end its line; 0: none */
    size_t n;   /* base64: octets not yet written */
    char octets[57];
};

struct convert_level {
    bool is_signed; /* it, or one around it */
    bool digest;    /* its parts are messages unless they say otherwise */
    size_t n;
    char boundary[CONVERT_BOUNDARY_BYTES];
};

struct convert {
    enum convert_fault fault; /* sticky; the first one */
    bool header_has_high;     /* octets above 127 in a header, of the message or of a part */

    /* private */
    enum convert_to to;
    bool writes;
    enum { CONVERT_IN_HEADER, CONVERT_IN_LEAF, CONVERT_BETWEEN } state;
    size_t depth;
    struct convert_level levels[CONVERT_DEPTH_MAX];
    size_t parts;                          /* headers begun so far */
    uint8_t text[CONVERT_PARTS_MAX / 8];   /* bit: the part must be encoded */
    uint8_t binary[CONVERT_PARTS_MAX / 8]; /* bit: and not as text */
    /* the header being read */
    bool is_message; /* it is one of a message, not of a part */
    bool has_version;
    bool has_type;
    bool has_coding; /* of a kind that changes nothing: 7bit, 8bit, binary */
    bool odd_coding; /* another one */
    enum { FIELD_OTHER, FIELD_VERSION, FIELD_TYPE, FIELD_CODING } field;
    size_t type_n;
    size_t coding_n;
    char type[CONVERT_FIELD_BYTES];
    char coding[64];
    /* the leaf being read */
    enum convert_fault fixed; /* why it may not be changed; CONVERT_FINE: it may */
    bool loose_high;          /* octets above 127 between parts, where nobody reads */
    struct convert_encoder encoder;
    bool eol_held; /* CRLF that is content unless a boundary follows */
    /* the line being read */
    bool at_start;
    size_t column;
    size_t line_n;
    char line[CONVERT_PIECE_BYTES];
};

void convert_init(struct convert *c, enum convert_to to);

/*
 * Walk over more of the message.
 *
 * out      for the converted message; NULL in the first walk
 * returns  octets used; less than in.n when out has less than CONVERT_ROOM_BYTES of room
 */
size_t convert_put(struct convert *c, struct buf *out, span in);

/* The message is whole; false: out has no room yet. */
MUSTUSE bool convert_end(struct convert *c, struct buf *out);

/* After the first walk: something must be encoded. */
bool convert_is_needed(const struct convert *c);

/* Begin the second walk. */
void convert_begin(struct convert *c);

/* ---- convert_encode.c ---- */

/* Content of a part, `in` without regard to line ends. */
void convert_encode(struct convert_encoder *e, struct buf *out, span in);
/* A line end of the content. */
void convert_encode_eol(struct convert_encoder *e, struct buf *out);
/* The content is whole; `eol`: a line end that is not part of it follows. Leaves a line start. */
void convert_encode_end(struct convert_encoder *e, struct buf *out, bool eol);

#endif
