/* SPDX-License-Identifier: ISC */
/*
 * Runs transcript files: each dialogue whole, line by line, octet by octet and
 * cut at every point; what the engine writes and tells must be the same each time
 * and what the file says. "run --seeds DIR FILE..." writes the peer's octets of
 * each case into DIR instead, as seeds for the fuzzers.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/escape.h"
#include "script.h"

#define SPLITS_MAX 1500

static char *read_file(const char *name, size_t *out_n)
{
    FILE *f = fopen(name, "rb");
    char *text = malloc(SCRIPT_BYTES);

    if (f == NULL || text == NULL) {
        perror(name);
        exit(2);
    }
    *out_n = fread(text, 1, SCRIPT_BYTES, f);
    fclose(f);
    return text;
}

static void show(const char *head, span text)
{
    static char room[SCRIPT_BYTES * 4];
    span line;

    printf("    %s\n", head);
    while (text.n > 0) {
        struct buf b = BUF_OVER(room);

        line = span_head(text, span_find(text, '\n') + 1);
        text = span_skip(text, line.n);
        escape_text(&b, line, 400);
        printf("      | %.*s\n", SPAN_ARG(buf_span(&b)));
    }
}

static bool complain(const struct script *s, const struct playing *p, const char *what,
                     span expected, span actual)
{
    static const char *const plays[] = {"whole", "line by line", "octet by octet", "split"};

    printf("  FAILED %.*s: %s (%s, at %zu)\n", SPAN_ARG(s->title), what, plays[p->play], p->at);
    show("expected", expected);
    show("actual", actual);
    return false;
}

/* One way of playing; the events of the first are the measure when the file names none. */
static bool play_once(struct script *s, enum play play, size_t at)
{
    static char out[SCRIPT_BYTES];
    static char events[SCRIPT_BYTES];
    struct playing p = {play, at, BUF_OVER(out), BUF_OVER(events), false};

    if (s->role_client)
        play_client(s, &p);
    else
        play_server(s, &p);
    if (!span_eq(buf_span(&s->ours), buf_span(&p.out)))
        return complain(s, &p, "output", buf_span(&s->ours), buf_span(&p.out));
    if (!s->has_events && play == PLAY_WHOLE)
        buf_put(&s->events, buf_span(&p.events));
    if (!span_eq(buf_span(&s->events), buf_span(&p.events)))
        return complain(s, &p, "events", buf_span(&s->events), buf_span(&p.events));
    if (p.early_fault)
        return complain(s, &p, "a line came too early or too late", buf_span(&s->ours),
                        buf_span(&p.out));
    return true;
}

static bool play_all(struct script *s, size_t *plays)
{
    size_t n = script_octets(s);
    size_t stride = n / SPLITS_MAX + 1;

    *plays += 3;
    if (!play_once(s, PLAY_WHOLE, 0) || !play_once(s, PLAY_LINES, 0) ||
        !play_once(s, PLAY_BYTES, 0))
        return false;
    for (size_t at = 1; at < n; at += stride) {
        ++*plays;
        if (!play_once(s, PLAY_SPLIT, at))
            return false;
    }
    return true;
}

static void write_seed(const char *dir, const struct script *s, size_t number)
{
    char name[512];
    FILE *f;

    snprintf(name, sizeof(name), "%s/%s-%03zu", dir, s->role_client ? "reply" : "server", number);
    f = fopen(name, "wb");
    if (f == NULL) {
        perror(name);
        exit(2);
    }
    /* Settings and cut, as test/fuzz/fuzz.h has them. */
    fputs("01", f);
    for (size_t i = 0; i < s->item_count; i++)
        if (s->items[i].octets.n > 0)
            fwrite(s->items[i].octets.p, 1, s->items[i].octets.n, f);
    fclose(f);
}

struct totals {
    size_t cases;
    size_t failed;
};

static void run_file(const char *name, const char *seeds, struct totals *all)
{
    static struct script s;
    static char pool_room[SCRIPT_BYTES * 2];
    struct arena pool = arena_over(pool_room, sizeof(pool_room));
    size_t n;
    char *text = read_file(name, &n);
    span rest = span_of(text, n);
    struct totals here = {0, 0};
    size_t plays = 0;

    s.ours = buf_over(malloc(SCRIPT_BYTES), SCRIPT_BYTES);
    s.events = buf_over(malloc(SCRIPT_BYTES), SCRIPT_BYTES);
    for (; script_next(&rest, &s, &pool); arena_reset(&pool)) {
        here.cases++;
        if (seeds != NULL)
            write_seed(seeds, &s, all->cases + here.cases);
        else if (!play_all(&s, &plays))
            here.failed++;
    }
    if (seeds == NULL)
        printf("%s: %zu passed, %zu failed, %zu plays\n", name, here.cases - here.failed,
               here.failed, plays);
    all->cases += here.cases;
    all->failed += here.failed;
    free(s.ours.p);
    free(s.events.p);
    free(text);
}

int main(int argc, char **argv)
{
    const char *seeds = argc > 2 && span_eq(span_cstr(argv[1]), SPAN("--seeds")) ? argv[2] : NULL;
    struct totals all = {0, 0};

    if (seeds != NULL)
        (void)mkdir(seeds, 0777);
    for (int i = seeds != NULL ? 3 : 1; i < argc; i++)
        run_file(argv[i], seeds, &all);
    if (seeds == NULL)
        printf("%zu passed, %zu failed\n", all.cases - all.failed, all.failed);
    return all.failed == 0 && all.cases > 0 ? 0 : 1;
}
