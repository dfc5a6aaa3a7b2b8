/* SPDX-License-Identifier: ISC */
/*
 * config/config.h - the configuration as everybody reads it.
 *
 * config_load parses a file (and what it includes) into one value that never
 * changes and is freed whole. Every key has a default, so every field below is
 * always set; the table in config/schema.c says which key fills which field.
 * A reload makes a second value; whoever still serves by the first keeps it.
 *
 * All spans belong to the configuration and are followed by a NUL octet, so
 * that .p is a C string as well; an empty span means "not given" (.p is then
 * NULL or ""). Durations are milliseconds, sizes octets. Names of domains are
 * in lower case, as A-labels, without a trailing dot.
 *
 * Not here: looking up a domain, a mailbox or a route (config/find.h), printing
 * (config/show.h), the keys themselves (config/schema.h, herald.conf(5)).
 */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include "config/places.h"
#include "config/problem.h"
#include "greeting/judge.h"

enum config_unknown_user { CONFIG_UNKNOWN_REFUSE, CONFIG_UNKNOWN_ACCEPT, CONFIG_UNKNOWN_CATCHALL };
enum config_line_endings { CONFIG_LINES_STRICT, CONFIG_LINES_NORMALISE };
enum config_log_format { CONFIG_LOG_AUTO, CONFIG_LOG_HUMAN, CONFIG_LOG_JSON, CONFIG_LOG_LOGFMT };
enum config_log_level { CONFIG_LOG_ERROR, CONFIG_LOG_WARNING, CONFIG_LOG_INFO, CONFIG_LOG_DEBUG };

/* limits { } */
struct config_limits {
    uint64_t message_size;        /* octets of a message as announced by SIZE */
    uint64_t recipients;          /* of one message; more get 452 */
    uint64_t sessions;            /* at once, in all */
    uint64_t sessions_per_client; /* at once from one address */
    uint64_t command_line;        /* octets with CRLF */
    uint64_t text_line;           /* octets of a line of a message, with CRLF */
    uint64_t header_size;         /* octets */
    uint64_t header_fields;
    uint64_t received_hops;      /* Received fields before a message counts as looping */
    uint64_t errors;             /* refused commands in a session before 421 */
    uint64_t junk_commands;      /* NOOP, RSET, VRFY, EHLO in a transaction */
    uint64_t unknown_recipients; /* in a session */
    uint64_t auth_failures;      /* in a session, before 421 */
    uint64_t tarpit_after;       /* errors of a session before each further one is answered late */
    uint64_t tarpit_delay_ms;
    uint64_t stress_timeout_ms; /* instead of command_timeout_ms while sessions are scarce */
    uint64_t command_timeout_ms;
    uint64_t tls_timeout_ms;   /* for a handshake */
    uint64_t data_timeout_ms;  /* between two reads of a message */
    uint64_t data_deadline_ms; /* for a whole message */
    uint64_t data_rate;        /* octets a second, least, over 60 s */
};

#define CONFIG_RETRIES_MAX 64
#define CONFIG_SERVERS_MAX 8

/* queue { } */
struct config_queue {
    uint64_t lifetime_ms;
    uint64_t delay_warning_ms; /* 0: none */
    uint64_t destination_concurrency;
    uint64_t min_free; /* octets that must stay free on the disk; below it 452 */
    uint64_t retry_ms[CONFIG_RETRIES_MAX]; /* waits between attempts; the last one repeats */
    size_t n_retry;
};

/* dns { } */
struct config_dns {
    struct config_endpoint servers[CONFIG_SERVERS_MAX]; /* none: the system's resolvers */
    size_t n_servers;
    uint64_t timeout_ms;
};

/* A client network that the operator answers for. */
struct config_vouched {
    struct ip_prefix client;
    span name; /* the greeting that is vouched for; empty: any */
};

/* greeting { } */
struct config_greeting {
    enum greeting_preset preset;
    struct greeting_policy policy; /* what all keys of the section come to */
    span *own_names;               /* beside hostname and what the egresses say */
    size_t n_own_names;
    struct ip_addr *own_addresses; /* beside those of egresses, listeners and the machine */
    size_t n_own_addresses;
    struct config_vouched *vouched;
    size_t n_vouched;
    struct config_map *listed; /* names that are not welcome, and "*.domain" */
};

