/* SPDX-License-Identifier: ISC */
#include "script.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/ascii.h"
#include "base/num.h"
#include "smtp/ext.h"

static void die(span line, const char *why)
{
    fprintf(stderr, "transcript: %s: %.*s\n", why, SPAN_ARG(line));
    exit(2);
}

/* \r \n \t \0 \\ \xHH at the front of *s. */
static char take_escape(span *s)
{
    static const char names[] = "rnt0\\{";
    static const char octets[] = "\r\n\t\0\\{";
    size_t at;

    if (s->n >= 4 && s->p[1] == 'x') {
        char c = (char)(ascii_hex(s->p[2]) << 4 | ascii_hex(s->p[3]));

        *s = span_skip(*s, 4);
        return c;
    }
    at = s->n > 1 ? span_find(span_of(names, 6), s->p[1]) : 6;
    if (at == 6)
        die(*s, "unknown escape");
    *s = span_skip(*s, 2);
    return octets[at];
}

void script_unescape(struct buf *b, span s)
{
    while (s.n > 0) {
        if (s.p[0] == '\\') {
            buf_putc(b, take_escape(&s));
        } else if (s.p[0] == '{') {
            size_t end = span_find(s, '}');
            size_t star = span_rfind(span_head(s, end), '*');
            uint64_t times;

            if (!num_parse_u64(span_of(s.p + star + 1, end - star - 1), 100000, &times))
                die(s, "{text*N} expected");
            while (times-- > 0)
                script_unescape(b, span_of(s.p + 1, star - 1));
            s = span_skip(s, end + 1);
        } else {
            buf_putc(b, s.p[0]);
            s = span_skip(s, 1);
        }
    }
}

static struct item *add_item(struct script *s, enum item_kind kind)
{
    struct item *item = &s->items[s->item_count++];

    if (s->item_count > SCRIPT_ITEMS)
        die(s->title, "too many lines");
    *item = (struct item){.kind = kind, .ours = s->ours.n};
    return item;
}

static void add_peer(struct script *s, span text, bool crlf, struct arena *pool)
{
    char *room = malloc(SCRIPT_BYTES);
    struct buf b = buf_over(room, SCRIPT_BYTES);

    script_unescape(&b, text);
    if (crlf)
        buf_put(&b, SPAN("\r\n"));
    add_item(s, ITEM_OCTETS)->octets = arena_copy(pool, buf_span(&b));
    free(room);
    if (b.overflow || pool->overflow)
        die(text, "too long");
}

static void smtp_line(struct script *s, span line, struct arena *pool)
{
    char peer = s->role_client ? 'S' : 'C';
    bool crlf = line.n > 1 && line.p[1] == ':';
    span text = span_skip(line, line.n > 2 && line.p[2] == ' ' ? 3 : 2);
    uint64_t seconds;

    if (span_starts(line, SPAN("T+ "))) {
        if (!num_parse_u64(span_trim(text), 1000000, &seconds))
            die(line, "seconds expected");
        add_item(s, ITEM_TIME)->seconds = (int64_t)seconds;
    } else if (span_eq(span_trim(line), SPAN("EOF"))) {
        add_item(s, ITEM_EOF);
    } else if (span_eq(span_trim(line), SPAN("TLS"))) {
        add_item(s, ITEM_TLS);
    } else if (line.n < 2 || (line.p[0] != 'S' && line.p[0] != 'C')) {
        die(line, "S: or C: expected");
    } else if (line.p[0] == peer) {
        add_peer(s, text, crlf, pool);
    } else {
        script_unescape(&s->ours, text);
        if (crlf)
            buf_put(&s->ours, SPAN("\r\n"));
    }
}

/* "reply rcpt bob@example.net = 550 5.1.1 unknown" or "key = value" */
static void conf_line(struct script *s, span line)
{
    size_t equals = span_search(line, SPAN(" = "));
    span left = span_trim(span_head(line, equals));
    span right = span_trim(span_skip(line, equals + 3));
    struct script_rule *row;
    span word;

    if (equals == line.n)
        die(line, "no ' = ' in the line");
    if (span_starts(left, SPAN("reply "))) {
        row = &s->rules[s->rule_count++];
        left = span_skip(left, 6);
        (void)span_split(&left, ' ', &word);
        *row = (struct script_rule){word, left, right};
    } else {
        row = &s->settings[s->setting_count++];
        *row = (struct script_rule){left, SPAN_NONE, right};
        if (span_eq(left, SPAN("role")))
            s->role_client = span_eq(right, SPAN("client"));
    }
    if (s->rule_count >= SCRIPT_RULES || s->setting_count >= SCRIPT_RULES)
        die(line, "too many settings");
}

static void clear(struct script *s)
{
    s->item_count = 0;
    s->setting_count = 0;
    s->rule_count = 0;
    s->has_events = false;
    s->role_client = false;
    buf_reset(&s->ours);
    buf_reset(&s->events);
}

bool script_next(span *text, struct script *s, struct arena *pool)
{
    span block = SPAN_NONE;
    span rest = *text;
    span line;
    bool found = false;

    clear(s);
    while (span_line(&rest, &line)) {
        if (span_starts(line, SPAN("### "))) {
            if (found)
                break;
            found = true;
            s->title = span_skip(line, 4);
        } else if (span_starts(line, SPAN("```"))) {
            block = block.n == 0 ? span_skip(line, 3) : SPAN_NONE;
            s->has_events = s->has_events || span_eq(block, SPAN("events"));
        } else if (span_eq(block, SPAN("conf"))) {
            conf_line(s, line);
        } else if (span_eq(block, SPAN("smtp"))) {
            smtp_line(s, line, pool);
        } else if (span_eq(block, SPAN("events"))) {
            buf_put(&s->events, line);
            buf_putc(&s->events, '\n');
        }
        *text = rest;
    }
    return found;
}

span script_setting(const struct script *s, const char *key)
{
    for (size_t i = 0; i < s->setting_count; i++) {
        if (span_eq(s->settings[i].what, span_cstr(key)))
            return s->settings[i].reply;
    }
    return SPAN_NONE;
}

uint64_t script_number(const struct script *s, const char *key, uint64_t otherwise)
{
    span value = script_setting(s, key);
    uint64_t n = otherwise;

    if (value.n > 0 && !num_parse_u64(value, UINT64_MAX, &n))
        die(value, "a number expected");
    return n;
}

unsigned script_ext(span words)
{
    unsigned set = 0;
    span word;

    while (span_split(&words, ' ', &word))
        set |= smtp_ext_parse(word).ext;
    return set;
}

size_t script_octets(const struct script *s)
{
    size_t n = 0;

    for (size_t i = 0; i < s->item_count; i++)
        n += s->items[i].octets.n;
    return n;
}
