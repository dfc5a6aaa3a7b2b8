/* SPDX-License-Identifier: ISC */
#include "config/map.h"

#include <stdio.h>
#include <time.h>

#include <malloc.h>

#include "../guard.h"
#include "base/buf.h"

static void names_without_case(void **state)
{
    struct config_map *map = config_map_new();
    span value = SPAN_NONE;

    (void)state;
    assert_true(config_map_put(map, guard_copy(SPAN("Example.NET")), SPAN("one")));
    assert_false(config_map_put(map, SPAN("example.net"), SPAN("two")));
    assert_true(config_map_find(map, SPAN("eXample.net"), &value));
    assert_span_equal(value, SPAN("one"));
    assert_false(config_map_find(map, SPAN("example.ne"), NULL));
    assert_false(config_map_find(map, SPAN_NONE, NULL));
    assert_int_equal(config_map_count(map), 1);
    config_map_free(map);
}

static void nothing_is_an_empty_map(void **state)
{
    (void)state;
    assert_false(config_map_find(NULL, SPAN("x"), NULL));
    assert_int_equal(config_map_count(NULL), 0);
    config_map_free(NULL);
}

static void too_long_a_name(void **state)
{
    static char name[CONFIG_MAP_NAME_MAX_BYTES + 1];
    struct config_map *map = config_map_new();

    (void)state;
    memset(name, 'a', sizeof name);
    assert_false(config_map_put(map, span_of(name, sizeof name), SPAN_NONE));
    assert_true(config_map_put(map, span_of(name, sizeof name - 1), SPAN_NONE));
    config_map_free(map);
}

static span domain_of(char room[32], unsigned i)
{
    return span_of(room, (size_t)snprintf(room, 32, "customer%07u.example", i));
}

/* A million domains: under two seconds and under 100 MiB. */
static void a_million(void **state)
{
    struct config_map *map = config_map_new();
    clock_t start = clock();
    size_t before = mallinfo2().hblkhd + mallinfo2().uordblks;
    char room[32];

    (void)state;
    for (unsigned i = 0; i < 1000000; i++)
        assert_true(config_map_put(map, domain_of(room, i), SPAN_NONE));
    config_map_trim(map);
    assert_int_equal(config_map_count(map), 1000000);
    for (unsigned i = 0; i < 1000000; i += 997)
        assert_true(config_map_find(map, domain_of(room, i), NULL));
    assert_false(config_map_find(map, domain_of(room, 1000000), NULL));
    assert_true(mallinfo2().hblkhd + mallinfo2().uordblks - before < 100u * 1024 * 1024);
    /* Sanitizers are several times slower; four seconds still tell a table from a list. */
    assert_true(clock() - start < 4 * CLOCKS_PER_SEC);
    config_map_free(map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_without_case),
        cmocka_unit_test(nothing_is_an_empty_map),
        cmocka_unit_test(too_long_a_name),
        cmocka_unit_test(a_million),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
