/* SPDX-License-Identifier: ISC */
#include "smtp/param.h"

#include "base/ascii.h"
#include "base/escape.h"
#include "base/num.h"
#include "name/path.h"

/* Both kinds of parameters, and what reading them depends on. */
struct params {
    unsigned ext; /* in force */
    bool utf8;
    struct smtp_mail_params mail;
    struct smtp_rcpt_params rcpt;
};

static bool read_size(span value, struct params *p)
{
    /* 20 digits at most (RFC 1870 4); a number over 64 bits is as good as the largest. */
    if (value.n == 0 || value.n > 20)
        return false;
    for (size_t i = 0; i < value.n; i++) {
        if (!ascii_is_digit(value.p[i]))
            return false;
    }
    if (!num_parse_u64(value, UINT64_MAX, &p->mail.size_bytes))
        p->mail.size_bytes = UINT64_MAX;
    return true;
}

/* A word and what it stands for. */
struct word {
    span text;
    unsigned value;
};

static unsigned word_value(const struct word *words, size_t count, span text)
{
    for (size_t i = 0; i < count; i++) {
        if (span_ieq(words[i].text, text))
            return words[i].value;
    }
    return 0;
}

static bool read_body(span value, struct params *p)
{
    static const struct word words[] = {
        {SPAN_INIT("7BIT"), SMTP_BODY_7BIT},
        {SPAN_INIT("8BITMIME"), SMTP_BODY_8BITMIME},
        {SPAN_INIT("BINARYMIME"), SMTP_BODY_BINARYMIME},
    };

    p->mail.body = word_value(words, COUNT(words), value);
    return p->mail.body == SMTP_BODY_BINARYMIME ? (p->ext & SMTP_EXT_BINARYMIME) != 0
                                                : p->mail.body != SMTP_BODY_UNSAID;
}

static bool read_ret(span value, struct params *p)
{
    static const struct word words[] = {
        {SPAN_INIT("FULL"), SMTP_RET_FULL},
        {SPAN_INIT("HDRS"), SMTP_RET_HDRS},
    };

    p->mail.ret = word_value(words, COUNT(words), value);
    return p->mail.ret != SMTP_RET_UNSAID;
}

static bool read_envid(span value, struct params *p)
{
    p->mail.envid = value;
    return value.n > 0 && value.n <= SMTP_ENVID_MAX_BYTES && smtp_xtext_ok(value);
}

static bool read_auth(span value, struct params *p)
{
    char room[PATH_MAX_BYTES];
    struct buf mailbox = BUF_OVER(room);
    struct path path;

    p->mail.auth = value;
    if (span_eq(value, SPAN("<>")))
        return true;
    smtp_xtext_put_decoded(&mailbox, value);
    return smtp_xtext_ok(value) && !mailbox.overflow &&
           path_parse_address(buf_span(&mailbox), 0, &path) == PATH_FINE;
}

static bool read_smtputf8(span value, struct params *p)
{
    p->mail.smtputf8 = true;
    return value.p == NULL;
}

static bool read_requiretls(span value, struct params *p)
{
    p->mail.requiretls = true;
    return value.p == NULL;
}

static const struct word notify_words[] = {
    {SPAN_INIT("NEVER"), SMTP_NOTIFY_NEVER},
    {SPAN_INIT("SUCCESS"), SMTP_NOTIFY_SUCCESS},
    {SPAN_INIT("FAILURE"), SMTP_NOTIFY_FAILURE},
    {SPAN_INIT("DELAY"), SMTP_NOTIFY_DELAY},
};

void smtp_notify_put(struct buf *b, unsigned notify)
{
    bool first = true;

    for (size_t i = 0; i < COUNT(notify_words); i++) {
        if ((notify & notify_words[i].value) == 0)
            continue;
        buf_put(b, first ? SPAN_NONE : SPAN(","));
        buf_put(b, notify_words[i].text);
        first = false;
    }
}

static bool read_notify(span value, struct params *p)
{
    span word;

    while (span_split(&value, ',', &word)) {
        unsigned bit = word_value(notify_words, COUNT(notify_words), word);

        if (bit == 0)
            return false;
        p->rcpt.notify |= bit;
    }
    /* NEVER stands alone (RFC 3461 4.1). */
    return p->rcpt.notify != 0 &&
           ((p->rcpt.notify & SMTP_NOTIFY_NEVER) == 0 || p->rcpt.notify == SMTP_NOTIFY_NEVER);
}

