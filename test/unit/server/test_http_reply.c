/* SPDX-License-Identifier: ISC */
#include "server/http_reply.h"

#include "../guard.h"

#define OK     "HTTP/1.1 200 OK\r\n"
#define CHUNKS OK "Transfer-Encoding: chunked\r\n\r\n"

static const struct {
    const char *octets;
    bool ended;
    enum http_progress progress;
    unsigned status;
    const char *body;
} replies[] = {
    {OK "Content-Length: 2\r\n\r\n{}", false, HTTP_WHOLE, 200, "{}"},
    {OK "content-length:2 \r\n\r\n{}more", false, HTTP_WHOLE, 200, "{}"},
    {OK "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}", false, HTTP_WHOLE, 200, "{}"},
    {OK "Content-Length: 0\r\n\r\n", false, HTTP_WHOLE, 200, ""},
    {OK "Content-Length: 3\r\n\r\n{}", false, HTTP_MORE, 0, ""},
    {OK "Content-Length: 3\r\n\r\n{}", true, HTTP_BROKEN, 0, ""},
    {OK "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", true, HTTP_BROKEN, 0, ""},
    {OK "Content-Length: -2\r\n\r\n{}", true, HTTP_BROKEN, 0, ""},
    {OK "Content-Length: 2, 2\r\n\r\n{}", true, HTTP_BROKEN, 0, ""},
    {OK "Content-Length: 99999999999999999999\r\n\r\n{}", false, HTTP_BROKEN, 0, ""},
    /* nothing says where it ends */
    {OK "\r\n{}", true, HTTP_WHOLE, 200, "{}"},
    {OK "\r\n{}", false, HTTP_MORE, 0, ""},
    {"HTTP/1.0 200 OK\r\nServer: x\r\n\r\n", true, HTTP_WHOLE, 200, ""},
    {"HTTP/1.1 200\r\n\r\n{}", true, HTTP_WHOLE, 200, "{}"},
    /* chunks */
    {CHUNKS "1\r\n{\r\n1\r\n}\r\n0\r\n\r\n", false, HTTP_WHOLE, 200, "{}"},
    {CHUNKS "A;x=\"y\"\r\n{12345678}\r\n000\r\nX: y\r\n\r\n", false, HTTP_WHOLE, 200, "{12345678}"},
    {CHUNKS "0\r\n", false, HTTP_WHOLE, 200, ""},
    {CHUNKS "2\r\n{}\r\n", false, HTTP_MORE, 0, ""},
    {CHUNKS "2\r\n{}\r\n", true, HTTP_BROKEN, 0, ""},
    {CHUNKS "2\r\n{}", false, HTTP_MORE, 0, ""},
    {CHUNKS "2\r\n{}0\r\n\r\n", false, HTTP_BROKEN, 0, ""},
    {CHUNKS "\r\n{}", false, HTTP_BROKEN, 0, ""},
    {CHUNKS "x\r\n{}", false, HTTP_BROKEN, 0, ""},
    {CHUNKS "-1\r\n{}", false, HTTP_BROKEN, 0, ""},
    {CHUNKS "fffffffffffffffff\r\n{}", false, HTTP_BROKEN, 0, ""},
    {OK "Content-Length: 1\r\nTransfer-Encoding: Chunked\r\n\r\n2\r\n{}\r\n0\r\n", false,
     HTTP_WHOLE, 200, "{}"},
    {OK "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n", true, HTTP_BROKEN, 0, ""},
    {OK "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", true, HTTP_BROKEN,
     0, ""},
    /* another status: what follows is of no interest */
    {"HTTP/1.1 401 Unauthorized\r\n\r\n", false, HTTP_WHOLE, 401, ""},
    {"HTTP/1.1 503 \r\nContent-Length: 9\r\n\r\n{}", false, HTTP_WHOLE, 503, ""},
    {"HTTP/1.1 100 Continue\r\n\r\n" OK "Content-Length: 2\r\n\r\n{}", false, HTTP_WHOLE, 200,
     "{}"},
    {"HTTP/1.1 100 Continue\r\n\r\n", false, HTTP_MORE, 0, ""},
    /* no HTTP */
    {"HTTP/1.1 2000\r\n\r\n", true, HTTP_BROKEN, 0, ""},
    {"HTTP/1.1 099 x\r\n\r\n", true, HTTP_BROKEN, 0, ""},
    {"HTTP/1.1 600 x\r\n\r\n", true, HTTP_BROKEN, 0, ""},
    {"HTTP/2 200\r\n\r\n", true, HTTP_BROKEN, 0, ""},
    {"HTTP/1.x 200 OK\r\n\r\n", true, HTTP_BROKEN, 0, ""},
    {OK "no field\r\n\r\n{}", true, HTTP_BROKEN, 0, ""},
    {OK "Space : x\r\n\r\n{}", true, HTTP_BROKEN, 0, ""},
    {OK ": x\r\n\r\n{}", true, HTTP_BROKEN, 0, ""},
    {OK " folded: x\r\n\r\n{}", true, HTTP_BROKEN, 0, ""},
    {"SSH-2.0-x\r\n\r\n", true, HTTP_BROKEN, 0, ""},
    {"\r\n\r\n", true, HTTP_BROKEN, 0, ""},
    {"HTTP/1.1", false, HTTP_MORE, 0, ""},
    {"HTTP/1.1", true, HTTP_BROKEN, 0, ""},
    {"", false, HTTP_MORE, 0, ""},
    {"", true, HTTP_BROKEN, 0, ""},
};