enum config_ledger_enabled { CONFIG_LEDGER_NO, CONFIG_LEDGER_YES };

/* ledger { } */
struct config_ledger {
    enum config_ledger_enabled enabled;
    uint64_t size; /* octets on the disk at most */
    uint64_t age_ms;
};

/* log { } */
struct config_log {
    enum config_log_format format;
    enum config_log_level level;
};

enum config_plaintext { CONFIG_PLAINTEXT_NEVER, CONFIG_PLAINTEXT_LOOPBACK };

/* "https://idp.example.net:8443/introspect" */
struct config_url {
    struct config_endpoint server; /* host empty: none; port always set */
    bool tls;
    span path; /* begins with "/" */
};

/* auth { introspection... }: who is asked about tokens (RFC 7662), and what must be answered */
struct config_introspection {
    struct config_url url;
    span client; /* our id there */
    span secret_file;
    span ca_file;
    span claim; /* empty: username, email or sub */
    span scope; /* words; empty: any */
    span audience;
};

/* auth { }: who may log in at a submission port, and how; secrets are in `logins` and `tokens`. */
struct config_auth {
    enum config_plaintext plaintext;
    span tokens_file;
    span senders_file;
    struct config_map *senders; /* login in lower case -> targets, each with a NUL */
    struct config_introspection introspection;
    uint64_t backoff_account_ms; /* the longest wait after failures; 0: none */
    uint64_t backoff_client_ms;
    bool passwords; /* somebody has one */
    bool scram;     /* and each of them is stored in a form that SCRAM can use */
};

struct config_map;   /* names with values: config/map.h */
struct config_store; /* what the value is kept in and how it came to be: config/load.c */

struct config {
    span file; /* as given to config_load; empty: built in */
    span hostname;
    bool hostname_is_fit; /* the name may be said to the world (config/fit.h) */
    bool hostname_is_set; /* by the operator; else it is the machine's */
    span data_dir;
    span user;        /* to run as when started as root */
    uint64_t workers; /* smtpd processes; 0: one for each processor */
    uint64_t drain_timeout_ms;

    struct config_listen *listens;
    size_t n_listens;
    struct config_guard *guards;
    size_t n_guards;

    struct config_map *domains;
    struct config_map *relay_domains;
    struct config_prefixes trusted;

    span users_file;
    struct config_map *user_domains; /* of all users */
    struct config_map *users;        /* "user@domain" in lower case: a mailbox */
    struct config_map *logins;       /* the same with a password -> stored forms (config/login.h) */
    struct config_map *tokens;       /* a bearer token -> token, NUL, address */
    span aliases_file;
    struct config_map *aliases; /* "name" or "name@domain" in lower case -> targets */
    struct config_mailbox mailbox;
    enum config_unknown_user unknown_user;
    span catchall; /* for CONFIG_UNKNOWN_CATCHALL */

    struct config_tls tls;
    struct config_certificate *certificates; /* beside that of tls */
    size_t n_certificates;

    struct config_egress *egresses; /* at least one; the first is the default */
    size_t n_egresses;
    struct config_route *routes; /* at least one; "*" always exists */
    size_t n_routes;

    struct config_auth auth;
    struct config_dns dns;
    struct config_greeting greeting;
    struct config_limits limits;
    enum config_line_endings line_endings;
    struct config_queue queue;
    struct config_ledger ledger;
    struct config_log log;

    struct config_store *store;
};

/*
 * Read a configuration.
 *
 * All errors of a file are reported, not only the first. Warnings (a bad line
 * of a list, a hostname that is not fit) do not make it fail. Blocks on files.
 *
 * path      NULL: the built-in configuration of "no configuration at all"
 *           (loopback, two test domains, everything else held)
 * problems  receives errors and warnings; must be initialised, may hold some already
 * returns   the configuration, the caller's to free; NULL when there was an error
 */
struct config *config_load(const char *path, struct config_problems *problems);

/* As config_load, from text instead of a file; `name` stands for the file in problems. */
struct config *config_load_text(const char *name, span text, struct config_problems *problems);

/*
 * Forget the secrets of a configuration, in a process that must not know them. Afterwards nobody
 * can log in by it.
 */
void config_forget_secrets(const struct config *c);

/* Accepts NULL. */
void config_free(struct config *c);

#endif
