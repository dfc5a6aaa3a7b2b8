/* SPDX-License-Identifier: ISC */
/*
 * dns/answer.h - what DNS said, as a value.
 *
 * An answer is three-valued: the records are there, there are none, or it could
 * not be asked. Only the third may ever become a temporary refusal, and it never
 * becomes a permanent one nor a pass. The records lie flat in memory that the
 * caller lends, in an encoding that travels between processes as it is.
 *
 * Names in answers are text in lower case without a trailing dot; a blank, control or high
 * octet, a dot or a backslash inside a label is written \DDD; the root is the empty text. CNAMEs
 * have been followed: the records belong to the end of the chain. A TXT record is the text of its
 * strings joined without a space (RFC 7208 3.3).
 *
 *     struct dns_cursor at = dns_records(&answer);
 *     struct dns_record r;
 *     while (dns_record_next(&at, &r)) ...
 *
 * Limits: DNS_RECORDS_MAX records, DNS_ANSWER_MAX_BYTES octets; what is more is left
 * out and `cut` says so.  Not here: packets (dns/wire.h), answers from a table (dns/script.h).
 */
#ifndef DNS_ANSWER_H
#define DNS_ANSWER_H

#include "base/pack.h"
#include "name/addr.h"

#define DNS_RECORDS_MAX      512u
#define DNS_ANSWER_MAX_BYTES 65536u
#define DNS_NAME_MAX_BYTES   1008u /* text of a name of 255 octets, each written \DDD */
/* What a packed answer can need at most: one frame between processes. */
#define DNS_PACKED_MAX_BYTES (DNS_ANSWER_MAX_BYTES + 64u)

/* The numbers are those of the wire (RFC 1035 3.2.2, 3596, 6698). */
enum dns_type {
    DNS_A = 1,
    DNS_CNAME = 5,
    DNS_SOA = 6, /* never asked for: read for the life of a negative answer */
    DNS_PTR = 12,
    DNS_MX = 15,
    DNS_TXT = 16,
    DNS_AAAA = 28,
    DNS_TLSA = 52,
};

/* id, word in scenarios, logs and JSON */
#define DNS_STATUS_LIST(X)                                                                         \
    X(DNS_FOUND, "FOUND")       /* one record or more */                                           \
    X(DNS_NXDOMAIN, "NXDOMAIN") /* the name does not exist */                                      \
    X(DNS_NODATA, "NODATA")     /* it exists, without records of this type */                      \
    X(DNS_SERVFAIL, "SERVFAIL") /* the servers failed, or sent rubbish */                          \
    X(DNS_TIMEOUT, "TIMEOUT")   /* nobody answered in time */                                      \
    X(DNS_BOGUS, "BOGUS")       /* the answer failed DNSSEC validation */

enum dns_status {
#define DNS_STATUS_ENUM(id, word) id,
    DNS_STATUS_LIST(DNS_STATUS_ENUM)
#undef DNS_STATUS_ENUM
};

enum dns_state {
    DNS_PRESENT, /* FOUND */
    DNS_ABSENT,  /* NXDOMAIN, NODATA */
    DNS_UNKNOWN  /* SERVFAIL, TIMEOUT, BOGUS: could not ask */
};

/* What to ask: `name` is borrowed text, letters in any case, one trailing dot allowed. */
struct dns_question {
    span name;
    enum dns_type type;
};

struct dns_answer {
    enum dns_status status;
    enum dns_type type;
    bool secure;    /* validated by DNSSEC, every step of the chain */
    bool cut;       /* there were more records than are kept */
    uint32_t ttl_s; /* how long it may be kept: the least of the chain, 0 when unknown */
    uint32_t n;     /* records kept; 0 unless FOUND */
    span records;   /* borrowed from the memory lent to whoever made the answer */
};

/* One record of the answer's type; only the fields of that type are set. */
struct dns_record {
    span octets;         /* A: 4, AAAA: 16 octets; TXT: the text; TLSA: the association data */
    span name;           /* MX: exchange, PTR, CNAME: target */
    uint16_t preference; /* MX */
    uint8_t usage;       /* TLSA */
    uint8_t selector;
    uint8_t matching;
};

struct dns_cursor {
    enum dns_type type;
    struct unpack left;
};

enum dns_state dns_status_state(enum dns_status status);
/* The word of a status; static. */
span dns_status_word(enum dns_status status);
MUSTUSE bool dns_status_parse(span word, enum dns_status *out_status);

/* "A", "AAAA" ...; static. */
span dns_type_word(enum dns_type type);
/* The type of a word, letters in any case; false for types that are not known here. */
MUSTUSE bool dns_type_parse(span word, enum dns_type *out_type);

/* An answer without records. */
struct dns_answer dns_answer_of(enum dns_type type, enum dns_status status);

static inline enum dns_state dns_answer_state(const struct dns_answer *a)
{
    return dns_status_state(a->status);
}

/* The records of the answer, in order; the cursor borrows from the answer's memory. */
struct dns_cursor dns_records(const struct dns_answer *a);
/* False at the end; the spans of *out are borrowed from the answer's memory. */
MUSTUSE bool dns_record_next(struct dns_cursor *at, struct dns_record *out);

/* The address of an A or AAAA record (a mapped one is IPv4); IP_NONE for other records. */
struct ip_addr dns_record_addr(const struct dns_record *r);

/*
 * Add a record and make the answer FOUND.
 *
 * mem    holds the records of this one answer and nothing else; a->records follows it
 * names  in r are put into lower case and lose one trailing dot
 *
 * At the limits, and when mem is full, the record is left out whole and a->cut is set.
 */
void dns_answer_add(struct dns_answer *a, struct buf *mem, const struct dns_record *r);

/* The answer as a record for another process; at most DNS_PACKED_MAX_BYTES. */
void dns_answer_pack(struct buf *b, const struct dns_answer *a);
/*
 * Read it back. Every record is checked for the shape of its type.
 *
 * out_a    borrows from the record; untouched unless true is returned
 * returns  false, with *u failed, when it is malformed
 */
MUSTUSE bool dns_answer_unpack(struct unpack *u, struct dns_answer *out_a);

#endif
