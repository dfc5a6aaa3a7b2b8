/* SPDX-License-Identifier: ISC */
/*
 * Look-ups settle what the text leaves open. A row holds for an undecided cause: when the
 * answer to its question is the one given, the cause becomes the other one. Rows are tried in
 * order, precise before general; could-not-ask decides nothing.
 */
#include "explain/decide.h"
#include "explain/explain.h"

static const struct settle_row {
    const char *cause;
    enum explain_question question;
    enum explain_truth answer;
    const char *becomes;
    const char *words;
} settle_rows[] = {
    {"ptr.none_or_unconfirmed", EXPLAIN_ASK_PTR, EXPLAIN_NO, "ptr.none",
     "{client} has no PTR record"},
    {"ptr.none_or_unconfirmed", EXPLAIN_ASK_CONFIRMED, EXPLAIN_NO, "ptr.unconfirmed",
     "{client} has a PTR record whose name does not lead back to it"},
    {"helo.unspecified", EXPLAIN_ASK_TIES_REMOTE, EXPLAIN_YES, "helo.forged_local",
     "{greeting} leads to the refusing server itself"},
    {"helo.unspecified", EXPLAIN_ASK_RESOLVES, EXPLAIN_NO, "helo.unresolvable",
     "{greeting} has no A, AAAA or MX record"},
    {"helo.unspecified", EXPLAIN_ASK_LISTED, EXPLAIN_YES, "helo.listed",
     "{greeting} stands on a domain block list"},
    {"helo.unspecified", EXPLAIN_ASK_SPF, EXPLAIN_NO, "helo.spf_fail",
     "SPF of {greeting} does not allow {client}"},
    {"helo.unspecified", EXPLAIN_ASK_PTR, EXPLAIN_NO, "ptr.none", "{client} has no PTR record"},
    {"helo.unspecified", EXPLAIN_ASK_ADDRESS, EXPLAIN_NO, "helo.ip_mismatch",
     "{greeting} does not lead to {client}"},
    {"helo.unspecified", EXPLAIN_ASK_MATCHES, EXPLAIN_NO, "helo.ptr_mismatch",
     "{greeting} is not the reverse name of {client}"},
    {"helo.forged_local", EXPLAIN_ASK_TIES_REMOTE, EXPLAIN_YES, "helo.forged_local.server",
     "{greeting} leads to the refusing server: two machines share one name"},
    {"helo.forged_local", EXPLAIN_ASK_TIES_REMOTE, EXPLAIN_NO, "helo.forged_local.domain",
     "{greeting} leads elsewhere in public DNS: the refusing server's table is stale"},
};

static bool is_open(const struct explain_answer *a, const struct settle_row *row)
{
    return strcmp(a->page->id, row->cause) == 0;
}

unsigned explain_wants(const struct explain_answer *a)
{
    unsigned wants = 0;

    for (size_t i = 0; i < COUNT(settle_rows); i++)
        if (is_open(a, &settle_rows[i]))
            wants |= 1u << settle_rows[i].question;
    return wants;
}

void explain_told(struct explain_answer *a, const struct explain_truths *truths,
                  const struct explain_options *options)
{
    for (size_t i = 0; i < COUNT(settle_rows); i++) {
        const struct settle_row *row = &settle_rows[i];

        if (!is_open(a, row) || truths->of[row->question] != row->answer)
            continue;
        decide_settle(a, explain_page_find(span_cstr(row->becomes)));
        a->told = row->words;
        a->alternatives = 0;
        break;
    }
    decide_fixes(a, options);
}
