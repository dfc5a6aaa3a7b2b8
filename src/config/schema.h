/* SPDX-License-Identifier: ISC */
/*
 * config/schema.h - every key there is: its type, default, range, words and documentation.
 *
 * This table is the only place where a key is known. The loader reads by it,
 * `herald config` explains and prints by it, herald.conf(5) is written from it.
 * To add a key: one row in config/schema.c, one field in struct config, one case in
 * test/config/.
 *
 * A default is a text of the grammar and goes through the same reader as a
 * file. Some are found out at start instead (dflt is NULL, dflt_words says how).
 */
#ifndef CONFIG_SCHEMA_H
#define CONFIG_SCHEMA_H

#include "config/config.h"

enum config_type {
    CONFIG_TYPE_HOSTNAME,     /* span; a fully qualified domain name */
    CONFIG_TYPE_PATH,         /* span */
    CONFIG_TYPE_FILE,         /* span; a path, from the directory of the configuration file */
    CONFIG_TYPE_LOGIN,        /* span; a name at another server: printable */
    CONFIG_TYPE_USER,         /* span; the name of an account of the system */
    CONFIG_TYPE_GREETING,     /* span; a name fit to be said to the world */
    CONFIG_TYPE_DOMAINS,      /* struct config_map * */
    CONFIG_TYPE_PREFIXES,     /* struct config_prefixes */
    CONFIG_TYPE_USERS,        /* span (path); fills config.users and config.logins */
    CONFIG_TYPE_TOKENS,       /* span (path); fills config.tokens */
    CONFIG_TYPE_SENDERS,      /* span (path); fills config.auth.senders */
    CONFIG_TYPE_HTTP,         /* struct config_url */
    CONFIG_TYPE_TEXT,         /* span; no control characters */
    CONFIG_TYPE_ALIASES,      /* span (path); fills config.aliases */
    CONFIG_TYPE_MAILBOX,      /* struct config_mailbox */
    CONFIG_TYPE_UNKNOWN_USER, /* enum; fills config.catchall */
    CONFIG_TYPE_LISTEN,       /* struct config_endpoint; an address, not a name */
    CONFIG_TYPE_SERVERS,   /* struct config_endpoint[CONFIG_SERVERS_MAX], and the count behind it */
    CONFIG_TYPE_ADDRESS,   /* struct ip_addr */
    CONFIG_TYPE_VIA,       /* enum; fills the route's `to` */
    CONFIG_TYPE_EGRESS,    /* const struct config_egress * */
    CONFIG_TYPE_ENUM,      /* int; words */
    CONFIG_TYPE_NUMBER,    /* uint64_t; min, max */
    CONFIG_TYPE_SIZE,      /* uint64_t; min, max; octets */
    CONFIG_TYPE_DURATION,  /* uint64_t; min, max; ms */
    CONFIG_TYPE_DURATIONS, /* uint64_t[CONFIG_RETRIES_MAX], and the count behind it */
    CONFIG_TYPE_POLICY,    /* enum greeting_preset; begins config.greeting.policy */
    CONFIG_TYPE_STAGE,     /* enum greeting_stage */
    CONFIG_TYPE_CHECK,     /* struct greeting_policy; the key has a name and may come often */
    CONFIG_TYPE_OWN_NAMES, /* span *, and the count behind it */
    CONFIG_TYPE_OWN_ADDRESSES, /* struct ip_addr *, and the count behind it */
    CONFIG_TYPE_VOUCHED,       /* struct config_vouched *, and the count behind it */
    CONFIG_TYPE_LISTED,        /* struct config_map * */
    CONFIG_TYPE_EGRESS_NAMES,  /* struct config_egress_name *, and the count behind it */
    CONFIG_TYPE_EXEMPTIONS,    /* struct greeting_exemption *, and the count behind it */
};

/* When a change takes effect. */
enum config_reload {
    CONFIG_RELOAD_LIVE,    /* at SIGHUP */
    CONFIG_RELOAD_RESTART, /* at the next start only */
};

struct config_load; /* config/load.h */

struct config_key {
    const char *section; /* "" at the top */
    const char *name;
    enum config_type type;
    size_t offset;     /* of the field in struct config, or in the block's struct */
    const char *field; /* its name in C, for the check that somebody reads it */
    const char *dflt;  /* in the grammar; NULL: see compute */
    /* The default's text; empty: the field is left as it is or as compute has set it. */
    span (*compute)(struct config_load *load);
    const char *dflt_words; /* what compute does, for a person */
    uint64_t min;
    uint64_t max;
    const char *const *words; /* of an enum, in the order of its values; ends with NULL */
    enum config_reload reload;
    const char *doc; /* sentences; `code` is marked so */
};

struct config_section {
    const char *name;
    bool is_named;       /* any number of blocks, each with a name; else at most one block */
    size_t offset;       /* of the pointer to the array of blocks in struct config */
    size_t count_offset; /* of its count */
    size_t block_bytes;  /* each begins with `span name` */
    const char *dflt;    /* blocks that stand when none are given; NULL: none */
    bool fills_up;       /* the default blocks stand unless there is one of their name */
    const char *doc;
    const char *(*name_fault)(span name); /* why a block may not be called so; NULL: any name */
};

extern const struct config_section config_sections[];
extern const size_t config_sections_n;
extern const struct config_key config_keys[];
extern const size_t config_keys_n;

/* What `herald serve` runs on when there is no file: a text of the grammar. */
extern const char config_builtin[];

/* NULL when there is none. */
const struct config_section *config_schema_section(span name);
const struct config_key *config_schema_key(span section, span name);
/* "section.key" or "key"; NULL when there is none. */
const struct config_key *config_schema_key_by_path(span path);

/* "section.key". */
void config_schema_put_path(struct buf *b, const struct config_key *key);

/* The key is written with a name, any number of times: check "CAUSE" = observe. */
static inline bool config_key_is_named(const struct config_key *key)
{
    return key->type == CONFIG_TYPE_CHECK;
}

/* What a value may be: "a duration from 1s to 1h, as in 90s 10m 4h 5d". */
void config_schema_put_allowed(struct buf *b, const struct config_key *key);

#endif
