/* SPDX-License-Identifier: ISC */
/* os/log_names.h - every event and every key of the log, with a line of documentation each. */
#ifndef OS_LOG_NAMES_H
#define OS_LOG_NAMES_H

/* id, name in the log, when it is written */
#define LOG_EVENT_LIST(X)                                                                          \
    X(LOG_SESSION_OPEN, "session.open", "a client connected")                                      \
    X(LOG_SESSION_CLOSE, "session.close", "a session ended, and how")                              \
    X(LOG_SESSION_REFUSED, "session.refused", "a client or one of its commands was refused")       \
    X(LOG_CLIENT_NAMED, "client.named", "a server in front of this one said who the client is")    \
    X(LOG_CLIENT_TOLD, "client.told", "a server in front told of its client, which is not ours")   \
    X(LOG_GREETING_JUDGED, "greeting.judged", "a greeting was judged, with the findings")          \
    X(LOG_AUTH_OK, "auth.ok", "a client logged in")                                                \
    X(LOG_AUTH_FAILED, "auth.failed", "a client could not log in, and why")                        \
    X(LOG_TLS_STARTED, "tls.started", "a handshake is done: the session goes on under TLS")        \
    X(LOG_TLS_FAILED, "tls.failed", "a handshake failed, or TLS ended otherwise than it should")   \
    X(LOG_TLS_MADE, "tls.made", "no certificate is given: herald made one, signed by itself")      \
    X(LOG_TABLE_STALE, "table.stale", "a greeting shows that a domain of our tables moved away")   \
    X(LOG_MESSAGE_ACCEPTED, "message.accepted", "a message is on the disk and was answered 250")   \
    X(LOG_MESSAGE_REFUSED, "message.refused", "a message was refused after its data")              \
    X(LOG_DELIVERY_DONE, "delivery.done", "a recipient was delivered or accepted elsewhere")       \
    X(LOG_DELIVERY_DEFERRED, "delivery.deferred", "a delivery failed for now; the next try")       \
    X(LOG_DELIVERY_FAILED, "delivery.failed", "a delivery failed for good")                        \
    X(LOG_DSN_SENT, "dsn.sent", "a delivery status notification was queued")                       \
    X(LOG_QUEUE_EXPIRED, "queue.expired", "a message passed its age limit")                        \
    X(LOG_QUEUE_CORRUPT, "queue.corrupt", "a damaged record was moved aside")                      \
    X(LOG_QUEUE_CHANGED, "queue.changed", "an administrator changed a queued message")             \
    X(LOG_QUEUE_FULL, "queue.full", "the disk or the store is full; mail is answered 452")         \
    X(LOG_STORE_OPEN, "store.open", "the store was opened")                                        \
    X(LOG_STORE_FAILED, "store.failed", "the store could not be read or written")                  \
    X(LOG_LEDGER_FAILED, "ledger.failed", "the ledger cannot be written; mail goes on")            \
    X(LOG_LEDGER_DROPPED, "ledger.dropped", "records of the ledger were lost; mail goes on")       \
    X(LOG_EGRESS_CHECK, "egress.check", "a sending name and address were checked")                 \
    X(LOG_CONFIG_LOADED, "config.loaded", "a configuration came into force")                       \
    X(LOG_CONFIG_BAD, "config.bad", "a configuration was refused; the former stays in force")      \
    X(LOG_CONFIG_WARNING, "config.warning", "a configuration that works but should be looked at")  \
    X(LOG_SERVER_START, "server.start", "the server starts")                                       \
    X(LOG_SERVER_READY, "server.ready", "all processes are up and listening")                      \
    X(LOG_SERVER_STOP, "server.stop", "the server drains and stops")                               \
    X(LOG_SERVER_LISTEN, "server.listen", "a listener is bound")                                   \
    X(LOG_PROCESS_START, "process.start", "a process of the server started")                       \
    X(LOG_PROCESS_EXIT, "process.exit", "a process of the server ended as it should")              \
    X(LOG_PROCESS_RESTARTED, "process.restarted", "a process of the server died and was replaced") \
    X(LOG_PROCESS_KILLED, "process.killed", "a process did not end in time and was killed")        \
    X(LOG_SANDBOX_WEAK, "sandbox.weak", "the kernel lacks a part of the sandbox")                  \
    X(LOG_CHANNEL_BROKEN, "channel.broken", "a process sent another a malformed frame")            \
    X(LOG_ACCEPT_FAILED, "accept.failed", "connections could not be accepted for a while")         \
    X(LOG_RESOLVER_TROUBLE, "resolver.trouble", "the resolver's library or servers fail")          \
    X(LOG_GUARD_BROKEN, "guard.broken", "a mail server asked the guard in no known form")          \
    X(LOG_LOG_DROPPED, "log.dropped", "log lines were lost because their reader was too slow")     \
    X(LOG_TRACE, "trace", "a detail for debugging")

