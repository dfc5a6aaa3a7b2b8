/* SPDX-License-Identifier: ISC */
/*
 * spf/spf.h - may this address send for that domain? (RFC 7208)
 *
 * check_host() as an engine: it says which DNS question it needs next, is told the
 * answer, and ends with a result. It never blocks, reads no clock and allocates
 * nothing; records under evaluation lie in memory that the caller lends.
 *
 *     spf_init(&s, &identity, memory, sizeof(memory));
 *     while (spf_next(&s, &event) == SPF_ASK)
 *         spf_told(&s, &answer_to_event_question);
 *
 * Limits: those of RFC 7208 4.6.4, and the lent memory: records that do not fit
 * are a permerror.  Not here: Received-SPF and Authentication-Results (message).
 */
#ifndef SPF_SPF_H
#define SPF_SPF_H

#include "dns/wire.h"
#include "name/addr.h"
#include "spf/record.h"

#define SPF_MEMORY_BYTES      16384u /* enough for every sane chain of includes */
#define SPF_TERMS_MAX         10u    /* terms that ask DNS (RFC 7208 4.6.4) */
#define SPF_VOID_MAX          2u     /* look-ups of terms that find nothing */
#define SPF_NAMES_MAX         10u    /* MX and PTR names followed */
#define SPF_DEPTH_MAX         (SPF_TERMS_MAX + 2u)
#define SPF_EXPLANATION_BYTES 512u

/* id, word (RFC 7208 2.6), and whether DNS may say otherwise later */
#define SPF_RESULT_LIST(X)                                                                         \
    X(SPF_NONE, "none")                                                                            \
    X(SPF_NEUTRAL, "neutral")                                                                      \
    X(SPF_PASS, "pass")                                                                            \
    X(SPF_FAIL, "fail")                                                                            \
    X(SPF_SOFTFAIL, "softfail")                                                                    \
    X(SPF_TEMPERROR, "temperror")                                                                  \
    X(SPF_PERMERROR, "permerror")

enum spf_result {
#define SPF_ENUM(id, word) id,
    SPF_RESULT_LIST(SPF_ENUM)
#undef SPF_ENUM
};

/* Why a permerror, none or temperror: for the person who mends the record. */
#define SPF_PROBLEM_LIST(X)                                                                        \
    X(SPF_NO_PROBLEM, "")                                                                          \
    X(SPF_BAD_DOMAIN, "the domain is no domain name of two labels or more")                        \
    X(SPF_NO_RECORD, "the domain publishes no SPF record")                                         \
    X(SPF_DNS_FAILED, "DNS did not answer")                                                        \
    X(SPF_MANY_RECORDS, "the domain publishes more than one SPF record")                           \
    X(SPF_BAD_RECORD, "the record has a syntax error")                                             \
    X(SPF_NO_INCLUDED, "an include or redirect names a domain without an SPF record")              \
    X(SPF_MANY_TERMS, "more than 10 terms ask DNS")                                                \
    X(SPF_MANY_VOID, "more than 2 look-ups found nothing")                                         \
    X(SPF_MANY_NAMES, "more than 10 names in an MX record set")                                    \
    X(SPF_TOO_BIG, "the records are too large")

enum spf_problem {
#define SPF_PROBLEM_ENUM(id, text) id,
    SPF_PROBLEM_LIST(SPF_PROBLEM_ENUM)
#undef SPF_PROBLEM_ENUM
};

/* Who is asked about; all spans are borrowed until the evaluation has ended. */
struct spf_identity {
    struct ip_addr client;
    span helo;     /* the greeting as it came; %{h} */
    span sender;   /* MAIL FROM without brackets, its domain in A-labels (RFC 8616 4); empty: the
                      HELO identity (RFC 7208 2.3, 2.4) */
    span receiver; /* our own name; %{r} */
    int64_t now_s; /* seconds since 1970; %{t} */
};

enum spf_need {
    SPF_ASK,  /* answer the question */
    SPF_DONE, /* the result stands */
};

struct spf_event {
    enum spf_need need;
    struct dns_question question; /* SPF_ASK; borrowed until spf_told */
    enum spf_result result;       /* SPF_DONE */
    enum spf_problem problem;
    span explanation; /* what the domain says of a fail (exp=), printable ASCII; else empty */
    span mechanism;   /* the term of the asked domain's record that matched, or "default"; empty
                         when none was evaluated */
    unsigned lookups; /* terms that asked DNS */
    unsigned void_lookups;
};

/* One record under evaluation; they stack with include. Spans lie in the lent memory. */
struct spf_frame {
    span domain;
    span record; /* without the version */
    span rest;   /* terms not yet looked at */
    span redirect;
    span exp;
    size_t mark;               /* memory in use before this frame */
    enum spf_result qualifier; /* what the include that began it means when it matches */
    bool p_known;              /* s->p is the validated name as this domain sees it */
    bool referred;             /* begun by include or redirect */
};

/* What the answer awaited is for. */
enum spf_wait {
    SPF_WAIT_NOTHING,
    SPF_WAIT_RECORD,
    SPF_WAIT_ADDRESS, /* a, exists */
    SPF_WAIT_MX,
    SPF_WAIT_MX_ADDRESS,
    SPF_WAIT_PTR,
    SPF_WAIT_PTR_ADDRESS,
    SPF_WAIT_EXPLANATION,
};

struct spf {
    struct spf_identity who;
    span local;     /* the sender's local part, "postmaster" when it has none */
    span domain;    /* the domain asked about first */
    struct buf mem; /* a stack: frames, and above them what one term needs */
    struct spf_frame frame[SPF_DEPTH_MAX];
    unsigned depth;
    struct spf_term term; /* under evaluation */
    enum spf_wait wait;
    enum dns_type asked;
    char question[DNS_NAME_MAX_BYTES];
    struct buf asking;
    /* names of an MX or PTR answer, waiting for their addresses */
    span names[SPF_NAMES_MAX];
    unsigned n_names;
    unsigned at_name;
    size_t names_mark;
    char target_text[DNS_NAME_MAX_BYTES];
    struct buf target;
    bool for_p; /* the PTR walk serves %{p}, not the mechanism */
    unsigned p_rank;
    char p_text[DNS_NAME_MAX_BYTES];
    struct buf p;
    bool explaining;
    char explanation_text[SPF_EXPLANATION_BYTES];
    struct buf explanation;
    char mechanism_text[256];
    struct buf mechanism;
    unsigned lookups;
    unsigned void_lookups;
    enum spf_result result;
    enum spf_problem problem;
    bool done;
};

/* Begin. memory is lent until the end; SPF_MEMORY_BYTES are enough. *s must stay where it is. */
void spf_init(struct spf *s, const struct spf_identity *who, char *memory, size_t memory_bytes);

/* What is needed now; the same again until spf_told. */
enum spf_need spf_next(const struct spf *s, struct spf_event *out);

/*
 * The answer to the question of the last event. Its memory may end afterwards.
 *
 * One of another type counts as SERVFAIL; one that comes after the end is ignored.
 */
void spf_told(struct spf *s, const struct dns_answer *answer);

/* The caller's patience has ended: temperror (RFC 7208 4.6.4), or a fail without its explanation.
 */
void spf_timeout(struct spf *s);

/* The word of a result, why there is a problem; static. */
span spf_result_word(enum spf_result result);
span spf_problem_text(enum spf_problem problem);

#endif
