/* SPDX-License-Identifier: ISC */
#include "config/schema.h"

#include "config/load.h"
#include "config/number.h"
#include "name/domain.h"
#include "queue/envelope.h"

#define SECOND UINT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)
#define KIB    UINT64_C(1024)
#define MIB    (1024 * KIB)
#define GIB    (1024 * MIB)

static const char *const role_words[] = {"mx", "submission", "lmtp", NULL};
static const char *const switch_words[] = {"off", "on", NULL};
static const char *const guard_words[] = {"policy", "milter", "exim", NULL};
static const char *const listen_tls_words[] = {"starttls", "required", "implicit", "off", NULL};
static const char *const protocols_words[] = {"1.2+", "1.3+", NULL};
static const char *const unknown_words[] = {"refuse", "accept", NULL};
static const char *const plaintext_words[] = {"never", "loopback", NULL};
static const char *const route_tls_words[] = {"try", "require", "off", NULL};
static const char *const via_words[] = {"mx", "hold", NULL};
static const char *const line_words[] = {"strict", "normalise", NULL};
static const char *const no_yes_words[] = {"no", "yes", NULL};
static const char *const format_words[] = {"auto", "human", "json", "logfmt", NULL};
static const char *const level_words[] = {"error", "warning", "info", "debug", NULL};

const char config_builtin[] = "data_dir = \"herald-data\"\n"
                              "domains = [\"localhost\", \"example.test\"]\n"
                              "unknown_user = accept\n"
                              "route \"*\" { via = hold; }\n";

#define SECTION_OF(array, count, type)                                                             \
    offsetof(struct config, array), offsetof(struct config, count), sizeof(struct type)

/* A pattern is "*", "*.domain" or a domain; underscores occur in real mail domains. */
static const char *route_name_fault(span name)
{
    struct domain d;

    if (span_eq(name, SPAN("*")))
        return NULL;
    d = domain_parse(span_starts(name, SPAN("*.")) ? span_skip(name, 2) : name);
    if ((d.faults & ~DOMAIN_FORGIVABLE) == 0)
        return NULL;
    return "a route is named by a domain, \"*.domain\" or \"*\"";
}

/* Small letters, so that what a client asks for is found by its octets. */
static const char *certificate_name_fault(span name)
{
    struct domain d = domain_parse(span_starts(name, SPAN("*.")) ? span_skip(name, 2) : name);

    for (size_t i = 0; i < name.n; i++)
        if (name.p[i] >= 'A' && name.p[i] <= 'Z')
            return "a certificate is named in small letters";
    if ((d.faults & ~(unsigned)DOMAIN_UNDERSCORE) == 0)
        return NULL;
    return "a certificate is named by a host name or \"*.domain\"";
}

/* Sections that refer to another come after it. */
const struct config_section config_sections[] = {
    {"limits", false, 0, 0, 0, NULL, false,
     "What one client, one session and one message may take. Each limit that is reached is "
     "answered with a reply that names it.",
     NULL},
    {"queue", false, 0, 0, 0, NULL, false, "How mail waits, and for how long.", NULL},
    {"ledger", false, 0, 0, 0, NULL, false,
     "What is remembered of sessions, verdicts and deliveries, for `herald trace` and for checks "
     "that ask for the past. No mail depends on it.",
     NULL},
    {"dns", false, 0, 0, 0, NULL, false, "How names are looked up.", NULL},
    {"greeting", false, 0, 0, 0, NULL, false,
     "How the greetings (HELO, EHLO) of clients are judged that are neither `trusted` nor come to "
     "a "
     "submission port. What is only observed goes to the log and into the header.",
     NULL},
    {"auth", false, 0, 0, 0, NULL, false,
     "Who may log in at a submission port, and how. The mechanisms announced are those that every "
     "password of `users` allows, and those of bearer tokens when there are any.",
     NULL},
    {"tls", false, 0, 0, 0, NULL, false,
     "The certificate that this server shows, and whom it believes. TLS 1.2 and 1.3 are spoken, "
     "with "
     "forward secrecy and authenticated encryption only. Files are read at start and at SIGHUP. A "
     "private key that others than its owner can read, or that belongs to another user than root "
     "or the one that starts herald, is refused.",
     NULL},
    {"log", false, 0, 0, 0, NULL, false, "What is logged, and how. Logs go to standard error.",
     NULL},
    {"listen", true, SECTION_OF(listens, n_listens, config_listen),
     "listen \"mx\" { address = \"127.0.0.1:2525\"; }\n"
     "listen \"submission\" { address = \"127.0.0.1:2587\"; role = submission; }\n",
     false,
     "A place where mail comes in. The name appears in the log. When no such block is given, "
     "there are two on the loopback address.",
     NULL},
    {"guard", true, SECTION_OF(guards, n_guards, config_guard), NULL, false,
     "A place where other mail servers ask what becomes of the greeting of one of their clients, "
     "by the rules of the section `greeting`: see herald-guard(1).",
     NULL},
    {"certificate", true, SECTION_OF(certificates, n_certificates, config_certificate), "", false,
     "Another certificate, for clients that ask for this name (SNI): a host name, or `*.domain` "
     "for "
     "all names one label below. Those who ask for none of these get that of `tls`.",
     certificate_name_fault},
    {"egress", true, SECTION_OF(egresses, n_egresses, config_egress), "egress \"default\" { }\n",
     false,
     "How outgoing connections leave this machine. The first one is used by routes that name none.",
     NULL},
    {"route", true, SECTION_OF(routes, n_routes, config_route), "route \"*\" { }\n", true,
     "The way of mail for domains that are not delivered here. The name is a domain, "
     "`*.domain` for all below it, or `*` for all others; the most exact one counts.",
     route_name_fault},
};
const size_t config_sections_n = COUNT(config_sections);