/* id, name in the log, what it holds */
#define LOG_KEY_LIST(X)                                                                            \
    X(KEY_SESSION, "session", "id of the session, 13 letters and digits")                          \
    X(KEY_MESSAGE, "message", "id of the message, 13 letters and digits")                          \
    X(KEY_TEXT, "text", "what happened, in words")                                                 \
    X(KEY_CLIENT, "client", "address of the client")                                               \
    X(KEY_LOGIN, "login", "who logged in, or wanted to")                                           \
    X(KEY_IDENT, "ident", "name of the message or session at the server in front")                 \
    X(KEY_LISTENER, "listener", "name of the listener")                                            \
    X(KEY_GREETING, "greeting", "the name given with HELO or EHLO")                                \
    X(KEY_NAME, "name", "a domain name")                                                           \
    X(KEY_VERDICT, "verdict", "what was decided")                                                  \
    X(KEY_CHECK, "check", "id of a check or cause")                                                \
    X(KEY_RULE, "rule", "which rule chose it: map, name, ptr, host, literal, submission, nothing") \
    X(KEY_FINDINGS, "findings", "ids of what was found")                                           \
    X(KEY_REFERENCE, "reference", "reference of a refusal, for herald trace")                      \
    X(KEY_EXEMPTION, "exemption", "the exemption that let a client pass a check")                  \
    X(KEY_SENDER, "sender", "envelope sender; empty: null sender")                                 \
    X(KEY_RECIPIENT, "recipient", "envelope recipient")                                            \
    X(KEY_RECIPIENTS, "recipients", "number of recipients")                                        \
    X(KEY_MESSAGES, "messages", "number of messages")                                              \
    X(KEY_SIZE, "size", "octets of the message")                                                   \
    X(KEY_CODE, "code", "SMTP reply code")                                                         \
    X(KEY_REPLY, "reply", "the reply, as given or received")                                       \
    X(KEY_TRANSPORT, "transport", "maildir, lmtp or smtp")                                         \
    X(KEY_DESTINATION, "destination", "domain or route of the delivery")                           \
    X(KEY_HOST, "host", "the remote host")                                                         \
    X(KEY_MECHANISM, "mechanism", "the SASL mechanism")                                            \
    X(KEY_ADDRESS, "address", "a network address")                                                 \
    X(KEY_EGRESS, "egress", "name of the egress")                                                  \
    X(KEY_ATTEMPT, "attempt", "number of the try, from 1")                                         \
    X(KEY_NEXT, "next", "time of the next try")                                                    \
    X(KEY_AGE, "age", "milliseconds since the message came")                                       \
    X(KEY_DELAY, "delay", "milliseconds it took")                                                  \
    X(KEY_REASON, "reason", "why")                                                                 \
    X(KEY_STAGE, "stage", "where in the dialogue")                                                 \
    X(KEY_COMMANDS, "commands", "number of commands in the session")                               \
    X(KEY_ERRORS, "errors", "number of errors in the session")                                     \
    X(KEY_PROCESS, "process", "kind of process")                                                   \
    X(KEY_INDEX, "index", "which of its kind, from 0")                                             \
    X(KEY_PID, "pid", "process id")                                                                \
    X(KEY_SIGNAL, "signal", "the signal that ended it")                                            \
    X(KEY_STATUS, "status", "its exit status")                                                     \
    X(KEY_SYSCALL, "syscall", "the system call that the sandbox forbade")                          \
    X(KEY_GENERATION, "generation", "number of the configuration, counted from the start")         \
    X(KEY_PEER, "peer", "the process at the other end")                                            \
    X(KEY_TYPE, "type", "type of a frame, a record or a question")                                 \
    X(KEY_COUNT, "count", "how many")                                                              \
    X(KEY_PROTOCOL, "protocol", "version of TLS")                                                  \
    X(KEY_CIPHER, "cipher", "cipher suite, as registered at IANA")                                 \
    X(KEY_RESUMED, "resumed", "1: the handshake went by a session ticket")                         \
    X(KEY_CERTIFICATE, "certificate", "of the peer: verified, or why not")                         \
    X(KEY_FILE, "file", "file name")                                                               \
    X(KEY_VERSION, "version", "version")                                                           \
    X(KEY_ERROR, "error", "text of the failure")

enum log_event {
#define LOG_NAMES_ENUM(id, name, doc) id,
    LOG_EVENT_LIST(LOG_NAMES_ENUM) LOG_EVENT_COUNT
};

enum log_key { LOG_KEY_LIST(LOG_NAMES_ENUM) LOG_KEY_COUNT };
#undef LOG_NAMES_ENUM

#endif
