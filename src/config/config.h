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

#include "config/problem.h"
#include "greeting/judge.h"
#include "guard/guard.h"
#include "name/addr.h"

/* Where something listens or connects to. */
enum config_transport {
    CONFIG_TCP,  /* host and port; host is an address without brackets, or a domain name */
    CONFIG_UNIX, /* path */
};

struct config_endpoint {
    enum config_transport transport;
    span host;         /* an address without brackets, or a domain name */
    struct ip_addr ip; /* IP_NONE when host is a name */
    uint16_t port;
    span path;
};

enum config_switch { CONFIG_OFF, CONFIG_ON };
enum config_role { CONFIG_ROLE_MX, CONFIG_ROLE_SUBMISSION, CONFIG_ROLE_LMTP };

/* A list of addresses. */
struct config_prefixes {
    struct ip_prefix *at;
    size_t n;
};

enum config_listen_tls {
    CONFIG_TLS_STARTTLS, /* offered */
    CONFIG_TLS_REQUIRED, /* and nothing is done without it */
    CONFIG_TLS_IMPLICIT, /* from the first octet on */
    CONFIG_TLS_OFF,
};

/* listen "name" { } */
struct config_listen {
    span name;
    struct config_endpoint address;
    enum config_role role;
    enum config_listen_tls tls;
    struct config_prefixes proxy;   /* who must send a PROXY header */
    struct config_prefixes xclient; /* who may say XCLIENT and XFORWARD */
};

/* certificate "name" { }: another one for clients that ask for that name. */
struct config_certificate {
    span name; /* a host name in lower case, or "*." and one */
    span file; /* PEM: the certificate, and those that lead to its root */
    span key;  /* PEM; empty: in the same file */
};

enum config_protocols { CONFIG_PROTOCOLS_TLS_1_2, CONFIG_PROTOCOLS_TLS_1_3 };

/* tls { } */
struct config_tls {
    span certificate; /* as of config_certificate; empty: herald makes its own */
    span key;
    span client_ca;
    enum config_protocols protocols;
};

/* What to greet with from one address. */
struct config_egress_name {
    struct ip_addr address; /* as the world sees it */
    span name;
};

/* guard "name" { }: where other mail servers ask what becomes of a greeting. */
struct config_guard {
    span name;
    struct config_endpoint address;
    enum guard_protocol protocol;
    enum config_switch header; /* add Authentication-Results, where the protocol can */
};

/* egress "name" { }: how outgoing connections leave. */
struct config_egress {
    span name;
    struct ip_addr address;           /* local address to bind; IP_NONE: the kernel's choice */
    struct ip_addr public_address;    /* as the world sees it; IP_NONE: the same as `address` */
    span greeting;                    /* empty: chosen for each address (greeting/choose.h) */
    struct config_egress_name *names; /* go before `greeting` */
    size_t n_names;
};

enum config_via { CONFIG_VIA_MX, CONFIG_VIA_SMTP, CONFIG_VIA_LMTP, CONFIG_VIA_HOLD };

enum config_route_tls { CONFIG_ROUTE_TLS_TRY, CONFIG_ROUTE_TLS_REQUIRE, CONFIG_ROUTE_TLS_OFF };

/* route "pattern" { }: pattern is a domain, "*.domain" or "*". */
struct config_route {
    span name; /* the pattern */
    enum config_via via;
    struct config_endpoint to;          /* for CONFIG_VIA_SMTP and CONFIG_VIA_LMTP */
    const struct config_egress *egress; /* never NULL */
    bool implicit;                      /* TLS from the first octet on */
    enum config_route_tls tls;
    span ca_file; /* PEM; empty: whom the system trusts */
    span user;    /* whom to log in as; empty: nobody */
    span password_file;
};

enum config_mailbox_kind { CONFIG_MAILBOX_MAILDIR, CONFIG_MAILBOX_LMTP };

struct config_mailbox {
    enum config_mailbox_kind kind;
    span path; /* Maildir: a template with {domain} and {user}; {data_dir} is filled in already */
    struct config_endpoint lmtp;
};

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

/* auth { }: who may log in at a submission port, and how. The secrets are in `logins` and `tokens`.
 */
struct config_auth {
    enum config_plaintext plaintext;
    span tokens_file;
    span senders_file;
    struct config_map *senders;           /* login in lower case -> targets, each with a NUL */
    struct config_endpoint introspection; /* host empty: none */
    span introspection_path;              /* "/introspect" */
    uint64_t backoff_account_ms;          /* the longest wait after failures; 0: none */
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
    struct config_map *users;  /* "user@domain" in lower case: a mailbox */
    struct config_map *logins; /* the same with a password -> stored forms (config/login.h) */
    struct config_map *tokens; /* a bearer token -> token, NUL, address */
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