static void replies_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(replies); i++) {
        span octets = guard_copy(span_cstr(replies[i].octets));
        struct http_reply reply = {0};
        char memory[256];
        struct buf room = BUF_OVER(memory);

        if (http_reply_read(octets, replies[i].ended, &room, &reply) != replies[i].progress)
            fail_msg("%s", replies[i].octets);
        assert_int_equal(reply.status, replies[i].status);
        assert_span_equal(reply.body, span_cstr(replies[i].body));
    }
}

/* A reply that is whole was not so before its last octet. */
static void it_is_whole_at_its_end(void **state)
{
    static const char *const wholes[] = {
        OK "Content-Length: 2\r\n\r\n{}",
        CHUNKS "1\r\n{\r\n1\r\n}\r\n0\r\n",
        "HTTP/1.1 401 x\r\n\r\n",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(wholes); i++) {
        span whole = span_cstr(wholes[i]);

        for (size_t n = 0; n <= whole.n; n++) {
            struct http_reply reply;
            char memory[256];
            struct buf room = BUF_OVER(memory);

            assert_int_equal(http_reply_read(guard_copy(span_head(whole, n)), false, &room, &reply),
                             n == whole.n ? HTTP_WHOLE : HTTP_MORE);
        }
    }
}

static void limits(void **state)
{
    static char octets[2 * HTTP_HEAD_BYTES];
    struct buf b = BUF_OVER(octets);
    struct http_reply reply;
    char memory[4];
    struct buf room = BUF_OVER(memory);

    (void)state;
    buf_put(&b, SPAN(OK "X: "));
    while (b.n < HTTP_HEAD_BYTES - 4)
        buf_putc(&b, 'x');
    buf_put(&b, SPAN("\r\n\r\n"));
    assert_int_equal(http_reply_read(buf_span(&b), true, &room, &reply), HTTP_WHOLE);
    b.n -= 4;
    buf_put(&b, SPAN("x\r\n\r\n"));
    assert_int_equal(http_reply_read(buf_span(&b), false, &room, &reply), HTTP_BROKEN);

    buf_reset(&b);
    buf_put(&b, SPAN(CHUNKS));
    for (size_t i = 0; i < HTTP_CHUNK_LINE_BYTES; i++)
        buf_putc(&b, '0');
    assert_int_equal(http_reply_read(buf_span(&b), false, &room, &reply), HTTP_BROKEN);

    buf_reset(&b); /* more than there is room for */
    buf_put(&b, SPAN(CHUNKS "5\r\nxxxxx\r\n0\r\n"));
    assert_int_equal(http_reply_read(buf_span(&b), false, &room, &reply), HTTP_BROKEN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replies_are_read),
        cmocka_unit_test(it_is_whole_at_its_end),
        cmocka_unit_test(limits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
