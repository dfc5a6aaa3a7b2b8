/* SPDX-License-Identifier: ISC */
/*
 * queue/ledger_record.h - what the ledger keeps of one session, one verdict or one delivery.
 *
 * A record is a head of fixed size and a list of notes in the order in which things happened. A
 * note is a type, a detail octet, a number and a text; their meaning stands in the list below. A
 * reader skips notes that it does not know, so new ones need no new version.
 *
 * Sessions that are alike to the octet (connect, greet, quit, again and again) become one record
 * with a count and the last of their ids: ledger_record_merge.
 *
 * Records come from processes that strangers talk to: ledger_record_get judges all of it. Texts
 * are as the peer said them, cut at LEDGER_TEXT_BYTES: escape them where they are shown.
 */
#ifndef QUEUE_LEDGER_RECORD_H
#define QUEUE_LEDGER_RECORD_H

#include "base/pack.h"
#include "name/addr.h"

#define LEDGER_VERSION      1
#define LEDGER_RECORD_BYTES 4096 /* a whole record at most */
#define LEDGER_NOTES_BYTES  3900
#define LEDGER_TEXT_BYTES   512
#define LEDGER_KEYS_MAX     32 /* of one record */
#define LEDGER_REF_BYTES    7

enum ledger_kind {
    LEDGER_SESSION,  /* at its end */
    LEDGER_VERDICT,  /* a greeting was refused or deferred; the session goes on */
    LEDGER_DELIVERY, /* what became of one recipient of a message */
    LEDGER_KIND_COUNT,
};

/* id, word, how many of them a record may hold */
#define LEDGER_NOTE_LIST(X)                                                                        \
    X(LEDGER_LISTENER, "listener", 1) /* text: its name */                                         \
    X(LEDGER_TLS, "tls", 2)           /* text: version and cipher */                               \
    X(LEDGER_USER, "user", 2)         /* text: who authenticated */                                \
    X(LEDGER_GREETING, "greeting", 8) /* detail: ledger_verb; number: reply; text: the name */     \
    X(LEDGER_HOST, "host", 1)         /* text: confirmed name of the client */                     \
    X(LEDGER_PTR, "ptr", 1)           /* text: a PTR name that does not confirm */                 \
    X(LEDGER_FACTS, "facts", 2)       /* text: greeting_facts_pack */                              \
    X(LEDGER_FINDING, "finding", 12)  /* detail: 1 it refuses; text: cause */                      \
    X(LEDGER_FREED, "exemption", 4)   /* text: which exemption, and its reason */                  \
    X(LEDGER_JUDGED, "verdict", 8)    /* detail: greeting_action; number: code; text: cause */     \
    X(LEDGER_EXEMPT, "exempt", 2)     /* text: why nothing was judged */                           \
    X(LEDGER_REF, "reference", 8)     /* text: the reference that the reply gave */                \
    X(LEDGER_REPLY, "reply", 8)       /* number: code; text: as said or heard */                   \
    X(LEDGER_SENDER, "sender", 4)     /* text: address, empty: null sender */                      \
    X(LEDGER_RCPT, "recipient", 6)    /* number: reply; text: address */                           \
    X(LEDGER_MESSAGE, "message", 8)   /* number: reply; text: the id, 8 octets */                  \
    X(LEDGER_STATE, "state", 1)       /* detail: record_state of the recipient */                  \
    X(LEDGER_DESTINATION, "destination", 1)                                                        \
    X(LEDGER_REMOTE, "remote", 1)     /* text: the host that was tried */                          \
    X(LEDGER_ATTEMPTS, "attempts", 1) /* number */                                                 \
    X(LEDGER_MESSAGES, "messages", 1) /* number: accepted in the session */                        \
    X(LEDGER_ERRORS, "errors", 1)     /* number */                                                 \
    X(LEDGER_OUTCOME, "outcome", 1)   /* text: how the session ended */                            \
    X(LEDGER_MORE, "more", 1)         /* there were more notes than a record holds */

enum ledger_note_type {
#define LEDGER_NOTE_ENUM(id, word, max) id,
    LEDGER_NOTE_LIST(LEDGER_NOTE_ENUM)
#undef LEDGER_NOTE_ENUM
        LEDGER_NOTE_COUNT,
};

enum ledger_verb { LEDGER_HELO, LEDGER_EHLO, LEDGER_LHLO, LEDGER_VERB_COUNT };

/* Of the session; a set. */
enum ledger_flag {
    LEDGER_TRUSTED = 1u << 0,
    LEDGER_SUBMISSION = 1u << 1,
    LEDGER_LMTP = 1u << 2,
    LEDGER_EARLY = 1u << 3, /* it talked before the banner */
};

struct ledger_note {
    unsigned type; /* ledger_note_type, or one of a later version */
    unsigned detail;
    unsigned number;
    span text;
};

struct ledger_record {
    enum ledger_kind kind;
    uint64_t id;      /* of the session; of the message for a delivery */
    uint64_t last_id; /* of the last session that was merged; of the session for a delivery */
    uint32_t count;   /* sessions that this stands for */
    int64_t time_ms;  /* wall clock: begin of the session, else when it happened */
    uint32_t duration_ms;
    struct ip_addr client;
    unsigned flags; /* set of ledger_flag */
    span notes;     /* packed by ledger_note_put */
};

/* What is too long is cut. */
void ledger_note_put(struct buf *b, const struct ledger_note *n);
/* Walk the notes; start with unpack_over(record.notes). False at the end, or (u->failed) when
 * malformed. */
bool ledger_note_next(struct unpack *u, struct ledger_note *out_n);
/* The first note of a type; false when there is none. */
bool ledger_note_find(span notes, enum ledger_note_type type, struct ledger_note *out_n);
/* "greeting", ...; static. How many of them a record may hold. */
span ledger_note_word(enum ledger_note_type type);
unsigned ledger_note_max(enum ledger_note_type type);

void ledger_record_put(struct buf *b, const struct ledger_record *r);
/* Borrows from s; false when malformed, too long or of another version. */
MUSTUSE bool ledger_record_get(span s, struct ledger_record *out_r);

/*
 * Let the packed record `into` stand for `one` too, when both are sessions that differ in nothing
 * but id and time.
 *
 * into     at least a head long, changed in place
 * returns  false, with nothing changed, when they differ
 */
bool ledger_record_merge(char *into, size_t into_n, span one);
/* What ledger_record_merge compares. */
span ledger_record_alike(span packed);

/* By what a record can be found. */
enum ledger_key { LEDGER_BY_REF, LEDGER_BY_CLIENT, LEDGER_BY_NAME, LEDGER_BY_EXEMPTION };

/* The key of a value: octets of an address, a name in any case, a reference. */
uint32_t ledger_key(enum ledger_key kind, span value);
uint32_t ledger_key_client(struct ip_addr client);
/* All keys of a record. returns how many */
size_t ledger_keys(const struct ledger_record *r, uint32_t out[LEDGER_KEYS_MAX]);

/* A name as it is compared: without one dot at the end. */
span ledger_name(span name);

/* A reference from 35 bits of `number`, NUL-terminated; and its normal form from what was typed. */
void ledger_ref_text(uint64_t number, char out[LEDGER_REF_BYTES + 1]);
MUSTUSE bool ledger_ref_parse(span typed, char out[LEDGER_REF_BYTES + 1]);

#endif
