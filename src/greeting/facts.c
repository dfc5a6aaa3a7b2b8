/* SPDX-License-Identifier: ISC */
#include "greeting/facts.h"

_Static_assert((int)GREETING_FACT_COUNT <= (int)HISTORY_NAMES_HOUR, "grounds stand behind facts");

#define WORD(id, word) [id] = SPAN_INIT(word),

/* clang-format off */
static const span words_SYNTAX[] = {GREETING_SYNTAX_LIST(WORD)};
static const span words_FORM[] = {GREETING_FORM_LIST(WORD)};
static const span words_PASS[] = {GREETING_PASS_LIST(WORD)};
static const span words_RESOLVES[] = {GREETING_RESOLVES_LIST(WORD)};
static const span words_SCOPE[] = {GREETING_SCOPE_LIST(WORD)};
static const span words_PRESENT[] = {GREETING_PRESENT_LIST(WORD)};
static const span words_IPREV[] = {GREETING_IPREV_LIST(WORD)};
static const span words_MATCH[] = {GREETING_MATCH_LIST(WORD)};
static const span words_YES[] = {GREETING_YES_LIST(WORD)};
static const span words_LOCAL[] = {GREETING_LOCAL_LIST(WORD)};
static const span words_VOUCHED[] = {GREETING_VOUCHED_LIST(WORD)};
static const span words_OWN[] = {GREETING_OWN_LIST(WORD)};
static const span words_SPF[] = {SPF_RESULT_LIST(WORD)};
/* clang-format on */

static const struct {
    span name;
    const span *words;
    size_t n;
} facts[GREETING_FACT_COUNT] = {
#define FACT_ROW(id, word, values) [id] = {SPAN_INIT(word), words_##values, COUNT(words_##values)},
    GREETING_FACT_LIST(FACT_ROW)
#undef FACT_ROW
};

span greeting_fact_name(enum greeting_fact fact)
{
    return facts[fact].name;
}

span greeting_fact_word(const struct greeting_facts *f, enum greeting_fact fact)
{
    BUG_IF(f->value[fact] >= facts[fact].n, "a fact without a word");
    return facts[fact].words[f->value[fact]];
}

void greeting_ground_put(struct buf *b, const struct greeting_facts *f, unsigned ground)
{
    if (ground == HISTORY_NAMES_HOUR) {
        buf_printf(b, "history.names_hour=%u", f->history.names_hour);
    } else if (ground == HISTORY_NETWORKS) {
        buf_printf(b, "history.networks=%u", f->history.networks);
    } else if (ground < GREETING_FACT_COUNT) {
        buf_put(b, greeting_fact_name((enum greeting_fact)ground));
        buf_putc(b, '=');
        buf_put(b, greeting_fact_word(f, (enum greeting_fact)ground));
    }
}

void greeting_history_pack(struct buf *b, const struct greeting_history *h)
{
    pack_i64(b, h->first_seen_s);
    pack_i64(b, h->last_seen_s);
    pack_u32(b, h->times);
    pack_u32(b, h->times_network);
    pack_u32(b, h->names_hour);
    pack_u32(b, h->names_day);
    pack_u32(b, h->networks);
    pack_u32(b, h->refused);
}

void greeting_history_unpack(struct unpack *u, struct greeting_history *out_h)
{
    out_h->first_seen_s = unpack_i64(u);
    out_h->last_seen_s = unpack_i64(u);
    out_h->times = unpack_u32(u);
    out_h->times_network = unpack_u32(u);
    out_h->names_hour = unpack_u32(u);
    out_h->names_day = unpack_u32(u);
    out_h->networks = unpack_u32(u);
    out_h->refused = unpack_u32(u);
}

void greeting_facts_pack(struct buf *b, const struct greeting_facts *f)
{
    buf_put(b, span_of(f->value, sizeof(f->value)));
    pack_u16(b, f->traits);
    greeting_history_pack(b, &f->history);
}

bool greeting_facts_unpack(struct unpack *u, struct greeting_facts *out_f)
{
    struct greeting_facts f = {0};

    for (size_t i = 0; i < GREETING_FACT_COUNT; i++) {
        f.value[i] = unpack_u8(u);
        if (f.value[i] >= facts[i].n)
            unpack_fail(u);
    }
    f.traits = unpack_u16(u);
    greeting_history_unpack(u, &f.history);
    if (u->failed)
        return false;
    *out_f = f;
    return true;
}
