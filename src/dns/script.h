/* SPDX-License-Identifier: ISC */
/*
 * dns/script.h - DNS out of a table: the resolver of scenarios and tests.
 *
 * Rows say what a name has, in zone-file presentation ("198.51.100.7",
 * "10 mx.example.com"), or how asking it ends. A name that is not listed does
 * not exist; a name that is listed under other types only is NODATA. CNAME rows are
 * followed as a resolver would. Asking never changes anything.
 *
 * A, AAAA, MX, TXT, PTR and CNAME can be listed.
 * Limits: the rows and the memory that the caller lends.
 */
#ifndef DNS_SCRIPT_H
#define DNS_SCRIPT_H

#include "base/err.h"
#include "dns/answer.h"

struct dns_script_row {
    span name; /* normal form, in the script's memory */
    span rdata;
    uint16_t type; /* enum dns_type, 0: every type */
    uint8_t status;
};

struct dns_script {
    struct dns_script_row *rows; /* the caller's */
    size_t n;
    size_t cap;
    struct buf mem;
};

/* Over rows and memory that the caller lends; nothing is listed yet. */
void dns_script_init(struct dns_script *s, struct dns_script_row *rows, size_t cap, struct buf mem);

/* True for the types that can be listed. */
bool dns_script_lists(enum dns_type type);

/*
 * List one record.
 *
 * data     zone-file presentation of the value; for TXT the text itself, as it is
 * returns  ERR_SYNTAX when name or data is none, ERR_LIMIT when rows or memory are full
 */
MUSTUSE enum err dns_script_add(struct dns_script *s, span name, enum dns_type type, span data);

/* Say how asking name ends, for one type or for all (type 0). FOUND is ERR_SYNTAX. */
MUSTUSE enum err dns_script_add_status(struct dns_script *s, span name, unsigned type,
                                       enum dns_status status);

/* Answer from the table; the records lie in mem, whose former content ends. */
struct dns_answer dns_script_ask(const struct dns_script *s, struct dns_question q,
                                 struct buf *mem);

#endif
