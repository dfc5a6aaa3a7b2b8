/* SPDX-License-Identifier: ISC */
/*
 * name/path.h - mail paths: <alice@example.net>, <>, <postmaster> (RFC 5321 4.1.2).
 *
 * A path is taken off the front of a MAIL or RCPT argument and split into local
 * part and domain. A source route (<@a,@b:c@d>) is read and dropped (RFC 5321
 * appendix C). A quoted local part is kept as it was said; path_put_local gives
 * its meaning, so that "a\b"@x and "ab"@x are one mailbox.
 *
 * Deliberately wider than the grammar: an underscore in the domain, which real
 * mail domains have. The parser is one loop over the octets, without recursion.
 */
#ifndef NAME_PATH_H
#define NAME_PATH_H

#include "base/buf.h"

#define PATH_LOCAL_MAX_BYTES 64  /* RFC 5321 4.5.3.1.1 */
#define PATH_MAX_BYTES       256 /* RFC 5321 4.5.3.1.3, with the angle brackets */

/* id, what a person is told */
#define PATH_FAULT_LIST(X)                                                                         \
    X(PATH_FINE, "")                                                                               \
    X(PATH_NO_BRACKET, "the address must stand in angle brackets")                                 \
    X(PATH_UNCLOSED, "the closing angle bracket is missing")                                       \
    X(PATH_NULL, "an empty address is not possible here")                                          \
    X(PATH_LONG, "the address is longer than 256 octets")                                          \
    X(PATH_BAD_ROUTE, "the source route is malformed")                                             \
    X(PATH_NO_LOCAL, "nothing stands before the @")                                                \
    X(PATH_LONG_LOCAL, "the part before the @ is longer than 64 octets")                           \
    X(PATH_BAD_LOCAL, "the part before the @ is malformed")                                        \
    X(PATH_BAD_QUOTE, "the quotes before the @ are malformed")                                     \
    X(PATH_NO_DOMAIN, "there is no domain")                                                        \
    X(PATH_BAD_DOMAIN, "the domain is malformed")                                                  \
    X(PATH_BAD_LITERAL, "the address literal is malformed")                                        \
    X(PATH_NEEDS_UTF8, "an octet above 127 needs SMTPUTF8")                                        \
    X(PATH_BAD_UTF8, "not UTF-8")                                                                  \
    X(PATH_TRAILING, "text right behind the closing angle bracket")

enum path_fault {
#define PATH_ENUM(id, text) id,
    PATH_FAULT_LIST(PATH_ENUM)
#undef PATH_ENUM
};

/* What may be read. */
enum path_allow {
    PATH_ALLOW_NULL = 1u << 0,       /* <>, as a sender has it */
    PATH_ALLOW_POSTMASTER = 1u << 1, /* <postmaster>, as a recipient may (RFC 5321 4.5.1) */
    PATH_ALLOW_UTF8 = 1u << 2,       /* RFC 6531 */
};

struct path {
    span text;   /* local@domain as said, without brackets and route; empty for <> */
    span local;  /* as said, quotes included */
    span domain; /* as said; "[...]" for a literal; empty for <> and <postmaster> */
    bool quoted; /* the local part stands in quotes */
    bool literal;
    bool utf8; /* an octet above 127 occurs */
};

/*
 * Take a path off the front of *rest; a blank or the end must follow it.
 *
 * allow     set of enum path_allow
 * out_path  borrows from *rest; set, and *rest moved on, only for PATH_FINE
 */
enum path_fault path_take(span *rest, unsigned allow, struct path *out_path);

/* All of s, an address without angle brackets, as configuration and command lines have it. */
enum path_fault path_parse_address(span s, unsigned allow, struct path *out_path);

static inline bool path_is_null(const struct path *p)
{
    return p->text.n == 0;
}

/* The local part without quotes and backslashes, letters as they are. */
void path_put_local(struct buf *b, const struct path *p);

/* local@domain in the shortest spelling: quotes only where needed, the domain in lower case. */
void path_put(struct buf *b, const struct path *p);

/* In words; static. */
const char *path_fault_text(enum path_fault fault);

#endif
