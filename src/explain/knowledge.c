/* SPDX-License-Identifier: ISC */
#include "explain/knowledge.h"

#include "base/escape.h"

static const char *const who_texts[EXPLAIN_WHO_COUNT] = {
    [EXPLAIN_SENDER] = "sender",       [EXPLAIN_RECEIVER] = "receiver",
    [EXPLAIN_RECIPIENT] = "recipient", [EXPLAIN_NETWORK] = "network",
    [EXPLAIN_AUTHOR] = "author",       [EXPLAIN_NOBODY] = "nobody",
    [EXPLAIN_UNDECIDED] = "undecided",
};

const char *explain_who_text(enum explain_who who)
{
    return who_texts[who];
}

const struct explain_page *explain_page_find(span id)
{
    size_t low = 0, high = explain_page_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = span_cmp(id, span_cstr(explain_pages[middle].id));

        if (order == 0)
            return &explain_pages[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

/* The placeholders of the pages: each names a field of explain_facts. */
static const struct {
    span name;
    size_t at;
    const char *empty; /* what stands for a fact that is not known; NULL: nothing */
} places[] = {
    {SPAN_INIT("greeting"), offsetof(struct explain_facts, greeting), NULL},
    {SPAN_INIT("client"), offsetof(struct explain_facts, client), NULL},
    {SPAN_INIT("kind"), offsetof(struct explain_facts, kind), "name"},
    {SPAN_INIT("ptr"), offsetof(struct explain_facts, ptr), "no reverse name"},
    {SPAN_INIT("server"), offsetof(struct explain_facts, server), NULL},
    {SPAN_INIT("domain"), offsetof(struct explain_facts, domain), NULL},
    {SPAN_INIT("verb"), offsetof(struct explain_facts, verb), "EHLO"},
    {SPAN_INIT("reference"), offsetof(struct explain_facts, reference), NULL},
    {SPAN_INIT("url"), offsetof(struct explain_facts, url), NULL},
};

/* Put the fact that `name` names; false when it is empty and nothing stands for it. Other braces
 * are the text's own. */
static bool put_fact(struct buf *b, span name, const struct explain_facts *facts)
{
    for (size_t i = 0; i < COUNT(places); i++) {
        span value;

        if (!span_eq(name, places[i].name))
            continue;
        memcpy(&value, (const char *)facts + places[i].at, sizeof value);
        if (value.n != 0)
            escape_text(b, value, EXPLAIN_QUOTE_BYTES);
        else if (places[i].empty != NULL)
            buf_put(b, span_cstr(places[i].empty));
        else
            return false;
        return true;
    }
    buf_printf(b, "{%.*s}", SPAN_ARG(name));
    return true;
}

/* Put one piece without [[ ]]; false when a fact in it was missing. */
static bool put_piece(struct buf *b, span piece, const struct explain_facts *facts)
{
    bool whole = true;

    while (piece.n != 0) {
        size_t brace = span_find(piece, '{'), end = span_find(piece, '}');

        buf_put(b, span_head(piece, brace));
        if (brace >= piece.n || end < brace)
            break;
        whole &= put_fact(b, span_of(piece.p + brace + 1, end - brace - 1), facts);
        piece = span_skip(piece, end + 1);
    }
    return whole;
}

void explain_fill(struct buf *b, const char *text, const struct explain_facts *facts)
{
    span rest = span_cstr(text);

    while (rest.n != 0) {
        size_t open = span_search(rest, SPAN("[[")), close, before;

        put_piece(b, span_head(rest, open), facts);
        rest = span_skip(rest, open + 2);
        if (rest.n == 0)
            break;
        close = span_search(rest, SPAN("]]"));
        before = b->n;
        if (!put_piece(b, span_head(rest, close), facts) && !b->overflow)
            b->n = before;
        rest = span_skip(rest, close + 2);
    }
}

bool explain_reply(const struct explain_page *page, const struct explain_facts *facts,
                   struct buf *b, struct explain_reply *out_reply)
{
    struct explain_reply r = {.code = 550, .enhanced = "5.7.1"};
    const char *const title[] = {page->title, NULL};
    const char *const *texts = page->texts[0] != NULL ? page->texts : title;

    if (page->code != 0) {
        r.code = page->code;
        r.enhanced = page->enhanced;
    }
    for (; r.lines < EXPLAIN_REPLY_LINES && texts[r.lines] != NULL; r.lines++) {
        size_t from = b->n;

        explain_fill(b, texts[r.lines], facts);
        r.line[r.lines] = span_head(span_of(b->p + from, b->n - from), EXPLAIN_LINE_BYTES);
    }
    if (b->overflow)
        return false;
    *out_reply = r;
    return true;
}
