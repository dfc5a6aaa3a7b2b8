/* SPDX-License-Identifier: ISC */
/*
 * transcript/script.h - one dialogue of a transcript file, and the ways to play it.
 *
 * A file is Markdown. "### title" begins a case; its blocks are
 *
 *     ```conf      one setting or rule a line (script.c has the table)
 *     ```smtp      S: and C: lines; the engine's own lines are expectations
 *     ```events    what the layer above is told, a line each
 *
 * In S: and C: lines \r \n \t \0 \xHH \\ are octets and {text*N} repeats; a line
 * ends with CRLF, one written "C-" or "S-" does not. "T+ 60" moves the clock by
 * seconds, "EOF" ends the connection, "TLS" is the end of a handshake.
 */
#ifndef TRANSCRIPT_SCRIPT_H
#define TRANSCRIPT_SCRIPT_H

#include "base/arena.h"
#include "base/buf.h"

#define SCRIPT_BYTES (512 << 10)
#define SCRIPT_ITEMS 512
#define SCRIPT_RULES 32

enum item_kind {
    ITEM_OCTETS, /* of the peer */
    ITEM_TIME,   /* seconds go by */
    ITEM_EOF,
    ITEM_TLS, /* the handshake is done */
};

struct item {
    enum item_kind kind;
    span octets;
    int64_t seconds;
    size_t ours; /* length of our expected output before this item */
};

struct script_rule {
    span what; /* "rcpt", "mail", "greeting", … */
    span key;  /* the address or name; empty: any */
    span reply;
};

struct script {
    span title;
    struct item items[SCRIPT_ITEMS];
    size_t item_count;
    struct buf ours;   /* expected output */
    struct buf events; /* expected events, only if has_events */
    bool has_events;
    bool role_client;
    struct script_rule settings[SCRIPT_RULES]; /* what = key, reply = value */
    size_t setting_count;
    struct script_rule rules[SCRIPT_RULES];
    size_t rule_count;
};

/* How the peer's octets are cut. */
enum play {
    PLAY_WHOLE, /* all that has no expected answer of the engine's in between is one piece */
    PLAY_LINES, /* line by line, output compared at each */
    PLAY_BYTES, /* octet by octet, input moved at every event, output drained late */
    PLAY_SPLIT, /* in two, at `at` */
};

struct playing {
    enum play play;
    size_t at;
    struct buf out;    /* all that the engine wrote */
    struct buf events; /* all that it told */
    bool early_fault;  /* PLAY_LINES: output differed on the way */
};

/* The next case of *text; false when there is none left. `pool` holds its octets. */
bool script_next(span *text, struct script *s, struct arena *pool);

/* The value of a setting; an empty span when it is not set. */
span script_setting(const struct script *s, const char *key);
uint64_t script_number(const struct script *s, const char *key, uint64_t otherwise);
unsigned script_ext(span words);

/* \r \n \xHH and {text*N} as octets. */
void script_unescape(struct buf *b, span s);

/* Number of octets that the peer says. */
size_t script_octets(const struct script *s);

void play_server(const struct script *s, struct playing *p);
void play_client(const struct script *s, struct playing *p);

#endif
