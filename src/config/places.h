/* SPDX-License-Identifier: ISC */
/*
 * config/places.h - where mail comes in and where it goes, as configured.
 *
 * Listeners with their TLS, guards, egresses, routes and mailboxes. Part of
 * config/config.h, which says who owns what and is what others include.
 */
#ifndef CONFIG_PLACES_H
#define CONFIG_PLACES_H

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

#endif