#define FIELD(member)           offsetof(struct config, member), #member
#define BLOCK(type, member)     offsetof(struct type, member), #member
#define LIVE                    CONFIG_RELOAD_LIVE
#define RESTART                 CONFIG_RELOAD_RESTART
#define DEFAULT(text)           text, NULL, NULL
#define COMPUTED(how, in_words) NULL, how, in_words
#define ANY                     0, 0, NULL

/* clang-format off */
const struct config_key config_keys[] = {
    {"", "hostname", CONFIG_TYPE_HOSTNAME, FIELD(hostname),
     COMPUTED(config_compute_hostname, "the name of the machine"), ANY, LIVE,
     "The name of this server: in the banner, in `Received` fields, in reports, and, when "
     "it is set here, the greeting of every egress that has none of its own. It must be fully qualified."},
    {"", "data_dir", CONFIG_TYPE_PATH, FIELD(data_dir),
     COMPUTED(config_compute_data_dir, "/var/lib/herald for root, "
              "else $XDG_STATE_HOME/herald or ./herald-data"),
     ANY, RESTART,
     "The directory of the queue and of everything else that herald keeps."},
    {"", "user", CONFIG_TYPE_USER, FIELD(user), DEFAULT("\"herald\""), ANY, RESTART,
     "The account to run as when started as root. It is not used otherwise."},
    {"", "workers", CONFIG_TYPE_NUMBER, FIELD(workers), DEFAULT("0"), 0, 256, NULL, LIVE,
     "How many processes receive mail; 0 means one for each processor."},
    {"", "drain_timeout", CONFIG_TYPE_DURATION, FIELD(drain_timeout_ms),
     DEFAULT("30s"), 0, HOUR, NULL, LIVE,
     "How long sessions and deliveries under way may take to end after SIGTERM or a reload."},
    {"", "domains", CONFIG_TYPE_DOMAINS, FIELD(domains), DEFAULT("[]"), ANY, LIVE,
     "The domains whose mail is delivered here. An item may be a source: `file:PATH` is the lines of a "
     "file, one domain a line (cPanel's localdomains and remotedomains are so), `postfix:PATH` the "
     "keys of a Postfix table's source, `exim:PATH` those of an Exim lsearch file. A bad line is named "
     "in a warning and left out. When the file changes, it is read anew by itself."},
    {"", "relay_domains", CONFIG_TYPE_DOMAINS, FIELD(relay_domains), DEFAULT("[]"), ANY, LIVE,
     "The domains whose mail is accepted from anybody and passed on by the routes. Sources as in "
     "`domains`. List the addresses of such a domain in `users`: then others are refused at once. "
     "Without a list every address is accepted, and what the next server refuses becomes a report "
     "to a sender that may be forged."},
    {"", "trusted", CONFIG_TYPE_PREFIXES, FIELD(trusted),
     DEFAULT("[\"127.0.0.0/8\", \"::1/128\"]"), ANY, LIVE,
     "The clients that may send to any domain without authentication, as addresses or "
     "prefixes."},
    {"", "users", CONFIG_TYPE_USERS, offsetof(struct config, users_file), "users",
     DEFAULT("\"\""), ANY, LIVE,
     "A file with one mailbox a line: `address`, or `address:password` for one that may log in: "
     "crypt(3), SCRAM-SHA-256, or `{PLAIN}secret`, see herald-user(1). Lines that begin with # are "
     "comments. A file with passwords that others may read is refused."},
    {"", "aliases", CONFIG_TYPE_ALIASES, offsetof(struct config, aliases_file), "aliases",
     DEFAULT("\"\""), ANY, LIVE,
     "A file in the form of /etc/aliases: `name: target, target`. Targets are names and "
     "addresses; commands, files and includes are named in a warning and left out."},
    {"", "mailbox", CONFIG_TYPE_MAILBOX, FIELD(mailbox),
     DEFAULT("\"maildir:{data_dir}/mail/{domain}/{user}\""), ANY, LIVE,
     "Where mail for `domains` goes: `maildir:` and a path with {data_dir}, {domain} and "
     "{user}, or `lmtp:unix:PATH`, or `lmtp:HOST:PORT`."},
    {"", "unknown_user", CONFIG_TYPE_UNKNOWN_USER, FIELD(unknown_user),
     DEFAULT("refuse"), 0, 0, unknown_words, LIVE,
     "What happens to mail for an address of `domains` that is neither in `users` nor in "
     "`aliases`: `refuse`, `accept` (every address has a mailbox), or `catchall:` and the "
     "address that gets it."},
    {"", "line_endings", CONFIG_TYPE_ENUM, FIELD(line_endings),
     DEFAULT("strict"), 0, 0, line_words, LIVE,
     "What happens to a bare CR or LF in a message: `strict` refuses the message, `normalise` "
     "makes it CRLF. Only CRLF.CRLF ends a message either way."},

    {"limits", "message_size", CONFIG_TYPE_SIZE, FIELD(limits.message_size),
     DEFAULT("35M"), KIB, 2 * GIB, NULL, LIVE,
     "The largest message, as announced by SIZE."},
    {"limits", "recipients", CONFIG_TYPE_NUMBER, FIELD(limits.recipients),
     DEFAULT("1000"), 100, ENVELOPE_RCPTS_MAX, NULL, LIVE,
     "Recipients of one message. Those beyond get 452, and the client sends the message again "
     "for them."},
    {"limits", "sessions", CONFIG_TYPE_NUMBER, FIELD(limits.sessions),
     DEFAULT("10000"), 1, 1000000, NULL, LIVE,
     "Sessions open at once, in all."},
    {"limits", "sessions_per_client", CONFIG_TYPE_NUMBER, FIELD(limits.sessions_per_client),
     DEFAULT("20"),
     1, 1000000, NULL, LIVE,
     "Sessions open at once from one IPv4 address or one IPv6 network of 64 bits. Addresses in "
     "`trusted` are not counted."},
    {"limits", "command_line", CONFIG_TYPE_SIZE, FIELD(limits.command_line),
     DEFAULT("2K"), 512, 2 * KIB, NULL, LIVE,
     "The longest command, with its CRLF."},
    {"limits", "text_line", CONFIG_TYPE_SIZE, FIELD(limits.text_line),
     DEFAULT("64K"), 1000, MIB, NULL, LIVE,
     "The longest line of a message, with its CRLF. RFC 5321 asks for 1000; many senders "
     "exceed it."},
    {"limits", "header_size", CONFIG_TYPE_SIZE, FIELD(limits.header_size),
     DEFAULT("256K"), KIB, 16 * MIB, NULL, LIVE,
     "The largest header of a message."},
    {"limits", "header_fields", CONFIG_TYPE_NUMBER, FIELD(limits.header_fields),
     DEFAULT("1000"), 50, 100000, NULL, LIVE,
     "The most fields in the header of a message."},
    {"limits", "received_hops", CONFIG_TYPE_NUMBER, FIELD(limits.received_hops),
     DEFAULT("100"), 25, 1000, NULL, LIVE,
     "A message with this many `Received` fields is taken for a loop and refused."},
    {"limits", "errors", CONFIG_TYPE_NUMBER, FIELD(limits.errors),
     DEFAULT("20"), 1, 10000, NULL, LIVE,
     "Commands and messages refused in one session before it is ended with 421."},
    {"limits", "junk_commands", CONFIG_TYPE_NUMBER, FIELD(limits.junk_commands),
     DEFAULT("100"), 1, 100000, NULL, LIVE,
     "NOOP, RSET, VRFY, logins and greetings between two accepted messages before the session is "
     "ended with 421."},
    {"limits", "unknown_recipients", CONFIG_TYPE_NUMBER, FIELD(limits.unknown_recipients),
     DEFAULT("20"),
     1, 100000, NULL, LIVE,
     "Recipients refused as unknown in one session before it is ended with 421."},
    {"limits", "auth_failures", CONFIG_TYPE_NUMBER, FIELD(limits.auth_failures), DEFAULT("3"),
     1, 100, NULL, LIVE,
     "Failed attempts to log in before a session is ended with 421."},
    {"limits", "tarpit_after", CONFIG_TYPE_NUMBER, FIELD(limits.tarpit_after),
     DEFAULT("5"), 0, 10000, NULL, LIVE,
     "Commands and messages refused in one session before each further refusal is answered late. "
     "Addresses in `trusted` are always answered at once."},
    {"limits", "tarpit_delay", CONFIG_TYPE_DURATION, FIELD(limits.tarpit_delay_ms),
     DEFAULT("1s"), 0, 30 * SECOND, NULL, LIVE,
     "How late, for each of them; never more than 30 seconds for what came at once. 0 means never."},
    {"limits", "stress_timeout", CONFIG_TYPE_DURATION, FIELD(limits.stress_timeout_ms),
     DEFAULT("10s"), SECOND, HOUR, NULL, LIVE,
     "How long a client may be silent between commands while 90 % of `sessions` are open; who "
     "has been silent for longer is then ended with 421."},
    {"limits", "command_timeout", CONFIG_TYPE_DURATION, FIELD(limits.command_timeout_ms),
     DEFAULT("5m"),
     SECOND, HOUR, NULL, LIVE,
     "How long a client may be silent between commands."},
    {"limits", "tls_timeout", CONFIG_TYPE_DURATION, FIELD(limits.tls_timeout_ms),
     DEFAULT("30s"),
     SECOND, 10 * MINUTE, NULL, LIVE,
     "How long a TLS handshake may take."},
    {"limits", "data_timeout", CONFIG_TYPE_DURATION, FIELD(limits.data_timeout_ms), DEFAULT("3m"),
     SECOND, HOUR, NULL, LIVE,
     "How long a client may be silent in the middle of a message."},
    {"limits", "data_deadline", CONFIG_TYPE_DURATION, FIELD(limits.data_deadline_ms), DEFAULT("1h"),
     MINUTE, DAY, NULL, LIVE,
     "How long one message may take from its first octet to its last."},
    {"limits", "data_rate", CONFIG_TYPE_SIZE, FIELD(limits.data_rate),
     DEFAULT("512"), 0, MIB, NULL, LIVE,
     "The least octets a second of a message, taken over a minute; 0 means any."},

    {"queue", "lifetime", CONFIG_TYPE_DURATION, FIELD(queue.lifetime_ms),
     DEFAULT("5d"), MINUTE, 90 * DAY, NULL, LIVE,
     "How long a message is tried before it goes back to its sender."},
    {"queue", "retry", CONFIG_TYPE_DURATIONS, FIELD(queue.retry_ms),
     DEFAULT("[5m, 10m, 20m, 30m, 1h, 2h, 4h]"), SECOND, DAY, NULL, LIVE,
     "The waits between one attempt and the next. The last one repeats."},
    {"queue", "delay_warning", CONFIG_TYPE_DURATION, FIELD(queue.delay_warning_ms), DEFAULT("4h"),
     0, 90 * DAY, NULL, LIVE,
     "After this time the sender is told once that the message is still waiting; 0 means "
     "never."},
    {"queue", "destination_concurrency", CONFIG_TYPE_NUMBER, FIELD(queue.destination_concurrency),
     DEFAULT("20"),
     1, 10000, NULL, LIVE,
     "Connections at once to one destination."},
    {"queue", "min_free", CONFIG_TYPE_SIZE, FIELD(queue.min_free),
     DEFAULT("100M"), 0, 1024 * GIB, NULL, LIVE,
     "With less free on the disk of `data_dir`, new mail is answered 452 until there is more."},

    {"ledger", "enabled", CONFIG_TYPE_ENUM, FIELD(ledger.enabled),
     DEFAULT("yes"), 0, 0, no_yes_words, LIVE,
     "Whether anything is remembered at all."},
    {"ledger", "size", CONFIG_TYPE_SIZE, FIELD(ledger.size),
     DEFAULT("256M"), 4 * MIB, 32 * GIB, NULL, LIVE,
     "The room that the ledger may take on the disk. The oldest goes first."},
    {"ledger", "age", CONFIG_TYPE_DURATION, FIELD(ledger.age_ms),
     DEFAULT("30d"), HOUR, 3650 * DAY, NULL, LIVE,
     "How long it is kept; up to a sixtieth longer, since it goes in pieces."},

    {"dns", "servers", CONFIG_TYPE_SERVERS, FIELD(dns.servers), DEFAULT("[]"), ANY, LIVE,
     "The servers to ask, as `ADDRESS` or `ADDRESS@PORT`. Without any, the resolvers of the "
     "system are asked."},
    {"dns", "timeout", CONFIG_TYPE_DURATION, FIELD(dns.timeout_ms),
     DEFAULT("5s"), 100, 2 * MINUTE, NULL, LIVE,
     "How long one question may take in all. A question without an answer is a reason to wait, "
     "never to refuse."},

    {"greeting", "policy", CONFIG_TYPE_POLICY, FIELD(greeting.preset),
     DEFAULT("standard"), ANY, LIVE,
     "What is refused: `observe` only what cannot be a name at all, `standard` also broken syntax and "
     "names and addresses of this server and its domains that nothing in DNS ties to the client, "
     "`strict` also names that are not fully qualified, that do not exist, or whose SPF record "
     "forbids the client. A look-up that fails is never a lasting refusal."},
    {"greeting", "refuse_at", CONFIG_TYPE_STAGE, FIELD(greeting.policy.refuse_at),
     DEFAULT("rcpt"), ANY, LIVE,
     "The command that is answered with the refusal. At `rcpt` the log has sender and recipient. "
     "Broken syntax is always refused at once."},
    {"greeting", "check", CONFIG_TYPE_CHECK, FIELD(greeting.policy),
     NULL, NULL, "as the policy has it", ANY, LIVE,
     "One check by its cause, see herald-causes(7), or all checks whose causes begin so: "
     "`check \"helo.not_fqdn\" = enforce`. RFC 5321 4.1.4 forbids to refuse for some causes: those are "
     "observed at most, unless `unsafe_refuse` is set, which refuses honest senders."},
    {"greeting", "exempt", CONFIG_TYPE_EXEMPTIONS, FIELD(greeting.policy.exemptions),
     DEFAULT("[]"), ANY, LIVE,
     "Clients that may pass a check: by `client` (address or prefix), by `host` (a reverse name that "
     "its address confirms, or a domain above it), or by `spf` (a greeting for which SPF passes). "
     "Each has a `reason`, and may have a `check` (all without it) and an end date `until`."},

    {"auth", "plaintext", CONFIG_TYPE_ENUM, FIELD(auth.plaintext), DEFAULT("never"),
     0, 0, plaintext_words, LIVE,
     "Who may log in without TLS: nobody, or clients of this machine (`loopback`)."},
    {"auth", "tokens", CONFIG_TYPE_TOKENS, FIELD(auth.tokens_file), DEFAULT("\"\""), ANY, LIVE,
     "A file of bearer tokens for OAUTHBEARER and XOAUTH2, one a line: `address:token`. A file "
     "that others may read is refused."},
    {"auth", "introspection", CONFIG_TYPE_HTTP, FIELD(auth.introspection.url), DEFAULT("\"\""),
     ANY, LIVE,
     "The identity provider that is asked about bearer tokens (RFC 7662) which are not in `tokens`: "
     "`\"https://HOST[:PORT]/PATH\"`. Its certificate must verify and have the name HOST, which is "
     "looked up in DNS at each question. When it cannot be asked, the client hears 454, and the "
     "log says why. With `http://` tokens travel in the clear: only for an address of this machine."},
    {"auth", "introspection_client", CONFIG_TYPE_TEXT, FIELD(auth.introspection.client),
     DEFAULT("\"\""), ANY, LIVE,
     "The client id of herald at the identity provider, sent with `introspection_secret` by HTTP "
     "Basic (RFC 6749 2.3.1)."},
    {"auth", "introspection_secret", CONFIG_TYPE_FILE, FIELD(auth.introspection.secret_file),
     DEFAULT("\"\""), ANY, LIVE,
     "A file whose first line is the secret of `introspection_client`; without a client id it is "
     "sent as a bearer token. A file that others may read is refused."},
    {"auth", "introspection_ca", CONFIG_TYPE_FILE, FIELD(auth.introspection.ca_file),
     DEFAULT("\"\""), ANY, LIVE,
     "A PEM file with the authorities whose certificate the identity provider must have, in place "
     "of the system's."},
    {"auth", "introspection_claim", CONFIG_TYPE_TEXT, FIELD(auth.introspection.claim),
     DEFAULT("\"\""), ANY, LIVE,
     "The member of the answer whose value is the user's address in `users`. Without one it is the "
     "first of `username`, `email` and `sub` that is an address. `email` is left out when "
     "`email_verified` is there and not true."},
    {"auth", "introspection_scope", CONFIG_TYPE_TEXT, FIELD(auth.introspection.scope),
     DEFAULT("\"\""), ANY, LIVE,
     "Words that must all be in the token's `scope`; a token without them is refused."},
    {"auth", "introspection_audience", CONFIG_TYPE_TEXT, FIELD(auth.introspection.audience),
     DEFAULT("\"\""), ANY, LIVE,
     "What must be the token's `aud`, or one of them: so that a token which some other service got "
     "from a user does not send mail in his name."},
    {"auth", "senders", CONFIG_TYPE_SENDERS,
     offsetof(struct config, auth.senders_file), "senders", DEFAULT("\"\""), ANY, LIVE,
     "A file that says as whom a login may send beside itself and the `aliases` that lead to it: "
     "`login: address, @domain`."},
    {"auth", "backoff_account", CONFIG_TYPE_DURATION, FIELD(auth.backoff_account_ms),
     DEFAULT("1m"), 0, DAY, NULL, LIVE,
     "The longest that an account is closed after failures to log in. From the fourth on the wait "
     "doubles from one second; 0 means never. Where the owner has logged in from during the last 30 "
     "days only failures from there count, so that nobody else can lock him out."},
    {"auth", "backoff_client", CONFIG_TYPE_DURATION, FIELD(auth.backoff_client_ms),
     DEFAULT("15m"), 0, DAY, NULL, LIVE,
     "The same for the address of the client; those in `trusted` do not wait."},
    {"tls", "certificate", CONFIG_TYPE_FILE, FIELD(tls.certificate), DEFAULT("\"\""), ANY, LIVE,
     "A PEM file with the certificate, and behind it those that lead to its root. Without it herald "
     "makes one for `hostname`, signed by itself, and keeps it in `data_dir`/tls."},
    {"tls", "key", CONFIG_TYPE_FILE, FIELD(tls.key), DEFAULT("\"\""), ANY, LIVE,
     "A PEM file with the private key, without a passphrase. When it is not given, the key is in "
     "the file of the certificate."},
    {"tls", "client_ca", CONFIG_TYPE_FILE, FIELD(tls.client_ca), DEFAULT("\"\""), ANY, LIVE,
     "A PEM file with the authorities whose certificates clients may log in with (AUTH EXTERNAL). "
     "Without it clients are not asked for one. A client that shows none, or one that does not "
     "verify, is served all the same, but not logged in."},
    {"tls", "protocols", CONFIG_TYPE_ENUM, FIELD(tls.protocols),
     DEFAULT("1.2+"), 0, 0, protocols_words, LIVE,
     "The versions of TLS that are spoken: `1.2+` or only `1.3+`."},
    {"greeting", "own_names", CONFIG_TYPE_OWN_NAMES, FIELD(greeting.own_names),
     DEFAULT("[]"), ANY, LIVE,
     "Further names of this server, beside `hostname` and those of the egresses: who greets with one "
     "of them, and is not tied to it by DNS, pretends to be this server. Sources as in `domains`; "
     "`mailhelo:PATH` takes the names in cPanel's table of domains and names."},
    {"greeting", "own_addresses", CONFIG_TYPE_OWN_ADDRESSES, FIELD(greeting.own_addresses),
     DEFAULT("[]"), ANY, LIVE,
     "Further addresses of this server, such as public ones behind NAT, beside those of the machine, "
     "of listeners and egresses, of the own names in DNS, and the one that other servers say they "
     "see us come from, once two of different networks agree (herald(1), \"Our own greeting\"). "
     "Sources as in `domains`; "
     "`mailips:PATH` takes the addresses in cPanel's table of domains and addresses."},
    {"greeting", "vouched", CONFIG_TYPE_VOUCHED, FIELD(greeting.vouched),
     DEFAULT("[]"), ANY, LIVE,
     "Clients that may greet with a name or address of this server or its domains although nothing in "
     "DNS ties them to it: an address or prefix, alone for any greeting, or with the greeting behind "
     "it as in `\"192.0.2.0/24 shop.example.net\"`. Sources as in `domains`."},
    {"greeting", "listed", CONFIG_TYPE_LISTED, FIELD(greeting.listed),
     DEFAULT("[]"), ANY, LIVE,
     "Greetings that are not welcome (cause helo.listed), `*.domain` for all below a domain. Sources "
     "as in `domains`. Policy `strict` refuses them, the others note them; "
     "`check \"helo.listed\" = enforce` refuses them under any policy."},

    {"log", "format", CONFIG_TYPE_ENUM, FIELD(log.format),
     DEFAULT("auto"), 0, 0, format_words, LIVE,
     "The form of a line: `auto` is `human` on a terminal and `json` otherwise."},
    {"log", "level", CONFIG_TYPE_ENUM, FIELD(log.level), DEFAULT("info"), 0, 0, level_words, LIVE,
     "The least important events that are logged."},

    {"listen", "address", CONFIG_TYPE_LISTEN, BLOCK(config_listen, address),
     NULL, NULL, NULL, ANY, RESTART,
     "Where to listen: `ADDRESS:PORT`, `[IPv6 address]:PORT`, or `unix:PATH`."},
    {"listen", "role", CONFIG_TYPE_ENUM, BLOCK(config_listen, role),
     DEFAULT("mx"), 0, 0, role_words, RESTART,
     "Who comes here: `mx` other mail servers, `submission` people and programs that send "
     "their mail through this server, `lmtp` a local server that hands over mail for "
     "`domains`."},
    {"listen", "proxy", CONFIG_TYPE_PREFIXES, BLOCK(config_listen, proxy),
     DEFAULT("[]"), ANY, LIVE,
     "Load balancers that begin each connection with a PROXY header (version 1 or 2): its client "
     "is then the client of the session. From these addresses nothing else is taken; a header that "
     "names nobody leaves the balancer as a client that is not `trusted`."},
    {"listen", "xclient", CONFIG_TYPE_PREFIXES, BLOCK(config_listen, xclient),
     DEFAULT("[]"), ANY, LIVE,
     "Servers that may say with XCLIENT who their client is, and tell of it with XFORWARD. A "
     "client that XCLIENT names is judged as if it had connected itself. Behind a PROXY header, "
     "and from the first greeting behind an XCLIENT on, both are taken only if the named client is "
     "listed here itself."},

    {"listen", "tls", CONFIG_TYPE_ENUM, BLOCK(config_listen, tls),
     DEFAULT("starttls"), 0, 0, listen_tls_words, RESTART,
     "`starttls` offers TLS, `required` refuses mail, VRFY, EXPN and ETRN with 530 and logins with "
     "538 without it, `implicit` speaks TLS from the first octet on (port 465), `off` does not "
     "offer it. On a Unix socket `starttls` offers nothing."},

    {"certificate", "file", CONFIG_TYPE_FILE, BLOCK(config_certificate, file),
     NULL, NULL, NULL, ANY, LIVE,
     "A PEM file with the certificate, and behind it those that lead to its root."},
    {"certificate", "key", CONFIG_TYPE_FILE, BLOCK(config_certificate, key),
     DEFAULT("\"\""), ANY, LIVE,
     "A PEM file with the private key, as in `tls`."},

    {"guard", "address", CONFIG_TYPE_LISTEN, BLOCK(config_guard, address),
     NULL, NULL, NULL, ANY, RESTART,
     "Where to listen, as for `listen`. Nothing that is asked here is secret, but an address that "
     "others reach lets them make herald ask DNS."},
    {"guard", "protocol", CONFIG_TYPE_ENUM, BLOCK(config_guard, protocol),
     DEFAULT("policy"), 0, 0, guard_words, RESTART,
     "`policy` is Postfix's policy delegation, `milter` the protocol of Sendmail and Postfix, `exim` "
     "one line in and one line out for Exim's `${readsocket}`."},
    {"guard", "header", CONFIG_TYPE_ENUM, BLOCK(config_guard, header),
     DEFAULT("off"), 0, 0, switch_words, RESTART,
     "With `on` each message gets an `Authentication-Results` field of what DNS says of client, "
     "greeting and sender; with the protocol `exim` the answer at DATA holds it."},

    {"egress", "address", CONFIG_TYPE_ADDRESS, BLOCK(config_egress, address),
     DEFAULT("\"\""), ANY, LIVE,
     "The local address to connect from. When it cannot be had, nothing is sent. Without it "
     "the system chooses."},
    {"egress", "public_address", CONFIG_TYPE_ADDRESS, BLOCK(config_egress, public_address),
     DEFAULT("\"\""), ANY, LIVE,
     "The address that the world sees, when it is another one (NAT)."},
    {"egress", "greeting", CONFIG_TYPE_GREETING, BLOCK(config_egress, greeting),
     DEFAULT("\"\""), ANY, LIVE,
     "The name that herald greets other servers with. Its address must be the public address, "
     "and the reverse DNS of that address must give this name back. Without it the name is chosen for "
     "each address that connections leave from, see herald(1)."},

    {"egress", "names", CONFIG_TYPE_EGRESS_NAMES, BLOCK(config_egress, names),
     DEFAULT("[]"), ANY, LIVE,
     "The name for each address that this egress is seen as, where one egress has several: "
     "`\"203.0.113.9 mta1.example.net\"`. Sources as in `domains`; `cpanel:DIRECTORY` joins mailips and "
     "mailhelo of that directory. Other addresses are greeted from as `greeting` says."},

    {"route", "via", CONFIG_TYPE_VIA, BLOCK(config_route, via),
     DEFAULT("mx"), 0, 0, via_words, LIVE,
     "`mx` looks the servers of the domain up in DNS; `\"smtp://HOST[:PORT]\"`, "
     "`\"smtps://HOST[:PORT]\"` (TLS from the first octet on) and `\"lmtp://HOST[:PORT]\"` hand "
     "all mail to that server (`\"lmtp:unix:PATH\"` to that socket); `hold` keeps it in the queue "
     "until it is released. Routes that name the same smarthost say the same of TLS and of "
     "logging in."},
    {"route", "tls", CONFIG_TYPE_ENUM, BLOCK(config_route, tls),
     DEFAULT("try"), 0, 0, route_tls_words, LIVE,
     "`try` uses STARTTLS where it is offered, and goes on without when it fails; `require` sends "
     "only under TLS to a server whose certificate verifies and names the host; `off` never uses "
     "STARTTLS. A message with REQUIRETLS is sent as under `require` in any case; one with the "
     "field TLS-Required: No (RFC 8689) that goes by `mx` is sent as under `try`, not `require`."},
    {"route", "ca_file", CONFIG_TYPE_FILE, BLOCK(config_route, ca_file), DEFAULT("\"\""), ANY, LIVE,
     "A PEM file with the authorities that are believed, instead of those of the system."},
    {"route", "user", CONFIG_TYPE_LOGIN, BLOCK(config_route, user), DEFAULT("\"\""), ANY, LIVE,
     "Whom to log in as (AUTH) at that server, by SCRAM-SHA-256 where it can, else SCRAM-SHA-1, "
     "PLAIN or LOGIN. Only under TLS, or to a server on this machine; by PLAIN and LOGIN, which show "
     "the password, only when its certificate verifies too (see `ca_file`). Needs `password_file`."},
    {"route", "password_file", CONFIG_TYPE_FILE, BLOCK(config_route, password_file),
     DEFAULT("\"\""), ANY, LIVE,
     "A file whose first line is the password of the route's `user`, read at start and at a reload, "
     "before privileges are dropped. It must belong to root or to who starts herald; a file that "
     "others may read is refused."},
    {"route", "egress", CONFIG_TYPE_EGRESS, BLOCK(config_route, egress), DEFAULT("\"\""), ANY, LIVE,
     "The name of the `egress` block to leave by."},
};
/* clang-format on */
const size_t config_keys_n = COUNT(config_keys);

