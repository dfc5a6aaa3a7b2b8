/* SPDX-License-Identifier: ISC */
#include "greeting/gather.h"
#include "server/greet_inner.h"

#define TOLD_MS (INT64_C(3600) * 1000)

/* Our tables have the domain, but public DNS says that its new server is the one that greets. */
static bool is_stale(const struct greet *g)
{
    return greet_is_ready(g) && greeting_table_state(&g->facts) == TABLE_STALE;
}

bool greet_has_stale(const struct greet *g)
{
    char memory[DOMAIN_MAX_BYTES + 2];
    struct buf key = BUF_OVER(memory);
    struct memo *told = &g->shared->memo;
    int64_t now = loop_now_ms(g->shared->loop);
    span ignored;

    if (!is_stale(g))
        return false;
    buf_putc(&key, 'T');
    buf_put_lower(&key, span_head(g->start.name, DOMAIN_MAX_BYTES));
    if (memo_find(told, buf_span(&key), now, &ignored))
        return false;
    memo_keep(told, buf_span(&key), SPAN("T"), now + TOLD_MS);
    return true;
}

void greet_log_stale(const struct greet *g, struct log_line *l)
{
    log_str(l, KEY_NAME, g->start.name);
    log_cstr(l, KEY_REASON,
             "this domain is in our tables, but its mail and its address are elsewhere, and that "
             "server greets with it: if it has moved away, take it out");
}
