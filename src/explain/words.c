/* SPDX-License-Identifier: ISC */
#include "explain/words.h"

#include "base/ascii.h"

/* The longest thing in angle brackets or with dots that is taken as one name. */
#define NAME_MAX_BYTES 320

static char at(span s, size_t i)
{
    return i < s.n ? s.p[i] : '\0';
}

static bool is_alnum(char c)
{
    return ascii_is_alnum(c) || ascii_is_high(c);
}

/* What a name, a mailbox or an address may be made of. */
static bool is_name(char c)
{
    return is_alnum(c) || c == '.' || c == '-' || c == '_';
}

static size_t digits(span s, size_t i)
{
    size_t from = i;

    while (ascii_is_digit(at(s, i)))
        i++;
    return i - from;
}

size_t words_enhanced(span s, size_t from)
{
    size_t i = from + 1, subject, detail;

    if (at(s, from) < '2' || at(s, from) > '5' || at(s, from) == '3' || at(s, i++) != '.')
        return 0;
    subject = digits(s, i);
    if (subject == 0 || subject > 3 || at(s, i + subject) != '.')
        return 0;
    i += subject + 1;
    detail = digits(s, i);
    i += detail;
    if (detail == 0 || detail > 3 || ascii_is_alnum(at(s, i)) || at(s, i) == '_' ||
        (at(s, i) == '.' && ascii_is_digit(at(s, i + 1))))
        return 0;
    return i - from;
}

/* A reply code at i, with what stands behind it: a blank, a hyphen, a sharp or the end. */
static size_t reply_code(span s, size_t i)
{
    char first = at(s, i), next = at(s, i + 3);

    if ((first != '4' && first != '5') || digits(s, i) != 3 || at(s, i + 1) > '7')
        return 0;
    return next == '\0' || next == ' ' || next == '-' || next == '\r' || next == '\n' ? 3 : 0;
}

size_t words_code(span s, size_t i)
{
    size_t n = reply_code(s, i), enhanced;
    size_t skip;

    if (n == 0)
        return words_enhanced(s, i);
    skip = at(s, i + n) == ' ' || at(s, i + n) == '-' || at(s, i + n) == '#' ? 1 : 0;
    if (at(s, i + n + skip) == '#')
        skip++;
    enhanced = words_enhanced(s, i + n + skip);
    return enhanced != 0 ? n + skip + enhanced : n;
}

/* The end of an IPv6 address (or of one in disguise) at i: at least two colons, hex digits. */
static size_t ipv6_end(span s, size_t i, size_t *out_looked)
{
    size_t from = i, colons = 0;

    while (i < s.n && i - from < 46 && (ascii_hex(s.p[i]) >= 0 || s.p[i] == ':' || s.p[i] == '.')) {
        if (s.p[i] == ':')
            colons++;
        i++;
    }
    *out_looked = i;
    while (i > from && (s.p[i - 1] == '.' || (s.p[i - 1] == ':' && at(s, i - 2) != ':')))
        i--;
    return colons >= 2 && !is_alnum(at(s, i)) && at(s, i) != ':' ? i : from;
}

static size_t ipv4_end(span s, size_t i)
{
    for (unsigned part = 0; part < 4; part++) {
        size_t n = digits(s, i);

        if (n == 0 || n > 3 || (part < 3 && at(s, i + n) != '.'))
            return 0;
        i += n + (part < 3 ? 1 : 0);
    }
    return is_alnum(at(s, i)) || (at(s, i) == '.' && is_alnum(at(s, i + 1))) ? 0 : i;
}

/* Two small letters and then a capital: a word of a program, not a host. */
static bool is_camel(span s)
{
    for (size_t i = 1; i < s.n; i++)
        if (ascii_is_upper(s.p[i]) && !ascii_is_upper(s.p[i - 1]) && ascii_is_alpha(s.p[i - 1]))
            return true;
    return false;
}

/* "denied.Please": the end of a sentence without its blank. */
static bool is_new_sentence(span last)
{
    return last.n > 1 && ascii_is_upper(last.p[0]) && !ascii_is_upper(last.p[1]);
}

/* Is this run of name octets a dotted host name? */
static bool is_host(span s)
{
    span last = span_skip(s, span_rfind(s, '.') + 1);

    if (span_has(s, '.') == false || s.p[0] == '.' || last.n < 2 || last.n > 24)
        return false;
    for (size_t i = 0; i < last.n; i++)
        if (!ascii_is_alpha(last.p[i]) && last.p[i] != '-' && !ascii_is_digit(last.p[i]))
            return false;
    return ascii_is_alpha(last.p[0]) && !is_camel(last) && !is_new_sentence(last);
}

/* <name>, <name[address]>, <local@domain>: no blanks, not too long; 0 when it is no such thing. */
static size_t angle_end(span s, size_t i, enum word_class *out_is)
{
    size_t j = i + 1;
    bool mailbox = false;

    while (j < s.n && j - i < NAME_MAX_BYTES && s.p[j] != '>' && s.p[j] != '<' &&
           !ascii_is_blank(s.p[j]) && !ascii_is_control(s.p[j]))
        mailbox |= s.p[j++] == '@';
    if (at(s, j) != '>' || at(s, i + 1) == '/')
        return 0;
    *out_is = mailbox ? WORD_MAILBOX : WORD_NAME;
    return j + 1;
}

/* "RFC2821", "RFC", and its number behind it. */
static bool names_rfc(const struct words *w, span word)
{
    return span_istarts(word, SPAN("rfc")) || (w->rfc && word.n >= 3 && digits(word, 0) == word.n);
}