const struct config_section *config_schema_section(span name)
{
    for (size_t i = 0; i < config_sections_n; i++)
        if (span_eq(name, span_cstr(config_sections[i].name)))
            return &config_sections[i];
    return NULL;
}

const struct config_key *config_schema_key(span section, span name)
{
    for (size_t i = 0; i < config_keys_n; i++)
        if (span_eq(section, span_cstr(config_keys[i].section)) &&
            span_eq(name, span_cstr(config_keys[i].name)))
            return &config_keys[i];
    return NULL;
}

const struct config_key *config_schema_key_by_path(span path)
{
    size_t dot = span_find(path, '.');

    if (dot == path.n)
        return config_schema_key(SPAN_NONE, path);
    return config_schema_key(span_head(path, dot), span_skip(path, dot + 1));
}

void config_schema_put_path(struct buf *b, const struct config_key *key)
{
    if (key->section[0] != '\0') {
        buf_put(b, span_cstr(key->section));
        buf_putc(b, '.');
    }
    buf_put(b, span_cstr(key->name));
}

/* What a value may be, without range and words. */
static const char *const type_words[] = {
    [CONFIG_TYPE_HOSTNAME] = "a fully qualified domain name",
    [CONFIG_TYPE_PATH] = "the path of a directory",
    [CONFIG_TYPE_LOGIN] = "a user name, or \"\" for none",
    [CONFIG_TYPE_FILE] = "the path of a file, or \"\" for none",
    [CONFIG_TYPE_USER] = "the name of an account",
    [CONFIG_TYPE_GREETING] = "a fully qualified domain name of the public DNS, or \"\" for none",
    [CONFIG_TYPE_DOMAINS] = "a list of domain names and sources (\"file:PATH\" and the like)",
    [CONFIG_TYPE_OWN_NAMES] = "a list of domain names and sources (\"file:PATH\" and the like)",
    [CONFIG_TYPE_OWN_ADDRESSES] = "a list of addresses and sources (\"file:PATH\" and the like)",
    [CONFIG_TYPE_VOUCHED] = "a list of \"PREFIX\", \"PREFIX NAME\" and sources",
    [CONFIG_TYPE_LISTED] = "a list of domain names, \"*.DOMAIN\" and sources",
    [CONFIG_TYPE_EGRESS_NAMES] = "a list of \"ADDRESS NAME\" and sources",
    [CONFIG_TYPE_PREFIXES] = "a list of addresses and prefixes, as in [\"192.0.2.0/24\", \"::1\"]",
    [CONFIG_TYPE_USERS] = "the path of a file, or \"\" for none",
    [CONFIG_TYPE_TOKENS] = "the path of a file, or \"\" for none",
    [CONFIG_TYPE_SENDERS] = "the path of a file, or \"\" for none",
    [CONFIG_TYPE_HTTP] = "\"https://HOST[:PORT]/PATH\", or with http://, or \"\" for none",
    [CONFIG_TYPE_TEXT] = "text without control characters, or \"\" for none",
    [CONFIG_TYPE_ALIASES] = "the path of a file, or \"\" for none",
    [CONFIG_TYPE_MAILBOX] =
        "\"maildir:PATH\" with {user} in it, \"lmtp:unix:PATH\" or \"lmtp:HOST:PORT\"",
    [CONFIG_TYPE_UNKNOWN_USER] = "refuse, accept or \"catchall:ADDRESS\"",
    [CONFIG_TYPE_LISTEN] = "\"ADDRESS:PORT\", \"[IPV6]:PORT\" or \"unix:PATH\"",
    [CONFIG_TYPE_SERVERS] = "a list of at most 8 of \"ADDRESS\" and \"ADDRESS@PORT\"",
    [CONFIG_TYPE_ADDRESS] = "an IP address, or \"\" for none",
    [CONFIG_TYPE_VIA] =
        "mx, hold, \"smtp://HOST[:PORT]\", \"smtps://HOST[:PORT]\", \"lmtp://HOST[:PORT]\" or "
        "\"lmtp:unix:PATH\"",
    [CONFIG_TYPE_EGRESS] = "the name of an egress block",
    [CONFIG_TYPE_ENUM] = "one of",
    [CONFIG_TYPE_NUMBER] = "a number",
    [CONFIG_TYPE_SIZE] = "a size as in 512 64K 35M 2G,",
    [CONFIG_TYPE_DURATION] = "a duration as in 90s 10m 4h 5d,",
    [CONFIG_TYPE_DURATIONS] = "a list of 1 to 64 durations as in [5m, 1h], each",
    [CONFIG_TYPE_POLICY] = "observe, standard or strict",
    [CONFIG_TYPE_STAGE] = "helo, mail or rcpt",
    [CONFIG_TYPE_CHECK] = "off, observe, enforce or unsafe_refuse, for the id of a cause",
    /* NOLINTNEXTLINE(bugprone-suspicious-missing-comma): one text on two lines */
    [CONFIG_TYPE_EXEMPTIONS] = "a list of { client = \"PREFIX\"; check = \"CAUSE\"; reason = "
                               "\"TEXT\"; until = \"YYYY-MM-DD\"; }",
};

static void put_range(struct buf *b, const struct config_key *key,
                      void (*put)(struct buf *, uint64_t))
{
    buf_put(b, SPAN(" from "));
    put(b, key->min);
    buf_put(b, SPAN(" to "));
    put(b, key->max);
}

void config_schema_put_allowed(struct buf *b, const struct config_key *key)
{
    buf_put(b, span_cstr(type_words[key->type]));
    if (key->type == CONFIG_TYPE_ENUM)
        for (size_t i = 0; key->words[i] != NULL; i++) {
            buf_putc(b, ' ');
            buf_put(b, span_cstr(key->words[i]));
        }
    if (key->type == CONFIG_TYPE_NUMBER)
        put_range(b, key, buf_put_u64);
    if (key->type == CONFIG_TYPE_SIZE)
        put_range(b, key, config_number_put_size);
    if (key->type == CONFIG_TYPE_DURATION || key->type == CONFIG_TYPE_DURATIONS)
        put_range(b, key, config_number_put_duration);
}
