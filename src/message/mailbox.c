/* SPDX-License-Identifier: ISC */
#include "message/mailbox.h"

#include "base/ascii.h"

static bool is_space(char c)
{
    return ascii_is_blank(c) || c == '\r' || c == '\n';
}

/* Take a comment with those in it; false: it does not end. */
static bool take_comment(span *rest)
{
    unsigned depth = 0;

    while (rest->n != 0) {
        char c = rest->p[0];

        if (c == '\\' && rest->n > 1)
            *rest = span_skip(*rest, 1);
        *rest = span_skip(*rest, 1);
        if (c == '(' && ++depth > MAILBOX_DEPTH_MAX)
            return false;
        if (c == ')' && --depth == 0)
            return true;
    }
    return false;
}

/* Blanks, folds and comments. */
static bool skip_cfws(span *rest)
{
    while (rest->n != 0) {
        if (rest->p[0] == '(') {
            if (!take_comment(rest))
                return false;
        } else if (is_space(rest->p[0])) {
            *rest = span_skip(*rest, 1);
        } else {
            break;
        }
    }
    return true;
}

/* A quoted string with its quotes. */
static bool take_quoted(span *rest, span *out)
{
    for (size_t i = 1; i < rest->n; i++) {
        if (rest->p[i] == '\\')
            i++;
        else if (rest->p[i] == '"') {
            *out = span_head(*rest, i + 1);
            *rest = span_skip(*rest, i + 1);
            return true;
        }
    }
    return false;
}

static bool is_special(char c)
{
    return ascii_is_control(c) || c == ' ' || span_has(SPAN("()<>[]:;@\\,\""), c);
}

/* Octets up to a special one: an atom with dots, as "john.doe" or "J." are. */
static bool take_atom(span *rest, span *out)
{
    size_t n = 0;

    while (n < rest->n && !is_special(rest->p[n]))
        n++;
    *out = span_head(*rest, n);
    *rest = span_skip(*rest, n);
    return n != 0;
}

static bool take_word(span *rest, span *out)
{
    if (rest->n != 0 && rest->p[0] == '"')
        return take_quoted(rest, out);
    return take_atom(rest, out);
}

/* What stands in angle brackets must be an address and nothing else. */
static bool take_angle(span *rest, struct path *out)
{
    span at = span_skip(*rest, 1), quoted, inner;

    for (;;) {
        if (at.n == 0)
            return false;
        if (at.p[0] == '>')
            break;
        if (at.p[0] == '"') {
            if (!take_quoted(&at, &quoted))
                return false;
        } else {
            at = span_skip(at, 1);
        }
    }
    inner = span_of(rest->p + 1, (size_t)(at.p - rest->p) - 1);
    *rest = span_skip(at, 1);
    return path_parse_address(inner, PATH_ALLOW_UTF8, out) == PATH_FINE;
}

/* "word@domain": local is the word that was read, *rest begins with the "@". */
static bool take_bare(span local, span *rest, struct path *out)
{
    span domain;

    if (local.p + local.n != rest->p)
        return false; /* a comment or blank between them */
    *rest = span_skip(*rest, 1);
    if (rest->n != 0 && rest->p[0] == '[') {
        size_t n = span_find(*rest, ']');

        if (n == rest->n)
            return false;
        domain = span_head(*rest, n + 1);
        *rest = span_skip(*rest, n + 1);
    } else if (!take_atom(rest, &domain)) {
        return false;
    }
    return path_parse_address(span_of(local.p, local.n + 1 + domain.n), PATH_ALLOW_UTF8, out) ==
           PATH_FINE;
}

/* A separator or the end must follow an address; the separator is taken. */
static bool take_end(struct mailbox_walk *w)
{
    if (!skip_cfws(&w->rest))
        return false;
    if (w->rest.n == 0)
        return !w->in_group;
    if (w->rest.p[0] == ';' && w->in_group)
        return true; /* read as an element of its own */
    if (w->rest.p[0] != ',')
        return false;
    w->rest = span_skip(w->rest, 1);
    return true;
}

/* What begins with words: a display name, the name of a group, or an address as it is. */
static enum mailbox_next take_mailbox(struct mailbox_walk *w, struct path *out)
{
    span word = SPAN_NONE;
    unsigned words = 0;

    while (w->rest.n != 0 && take_word(&w->rest, &word)) {
        words++;
        if (w->rest.n != 0 && w->rest.p[0] == '@')
            break;
        if (!skip_cfws(&w->rest))
            return MAILBOX_BAD;
    }
    if (w->rest.n == 0)
        return MAILBOX_BAD;
    if (w->rest.p[0] == ':' && words != 0 && !w->in_group) {
        w->in_group = true;
        w->rest = span_skip(w->rest, 1);
        return MAILBOX_END;
    }
    if (w->rest.p[0] == '<')
        return take_angle(&w->rest, out) && take_end(w) ? MAILBOX_ONE : MAILBOX_BAD;
    if (w->rest.p[0] == '@' && words == 1)
        return take_bare(word, &w->rest, out) && take_end(w) ? MAILBOX_ONE : MAILBOX_BAD;
    return MAILBOX_BAD;
}

/* An empty element, or the end of a group. */
static bool take_empty(struct mailbox_walk *w)
{
    if (w->rest.p[0] == ';' && w->in_group)
        w->in_group = false;
    else if (w->rest.p[0] != ',')
        return false;
    w->rest = span_skip(w->rest, 1);
    return true;
}

enum mailbox_next mailbox_next(struct mailbox_walk *w, struct path *out_address)
{
    enum mailbox_next next = MAILBOX_END;

    while (!w->bad && next == MAILBOX_END) {
        if (!skip_cfws(&w->rest)) {
            w->bad = true;
        } else if (w->rest.n == 0) {
            w->bad = w->in_group;
            return w->bad ? MAILBOX_BAD : MAILBOX_END;
        } else if (!take_empty(w)) {
            next = take_mailbox(w, out_address);
            w->bad = next == MAILBOX_BAD;
        }
    }
    return w->bad ? MAILBOX_BAD : next;
}
