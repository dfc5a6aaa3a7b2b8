/* SPDX-License-Identifier: ISC */
#include "smtp/param.h"

#include "base/ascii.h"
#include "base/num.h"

/* xtext (RFC 3461 4): printable without + and =, or + and two upper-case hexadecimal digits. */
bool smtp_xtext_ok(span s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];

        if (c == '+') {
            if (s.n - i < 3 || ascii_hex(s.p[i + 1]) < 0 || ascii_hex(s.p[i + 2]) < 0)
                return false;
            i += 2;
        } else if (c < '!' || c > '~' || c == '=') {
            return false;
        }
    }
    return true;
}

void smtp_xtext_put_decoded(struct buf *b, span s)
{
    bool encoded = smtp_xtext_ok(s);

    for (size_t i = 0; i < s.n; i++) {
        if (encoded && s.p[i] == '+') {
            buf_putc(b, (char)(ascii_hex(s.p[i + 1]) * 16 + ascii_hex(s.p[i + 2])));
            i += 2;
        } else {
            buf_putc(b, s.p[i]);
        }
    }
}

bool smtp_orcpt_ok(span s)
{
    size_t semicolon = span_find(s, ';');

    return s.n <= SMTP_ORCPT_MAX_BYTES && semicolon > 0 && semicolon + 1 < s.n && smtp_xtext_ok(s);
}

static bool read_size(span value, struct smtp_mail_params *p)
{
    /* 20 digits at most (RFC 1870 4); a number over 64 bits is as good as the largest. */
    if (value.n == 0 || value.n > 20)
        return false;
    for (size_t i = 0; i < value.n; i++) {
        if (!ascii_is_digit(value.p[i]))
            return false;
    }
    if (!num_parse_u64(value, UINT64_MAX, &p->size_bytes))
        p->size_bytes = UINT64_MAX;
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

static bool read_body(span value, struct smtp_mail_params *p)
{
    static const struct word words[] = {
        {SPAN_INIT("7BIT"), SMTP_BODY_7BIT},
        {SPAN_INIT("8BITMIME"), SMTP_BODY_8BITMIME},
        {SPAN_INIT("BINARYMIME"), SMTP_BODY_BINARYMIME},
    };

    p->body = word_value(words, COUNT(words), value);
    return p->body != SMTP_BODY_UNSAID;
}

static bool read_ret(span value, struct smtp_mail_params *p)
{
    static const struct word words[] = {
        {SPAN_INIT("FULL"), SMTP_RET_FULL},
        {SPAN_INIT("HDRS"), SMTP_RET_HDRS},
    };

    p->ret = word_value(words, COUNT(words), value);
    return p->ret != SMTP_RET_UNSAID;
}

static bool read_envid(span value, struct smtp_mail_params *p)
{
    p->envid = value;
    return value.n > 0 && value.n <= SMTP_ENVID_MAX_BYTES && smtp_xtext_ok(value);
}

static bool read_auth(span value, struct smtp_mail_params *p)
{
    p->auth = value;
    return value.n > 0 && smtp_xtext_ok(value);
}

static bool read_smtputf8(span value, struct smtp_mail_params *p)
{
    p->smtputf8 = true;
    return value.p == NULL;
}

static bool read_requiretls(span value, struct smtp_mail_params *p)
{
    p->requiretls = true;
    return value.p == NULL;
}

static bool read_notify(span value, struct smtp_rcpt_params *p)
{
    static const struct word words[] = {
        {SPAN_INIT("NEVER"), SMTP_NOTIFY_NEVER},
        {SPAN_INIT("SUCCESS"), SMTP_NOTIFY_SUCCESS},
        {SPAN_INIT("FAILURE"), SMTP_NOTIFY_FAILURE},
        {SPAN_INIT("DELAY"), SMTP_NOTIFY_DELAY},
    };
    span word;

    while (span_split(&value, ',', &word)) {
        unsigned bit = word_value(words, COUNT(words), word);

        if (bit == 0)
            return false;
        p->notify |= bit;
    }
    /* NEVER stands alone (RFC 3461 4.1). */
    return p->notify != 0 &&
           ((p->notify & SMTP_NOTIFY_NEVER) == 0 || p->notify == SMTP_NOTIFY_NEVER);
}

static bool read_orcpt(span value, struct smtp_rcpt_params *p)
{
    p->orcpt = value;
    return smtp_orcpt_ok(value);
}

/* What each parameter belongs to, and who reads it. */
static const struct {
    span key;
    unsigned ext;
    bool (*read)(span value, struct smtp_mail_params *p);
} mail_rows[] = {
    {SPAN_INIT("SIZE"), SMTP_EXT_SIZE, read_size},
    {SPAN_INIT("BODY"), SMTP_EXT_8BITMIME, read_body},
    {SPAN_INIT("SMTPUTF8"), SMTP_EXT_SMTPUTF8, read_smtputf8},
    {SPAN_INIT("RET"), SMTP_EXT_DSN, read_ret},
    {SPAN_INIT("ENVID"), SMTP_EXT_DSN, read_envid},
    {SPAN_INIT("AUTH"), SMTP_EXT_AUTH, read_auth},
    {SPAN_INIT("REQUIRETLS"), SMTP_EXT_REQUIRETLS, read_requiretls},
};

static const struct {
    span key;
    unsigned ext;
    bool (*read)(span value, struct smtp_rcpt_params *p);
} rcpt_rows[] = {
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

enum smtp_param_fault smtp_mail_params_parse(span text, unsigned ext,
                                             struct smtp_mail_params *out_params)
{
    struct smtp_mail_params p = {0};
    enum smtp_param_fault fault = SMTP_PARAM_FINE;
    unsigned seen = 0;
    span key;
    span value;

    while (fault == SMTP_PARAM_FINE && take_param(&text, &key, &value)) {
        fault = SMTP_PARAM_UNKNOWN;
        for (size_t i = 0; i < COUNT(mail_rows); i++) {
            if ((ext & mail_rows[i].ext) != 0 && span_ieq(key, mail_rows[i].key))
                fault = judge(mail_rows[i].read(value, &p), &seen, i);
        }
    }
    if (fault == SMTP_PARAM_FINE && p.body == SMTP_BODY_BINARYMIME &&
        (ext & SMTP_EXT_BINARYMIME) == 0)
        fault = SMTP_PARAM_BAD;
    if (fault == SMTP_PARAM_FINE)
        *out_params = p;
    return fault;
}

enum smtp_param_fault smtp_rcpt_params_parse(span text, unsigned ext,
                                             struct smtp_rcpt_params *out_params)
{
    struct smtp_rcpt_params p = {0};
    enum smtp_param_fault fault = SMTP_PARAM_FINE;
    unsigned seen = 0;
    span key;
    span value;

    while (fault == SMTP_PARAM_FINE && take_param(&text, &key, &value)) {
        fault = SMTP_PARAM_UNKNOWN;
        for (size_t i = 0; i < COUNT(rcpt_rows); i++) {
            if ((ext & rcpt_rows[i].ext) != 0 && span_ieq(key, rcpt_rows[i].key))
                fault = judge(rcpt_rows[i].read(value, &p), &seen, i);
        }
    }
    if (fault == SMTP_PARAM_FINE)
        *out_params = p;
    return fault;
}
