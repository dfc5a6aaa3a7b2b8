/* SPDX-License-Identifier: ISC */
/*
 * Every place that could hold a code is weighed by what stands around it; the heaviest wins,
 * the first among equals. Nothing is looked at more than once, so time is linear.
 */
#include "explain/reply.h"

#include "base/ascii.h"
#include "explain/words.h"

/* How far back the words before a code are looked at. */
#define BEFORE_BYTES 24

/* What may stand around a code. A NUL is the end of the text; an n that of "\n" spelt out. */
#define NOT_BEFORE   SPAN("._/@$")
#define BEFORE_REPLY SPAN("\n:\"'(<>=#;|*`n,]")
#define BEHIND_REPLY SPAN(" -\0\r\n")
#define BEFORE_FIELD SPAN("(:\"='")
#define BEHIND_FIELD SPAN(",)\"'}: \0\n")

static char at(span s, size_t i)
{
    return i < s.n ? s.p[i] : '\0';
}

/* "550" at i, not part of a longer number or name. */
static bool is_code(span s, size_t i)
{
    char before = i > 0 ? s.p[i - 1] : ' ';

    if (at(s, i) != '4' && at(s, i) != '5')
        return false;
    if (at(s, i + 1) < '0' || at(s, i + 1) > '7' || !ascii_is_digit(at(s, i + 2)) ||
        ascii_is_alnum(at(s, i + 3)) || at(s, i + 3) == '.' || at(s, i + 3) == '@')
        return false;
    if (before == 'n' && i > 1 && s.p[i - 2] == '\\')
        return true;
    return !ascii_is_alnum(before) && !span_has(NOT_BEFORE, before);
}

/* The last octet before i that is no blank; a line break counts as itself. */
static char before_blanks(span s, size_t i)
{
    while (i > 0 && ascii_is_blank(s.p[i - 1]))
        i--;
    return i > 0 ? s.p[i - 1] : '\n';
}

static bool ends_with_word(span before)
{
    static const span words[] = {SPAN_INIT("said"),   SPAN_INIT("error"),    SPAN_INIT("returned"),
                                 SPAN_INIT("status"), SPAN_INIT("response"), SPAN_INIT("code"),
                                 SPAN_INIT("reply"),  SPAN_INIT("result"),   SPAN_INIT("with")};

    before = span_trim(before);
    for (size_t i = 0; i < COUNT(words); i++)
        if (span_iends(before, words[i]))
            return true;
    return false;
}

static span before_of(span s, size_t i)
{
    size_t n = min_size(i, BEFORE_BYTES);

    return span_of(s.p + i - n, n);
}

/* How much the place looks like the beginning of a reply; 0 when it is none. */
static unsigned weigh(span s, size_t i)
{
    char before = before_blanks(s, i), after = at(s, i + 3);
    size_t enhanced, skip = at(s, i + 4) == '#' || at(s, i + 4) == '(' ? 5 : 4;
    unsigned weight = 0;

    if (!span_has(BEHIND_REPLY, after))
        return 0;
    /* A port or a process number: "[192.0.2.1]:587 ", "smtpd[550]". */
    if (before == ':' && i > 0 && s.p[i - 1] == ':' && i > 1 &&
        (s.p[i - 2] == ']' || ascii_is_digit(s.p[i - 2])))
        return 0;
    if (span_iends(before_of(s, i), SPAN("port ")))
        return 0;
    if (span_has(BEFORE_REPLY, before))
        weight += 3;
    if (span_iends(before_of(s, i), SPAN("<<< ")) || span_iends(before_of(s, i), SPAN("said: ")))
        weight += 3;
    enhanced = words_enhanced(s, i + skip);
    if (enhanced != 0 && s.p[i + skip] == s.p[i])
        weight += 3;
    if (ends_with_word(before_of(s, i)))
        weight += 2;
    if (after == '-')
        weight += ascii_is_alnum(at(s, i + 4)) ? 1 : 0;
    return weight + (ascii_is_alnum(at(s, i + 4)) || at(s, i + 4) == '<' ? 1 : 0);
}

/* A code that stands in a field of its own: responseCode: 550, (550, b'...'), code "550". */
static bool is_field(span s, size_t i)
{
    return span_has(BEHIND_FIELD, at(s, i + 3)) &&
           (span_has(BEFORE_FIELD, before_blanks(s, i)) || ends_with_word(before_of(s, i)));
}