/* An address type is an atom (RFC 3461 4.2). */
static bool is_atom(span s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (!ascii_is_alnum(s.p[i]) && !span_has(SPAN("!#$%&'*+-/=?^_`{|}~"), s.p[i]))
            return false;
    }
    return s.n > 0;
}

static bool read_orcpt(span value, struct params *p)
{
    span type = span_head(value, span_find(value, ';'));
    span address = span_skip(value, type.n + 1);

    p->rcpt.orcpt = value;
    if (value.n > SMTP_ORCPT_MAX_BYTES || address.n == 0 || !is_atom(type))
        return false;
    return smtp_xtext_is_utf8(address) || (p->utf8 && smtp_orcpt_utf8_ok(value));
}

/* A parameter, what it belongs to, and who reads it. */
struct row {
    span key;
    unsigned ext;
    bool (*read)(span value, struct params *p);
};

static const struct row mail_rows[] = {
    {SPAN_INIT("SIZE"), SMTP_EXT_SIZE, read_size},
    {SPAN_INIT("BODY"), SMTP_EXT_8BITMIME, read_body},
    {SPAN_INIT("SMTPUTF8"), SMTP_EXT_SMTPUTF8, read_smtputf8},
    {SPAN_INIT("RET"), SMTP_EXT_DSN, read_ret},
    {SPAN_INIT("ENVID"), SMTP_EXT_DSN, read_envid},
    {SPAN_INIT("AUTH"), SMTP_EXT_AUTH, read_auth},
    {SPAN_INIT("REQUIRETLS"), SMTP_EXT_REQUIRETLS, read_requiretls},
};

static const struct row rcpt_rows[] = {
    {SPAN_INIT("NOTIFY"), SMTP_EXT_DSN, read_notify},
    {SPAN_INIT("ORCPT"), SMTP_EXT_DSN, read_orcpt},
};

/* The next KEY[=value] of *rest; the value's pointer is NULL when there is no '='. */
static bool take_param(span *rest, span *out_key, span *out_value)
{
    size_t end = 0;
    span word;
    size_t equals;

    *rest = span_trim(*rest);
    while (end < rest->n && !ascii_is_blank(rest->p[end]))
        end++;
    if (end == 0)
        return false;
    word = span_head(*rest, end);
    *rest = span_skip(*rest, end);
    equals = span_find(word, '=');
    *out_key = span_head(word, equals);
    *out_value = equals < word.n ? span_skip(word, equals + 1) : SPAN_NONE;
    return true;
}

/* A row was found and read its value. */
static enum smtp_param_fault judge(bool fine, unsigned *seen, size_t row)
{
    unsigned bit = 1u << row;
    bool repeated = (*seen & bit) != 0;

    *seen |= bit;
    if (!fine)
        return SMTP_PARAM_BAD;
    return repeated ? SMTP_PARAM_REPEATED : SMTP_PARAM_FINE;
}

static enum smtp_param_fault parse(span text, const struct row *rows, size_t count,
                                   struct params *p)
{
    enum smtp_param_fault fault = SMTP_PARAM_FINE;
    unsigned seen = 0;
    span key;
    span value;

    while (fault == SMTP_PARAM_FINE && take_param(&text, &key, &value)) {
        fault = SMTP_PARAM_UNKNOWN;
        for (size_t i = 0; i < count; i++) {
            if ((p->ext & rows[i].ext) != 0 && span_ieq(key, rows[i].key))
                fault = judge(rows[i].read(value, p), &seen, i);
        }
    }
    return fault;
}

enum smtp_param_fault smtp_mail_params_parse(span text, unsigned ext,
                                             struct smtp_mail_params *out_params)
{
    struct params p = {.ext = ext};
    enum smtp_param_fault fault = parse(text, mail_rows, COUNT(mail_rows), &p);

    if (fault == SMTP_PARAM_FINE)
        *out_params = p.mail;
    return fault;
}

enum smtp_param_fault smtp_rcpt_params_parse(span text, unsigned ext, bool utf8,
                                             struct smtp_rcpt_params *out_params)
{
    struct params p = {.ext = ext, .utf8 = utf8};
    enum smtp_param_fault fault = parse(text, rcpt_rows, COUNT(rcpt_rows), &p);

    if (fault == SMTP_PARAM_FINE)
        *out_params = p.rcpt;
    return fault;
}
