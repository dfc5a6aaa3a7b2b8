/* SPDX-License-Identifier: ISC */
/*
 * smtp/param.h - the parameters behind the address of MAIL and RCPT.
 *
 * Each parameter belongs to an extension and is known only where that extension
 * is announced (RFC 5321 4.1.1.11: an unknown one is answered 555). Values are
 * checked here as grammar; what they mean is for the layers above.
 */
#ifndef SMTP_PARAM_H
#define SMTP_PARAM_H

#include "smtp/ext.h"
#include "smtp/xtext.h"

#define SMTP_ENVID_MAX_BYTES 100 /* RFC 3461 4.4 */

enum smtp_body {
    SMTP_BODY_UNSAID,
    SMTP_BODY_7BIT,
    SMTP_BODY_8BITMIME,
    SMTP_BODY_BINARYMIME,
};

enum smtp_ret {
    SMTP_RET_UNSAID,
    SMTP_RET_FULL,
    SMTP_RET_HDRS,
};

enum smtp_notify {
    SMTP_NOTIFY_NEVER = 1u << 0,
    SMTP_NOTIFY_SUCCESS = 1u << 1,
    SMTP_NOTIFY_FAILURE = 1u << 2,
    SMTP_NOTIFY_DELAY = 1u << 3,
};

/*
 * Of MAIL. Spans are borrowed from the command line, xtext still encoded; what it stands for was
 * looked at: no control octets, which could end a line where it is decoded (RFC 3461 4).
 */
struct smtp_mail_params {
    uint64_t size_bytes; /* what SIZE= declares; 0: nothing declared */
    enum smtp_body body;
    enum smtp_ret ret;
    span envid;
    span auth; /* AUTH=, a mailbox as xtext, or <> (RFC 4954 5) */
    bool smtputf8;
    bool requiretls;
};

/* Of RCPT. */
struct smtp_rcpt_params {
    unsigned notify; /* set of enum smtp_notify; 0: not said */
    span orcpt;      /* type;xtext, or utf-8; and an address (RFC 6533 3) */
};

enum smtp_param_fault {
    SMTP_PARAM_FINE,
    SMTP_PARAM_UNKNOWN,  /* 555 */
    SMTP_PARAM_BAD,      /* 501: the value is malformed */
    SMTP_PARAM_REPEATED, /* 501 */
};

/*
 * Read " KEY=value KEY" up to the end of the command.
 *
 * ext         set of enum smtp_ext that is in force
 * utf8        the MAIL before had SMTPUTF8
 * out_params  set only for SMTP_PARAM_FINE
 */
enum smtp_param_fault smtp_mail_params_parse(span text, unsigned ext,
                                             struct smtp_mail_params *out_params);
enum smtp_param_fault smtp_rcpt_params_parse(span text, unsigned ext, bool utf8,
                                             struct smtp_rcpt_params *out_params);

/* A set of enum smtp_notify as NOTIFY has it: "SUCCESS,DELAY". */
void smtp_notify_put(struct buf *b, unsigned notify);

#endif