static bool give(struct words *w, struct word *out, enum word_class is, size_t from, size_t end)
{
    w->rfc = names_rfc(w, span_of(w->text.p + from, end - from));
    *out = (struct word){is, at(w->text, end) == '=', from, end, ++w->place};
    w->at = end;
    return true;
}

/* A name's last dot belongs to the sentence. */
static size_t name_end(span s, size_t i)
{
    size_t from = i;

    while (i - from < NAME_MAX_BYTES && is_name(at(s, i)))
        i++;
    while (i > from && (s.p[i - 1] == '.' || s.p[i - 1] == '-' || s.p[i - 1] == '_'))
        i--;
    return i;
}

/* local@domain or local@[literal], when `i` is where the local part ends. */
static size_t mailbox_end(span s, size_t i)
{
    if (at(s, i) != '@' || (!is_alnum(at(s, i + 1)) && at(s, i + 1) != '['))
        return 0;
    i++;
    while (is_name(at(s, i)) || at(s, i) == '[' || at(s, i) == ']' || at(s, i) == ':')
        i++;
    while (s.p[i - 1] == '.' || s.p[i - 1] == ':')
        i--;
    return i;
}

/* "doesn't", "sender's": an apostrophe inside a word has a letter or two behind it. */
static bool is_inner_apostrophe(span s, size_t i)
{
    if (at(s, i) != '\'' || !ascii_is_alpha(at(s, i + 1)))
        return false;
    return !is_alnum(at(s, i + 2)) || !is_alnum(at(s, i + 3));
}

static bool is_small(char c)
{
    return ascii_is_alpha(c) && !ascii_is_upper(c);
}

/*
 * Is there a CamelCase joint before i? "HeloHost" has one, "SMTPHelo" has one before the H,
 * "rDNS", "FCrDNS" and "IPs" have none.
 */
static bool is_joint(span s, size_t from, size_t i)
{
    if (i == from || !ascii_is_upper(s.p[i]))
        return false;
    if (is_small(s.p[i - 1]))
        return i > from + 1 && is_small(s.p[i - 2]);
    return ascii_is_upper(s.p[i - 1]) && is_small(at(s, i + 1)) && is_small(at(s, i + 2));
}

/* Where a word of letters and digits ends: at a CamelCase joint too. */
static size_t plain_end(span s, size_t i)
{
    size_t from = i;

    while ((is_alnum(at(s, i)) && !is_joint(s, from, i)) || is_inner_apostrophe(s, i))
        i++;
    return i;
}

static bool all_digits(span s)
{
    return digits(s, 0) == s.n;
}

/* An address at i, its end; 0 when there is none. What was looked at in vain is not looked at
 * again. */
static size_t ip_end(struct words *w, size_t i)
{
    size_t end = ipv4_end(w->text, i), looked;

    if (end > i)
        return end;
    if (i < w->no_ip)
        return 0;
    end = ipv6_end(w->text, i, &looked);
    if (end > i)
        return end;
    w->no_ip = looked;
    return 0;
}

/* A mailbox or host name at i: likewise. */
static size_t host_end(struct words *w, size_t i, enum word_class *out_is)
{
    span s = w->text;
    size_t end, mailbox;

    if (i < w->no_name)
        return 0;
    end = name_end(s, i);
    mailbox = mailbox_end(s, end);
    *out_is = mailbox != 0 ? WORD_MAILBOX : WORD_HOST;
    if (mailbox != 0)
        return mailbox;
    if (is_host(span_of(s.p + i, end - i)))
        return end;
    w->no_name = end;
    return 0;
}

/* At a letter or digit: a class or a plain word. */
static bool take_word(struct words *w, struct word *out)
{
    span s = w->text;
    size_t i = w->at, end;
    enum word_class is;

    if ((end = ip_end(w, i)) != 0)
        return give(w, out, WORD_IP, i, end);
    if ((end = host_end(w, i, &is)) != 0)
        return give(w, out, is, i, end);
    end = plain_end(s, i);
    return give(w, out, all_digits(span_of(s.p + i, end - i)) ? WORD_NUMBER : WORD_PLAIN, i, end);
}

/* "\n" written as two octets, as in JSON and in wire traces. */
static bool is_escape(span s, size_t i)
{
    char c = at(s, i + 1);

    return s.p[i] == '\\' && (c == 'n' || c == 'r' || c == 't');
}

/* Is there a code to leave out at i, and does no name or number go on into it? */
static size_t code_here(span s, size_t i)
{
    char before = i > 0 ? s.p[i - 1] : ' ';

    if (!ascii_is_digit(s.p[i]) || is_alnum(before) || before == '.' || before == '_')
        return 0;
    return words_code(s, i);
}

/* The end of a sentence: a full stop, a question or an exclamation mark with a blank behind. */
static bool is_stop(span s, size_t i)
{
    return (s.p[i] == '.' || s.p[i] == '?' || s.p[i] == '!' || s.p[i] == ';') &&
           (at(s, i + 1) == ' ' || at(s, i + 1) == '\n' || at(s, i + 1) == '\0');
}

bool words_next(struct words *w, struct word *out)
{
    span s = w->text;

    while (w->at < s.n) {
        enum word_class is;
        size_t end;

        if (!w->rfc && (end = code_here(s, w->at)) != 0) {
            w->at += end;
        } else if (is_alnum(s.p[w->at])) {
            return take_word(w, out);
        } else if (s.p[w->at] == '<' && (end = angle_end(s, w->at, &is)) != 0) {
            return give(w, out, is, w->at, end);
        } else if (s.p[w->at] == ':' && (end = ip_end(w, w->at)) != 0) {
            return give(w, out, WORD_IP, w->at, end);
        } else {
            w->place += is_stop(s, w->at) ? SENTENCE_GAP : 0;
            w->at += is_escape(s, w->at) ? 2 : 1;
        }
    }
    return false;
}
