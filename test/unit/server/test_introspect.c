/* SPDX-License-Identifier: ISC */
#include "server/introspect.h"

#include "../guard.h"

#define OK "HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n"

static const struct {
    const char *reply;
    bool good;
    const char *owner;
} replies[] = {
    {OK "{\"active\":true,\"username\":\"a@x.example\"}", true, "a@x.example"},
    {OK "{\"active\":true,\"email\":\"a@x.example\",\"sub\":\"b@x.example\"}", true, "a@x.example"},
    {OK "{\"active\":true,\"username\":\"a\",\"sub\":\"b@x.example\"}", true, "b@x.example"},
    {OK "{\"active\":true,\"username\":\"a@x.example\",\"exp\":1001}", true, "a@x.example"},
    {OK "{\"active\":true,\"username\":\"a@x.example\",\"exp\":1000}", true, ""},
    {OK "{\"active\":false,\"username\":\"a@x.example\"}", true, ""},
    {OK "{\"active\":\"true\",\"username\":\"a@x.example\"}", true, ""},
    {OK "{\"active\":true}", true, ""},
    {OK "{\"active\":true,\"username\":5}", true, ""},
    {OK "{}", true, ""},
    {OK "{\"active\":false,\"active\":true,\"username\":\"a@x.example\"}", false, ""},
    {OK "[]", false, ""},
    {OK "", false, ""},
    {OK "{\"active\":true", false, ""},
    {"HTTP/1.1 401 Unauthorized\r\n\r\n{\"active\":true,\"username\":\"a@x.example\"}", false, ""},
    {"HTTP/1.1 2000\r\n\r\n{\"active\":true,\"username\":\"a@x.example\"}", false, ""},
    {"{\"active\":true,\"username\":\"a@x.example\"}", false, ""},
    {"HTTP/1.1", false, ""},
    {"", false, ""},
};

static void replies_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(replies); i++) {
        char memory[INTROSPECT_NAME_BYTES];
        struct buf owner = BUF_OVER(memory);

        if (introspect_read(guard_copy(span_cstr(replies[i].reply)), 1000, &owner) !=
            replies[i].good)
            fail_msg("%s", replies[i].reply);
        assert_span_equal(buf_span(&owner), span_cstr(replies[i].owner));
    }
}

static void the_question(void **state)
{
    char memory[1024];
    struct buf b = BUF_OVER(memory);

    (void)state;
    introspect_put(&b, SPAN("127.0.0.1:80"), SPAN("/in"), SPAN("a+b/c=\r\n"));
    assert_span_equal(buf_span(&b), SPAN("POST /in HTTP/1.0\r\nHost: 127.0.0.1:80\r\n"
                                         "Content-Type: application/x-www-form-urlencoded\r\n"
                                         "Accept: application/json\r\nContent-Length: 53\r\n\r\n"
                                         "token=a%2Bb%2Fc%3D%0D%0A&token_type_hint=access_token"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replies_are_read),
        cmocka_unit_test(the_question),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