static unsigned code_at(span s, size_t i)
{
    return (unsigned)(s.p[i] - '0') * 100 + (unsigned)(s.p[i + 1] - '0') * 10 +
           (unsigned)(s.p[i + 2] - '0');
}

/* Does the line at i go on with the reply: the same code, an arrow and the code, or a fold? */
static bool goes_on(span s, size_t i, span code)
{
    size_t from = i;

    while (ascii_is_blank(at(s, i)) || at(s, i) == '<' || at(s, i) == '>' || at(s, i) == '|')
        i++;
    if (span_starts(span_skip(s, i), code))
        return true;
    return i > from && at(s, from) != '<' && at(s, from) != '>' && i < s.n && s.p[i] != '\n' &&
           s.p[i] != '\r';
}

/* Where what the server said ends: at a line that does not go on, or at the reporter's own words.
 */
static size_t reply_end(span s, size_t from)
{
    static const span marks[] = {SPAN_INIT(" (in reply to"), SPAN_INIT("; from=<"),
                                 SPAN_INIT("\" }"), SPAN_INIT("', responseCode")};
    span code = span_of(s.p + from, 3), rest;
    size_t end = from;

    while (end < s.n) {
        end += span_find(span_skip(s, end), '\n');
        if (end >= s.n || !goes_on(s, end + 1, code))
            break;
        end++;
    }
    end = min_size(end, s.n);
    rest = span_of(s.p + from, end - from);
    for (size_t i = 0; i < COUNT(marks); i++)
        rest = span_head(rest, span_search(rest, marks[i]));
    return from + rest.n;
}

/* An enhanced code in s, of the class of `code` (any when 0). */
static span find_enhanced(span s, unsigned code)
{
    for (size_t i = 0; i + 4 < s.n; i++) {
        char before = i > 0 ? s.p[i - 1] : ' ';
        size_t n;

        if (!ascii_is_digit(s.p[i]) || ascii_is_alnum(before) || before == '.' || before == '/')
            continue;
        if (code != 0 ? (unsigned)(s.p[i] - '0') != code / 100 : s.p[i] == '2')
            continue;
        n = words_enhanced(s, i);
        if (n != 0 && span_isearch(before_of(s, i), SPAN("rfc")) == before_of(s, i).n &&
            span_isearch(before_of(s, i), SPAN("version")) == before_of(s, i).n)
            return span_of(s.p + i, n);
    }
    return SPAN_NONE;
}

/* Python's "(501, b'words')": the words up to the quote that ends them; empty when it is no such.
 */
static span quoted_words(span s, size_t i)
{
    span rest = span_skip(s, i + 3);
    char quote;

    if (!span_starts(rest, SPAN(", ")))
        return SPAN_NONE;
    rest = span_skip(rest, rest.n > 2 && rest.p[2] == 'b' ? 3 : 2);
    quote = rest.n > 0 ? rest.p[0] : '\0';
    if (quote != '\'' && quote != '"')
        return SPAN_NONE;
    return span_head(span_skip(rest, 1), span_find(span_skip(rest, 1), quote));
}

/* What stands behind words that announce the server's own, where its code was dropped. */
static span announced(span text)
{
    static const span marks[] = {SPAN_INIT("The server response was:"),
                                 SPAN_INIT("Remote host said:")};

    for (size_t i = 0; i < COUNT(marks); i++) {
        size_t at = span_isearch(text, marks[i]);

        if (at < text.n)
            return span_trim(span_skip(text, at + marks[i].n));
    }
    return SPAN_NONE;
}

void reply_find(span text, struct reply_found *out)
{
    unsigned best = 0, field = 0;
    size_t from = 0;

    *out = (struct reply_found){0};
    for (size_t i = 0; i + 3 <= text.n; i++) {
        unsigned weight;

        if (!is_code(text, i))
            continue;
        weight = weigh(text, i);
        if (weight > best) {
            best = weight;
            from = i;
        }
        if (field == 0 && is_field(text, i)) {
            field = code_at(text, i);
            out->text = quoted_words(text, i);
        }
    }
    if (best >= 2) {
        out->code = code_at(text, from);
        out->text = span_of(text.p + from, reply_end(text, from) - from);
        out->enhanced = find_enhanced(out->text, out->code);
    } else {
        out->code = field;
        if (out->text.n == 0)
            out->text = announced(text);
    }
    if (out->enhanced.n == 0)
        out->enhanced = find_enhanced(text, out->code);
}
