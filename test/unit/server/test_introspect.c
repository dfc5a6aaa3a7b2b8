/* SPDX-License-Identifier: ISC */
#include "server/introspect.h"

#include "../guard.h"

#define A "{\"active\":true,"

/* claim, scope and audience wanted; the answer; what comes of it, and the owner or the reason */
static const struct {
    const char *want[3];
    const char *body;
    enum introspect_verdict verdict;
    const char *says;
} answers[] = {
    {{0}, A "\"username\":\"a@x.example\"}", INTROSPECT_OWNER, "a@x.example"},
    {{0}, A "\"email\":\"a@x.example\",\"sub\":\"b@x.example\"}", INTROSPECT_OWNER, "a@x.example"},
    {{0}, A "\"username\":\"a\",\"sub\":\"b@x.example\"}", INTROSPECT_OWNER, "b@x.example"},
    {{0}, A "\"username\":\"a@x.example\",\"exp\":1001}", INTROSPECT_OWNER, "a@x.example"},
    {{0}, A "\"username\":\"a@x.example\",\"exp\":1000.5}", INTROSPECT_OWNER, "a@x.example"},
    {{0}, A "\"username\":\"a@x.example\",\"exp\":null}", INTROSPECT_OWNER, "a@x.example"},
    {{0}, A "\"username\":\"a@x.example\",\"exp\":1000}", INTROSPECT_REFUSED, "expired"},
    {{0}, A "\"username\":\"a@x.example\",\"exp\":\"2000\"}", INTROSPECT_REFUSED, "expired"},
    {{0}, "{\"active\":false,\"username\":\"a@x.example\"}", INTROSPECT_REFUSED, "not active"},
    {{0}, "{\"active\":false}", INTROSPECT_REFUSED, "not active"},
    {{0}, A "\"sub\":\"f81d4fae\"}", INTROSPECT_REFUSED, "neither"},
    {{0}, A "\"username\":5}", INTROSPECT_REFUSED, "neither"},
    {{0}, A "\"username\":\"a@x.example\\u0000\"}", INTROSPECT_NO_ANSWER, "RFC 7662"},
    /* anybody may have entered it */
    {{0}, A "\"email\":\"a@x.example\",\"email_verified\":true}", INTROSPECT_OWNER, "a@x.example"},
    {{0},
     A "\"email\":\"a@x.example\",\"email_verified\":\"true\"}",
     INTROSPECT_OWNER,
     "a@x.example"},
    {{0}, A "\"email\":\"a@x.example\",\"email_verified\":false}", INTROSPECT_REFUSED, "verified"},
    {{"email"}, A "\"email\":\"a@x.example\",\"email_verified\":0}", INTROSPECT_REFUSED, "claim"},
    {{"sub"}, A "\"sub\":\"a@x\",\"email_verified\":false}", INTROSPECT_OWNER, "a@x"},
    /* the claim that is wanted, and no other */
    {{"mail"}, A "\"mail\":\"m@x\",\"sub\":\"b@x\"}", INTROSPECT_OWNER, "m@x"},
    {{"mail"}, A "\"username\":\"a@x.example\"}", INTROSPECT_REFUSED, "introspection_claim"},
    {{"mail"}, A "\"mail\":\"m\"}", INTROSPECT_REFUSED, "introspection_claim"},
    {{"mail"}, A "\"mail\":[\"m@x.example\"]}", INTROSPECT_REFUSED, "introspection_claim"},
    /* scopes */
    {{0, "smtp"}, A "\"sub\":\"a@x.example\",\"scope\":\"smtp\"}", INTROSPECT_OWNER, "a@x.example"},
    {{0, "a smtp"}, A "\"sub\":\"a@x\",\"scope\":\"smtp b a\"}", INTROSPECT_OWNER, "a@x"},
    {{0, "smtp"}, A "\"sub\":\"a@x\",\"scope\":\"smtps xsmtp\"}", INTROSPECT_REFUSED, "scope"},
    {{0, "smtp a"}, A "\"sub\":\"a@x\",\"scope\":\"smtp\"}", INTROSPECT_REFUSED, "scope"},
    {{0, "smtp"}, A "\"sub\":\"a@x\",\"scope\":[\"smtp\"]}", INTROSPECT_REFUSED, "scope"},
    {{0, "smtp"}, A "\"sub\":\"a@x\"}", INTROSPECT_REFUSED, "scope"},
    /* audiences */
    {{0, 0, "mail"}, A "\"sub\":\"a@x\",\"aud\":\"mail\"}", INTROSPECT_OWNER, "a@x"},
    {{0, 0, "mail"}, A "\"sub\":\"a@x\",\"aud\":[\"b\",\"mail\"]}", INTROSPECT_OWNER, "a@x"},
    {{0, 0, "mail"}, A "\"sub\":\"a@x\",\"aud\":[\"b\",7]}", INTROSPECT_REFUSED, "audience"},
    {{0, 0, "mail"}, A "\"sub\":\"a@x\",\"aud\":\"mail b\"}", INTROSPECT_REFUSED, "audience"},
    {{0, 0, "mail"}, A "\"sub\":\"a@x\"}", INTROSPECT_REFUSED, "audience"},
    /* no answer to the question */
    {{0}, "{\"active\":\"true\",\"username\":\"a@x.example\"}", INTROSPECT_NO_ANSWER, "RFC 7662"},
    {{0}, "{\"active\":false,\"active\":true,\"sub\":\"a@x\"}", INTROSPECT_NO_ANSWER, "RFC 7662"},
    {{0}, "{\"error\":\"invalid_client\"}", INTROSPECT_NO_ANSWER, "RFC 7662"},
    {{0}, "{}", INTROSPECT_NO_ANSWER, "RFC 7662"},
    {{0}, "[true]", INTROSPECT_NO_ANSWER, "RFC 7662"},
    {{0}, "{\"active\":true", INTROSPECT_NO_ANSWER, "RFC 7662"},
    {{0}, "<html>", INTROSPECT_NO_ANSWER, "RFC 7662"},
    {{0}, "", INTROSPECT_NO_ANSWER, "RFC 7662"},
};

static span span_or_none(const char *s)
{
    return s != NULL ? span_cstr(s) : SPAN_NONE;
}

static void answers_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(answers); i++) {
        const struct config_introspection want = {.claim = span_or_none(answers[i].want[0]),
                                                  .scope = span_or_none(answers[i].want[1]),
                                                  .audience = span_or_none(answers[i].want[2])};
        char memory[INTROSPECT_NAME_BYTES];
        struct buf owner = BUF_OVER(memory);
        const char *why = NULL;
        span says = span_cstr(answers[i].says);

        if (introspect_read(guard_copy(span_cstr(answers[i].body)), &want, 1000, &owner, &why) !=
            answers[i].verdict)
            fail_msg("%s", answers[i].body);
        if (answers[i].verdict == INTROSPECT_OWNER) {
            assert_span_equal(buf_span(&owner), says);
            continue;
        }
        assert_int_equal(owner.n, 0);
        if (span_search(span_cstr(why), says) == strlen(why))
            fail_msg("%s: %s", answers[i].body, why);
    }
}

#define REST                                                                                       \
    "User-Agent: herald\r\nConnection: close\r\n"                                                  \
    "Content-Type: application/x-www-form-urlencoded\r\nAccept: application/json\r\n"              \
    "Content-Length: 53\r\n\r\ntoken=a%2Bb%2Fc%3D%0D%0A&token_type_hint=access_token"

static void the_question(void **state)
{
    static const struct {
        struct config_url url;
        const char *authorization;
        const char *head;
    } questions[] = {
        {{{.host = SPAN_INIT("127.0.0.1"), .port = 8080}, false, SPAN_INIT("/in")},
         "",
         "POST /in HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n"},
        {{{.host = SPAN_INIT("id.example"), .port = 443}, true, SPAN_INIT("/a?b=c")},
         "Basic eDp5",
         "POST /a?b=c HTTP/1.1\r\nHost: id.example\r\nAuthorization: Basic eDp5\r\n"},
        {{{.host = SPAN_INIT("id.example"), .port = 80}, true, SPAN_INIT("/")},
         "",
         "POST / HTTP/1.1\r\nHost: id.example:80\r\n"},
        {{{.host = SPAN_INIT("::1"), .port = 80, .ip = {.family = IP_V6}}, false, SPAN_INIT("/")},
         "",
         "POST / HTTP/1.1\r\nHost: [::1]\r\n"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(questions); i++) {
        char memory[1024];
        struct buf b = BUF_OVER(memory);

        introspect_put(&b, &questions[i].url, span_cstr(questions[i].authorization),
                       SPAN("a+b/c=\r\n"));
        assert_true(span_starts(buf_span(&b), span_cstr(questions[i].head)));
        assert_span_equal(span_skip(buf_span(&b), strlen(questions[i].head)), SPAN(REST));
    }
}

static void every_status_has_its_words(void **state)
{
    (void)state;
    for (unsigned status = 300; status < 600; status++)
        assert_non_null(strstr(introspect_status_text(status), "HTTP "));
    assert_non_null(strstr(introspect_status_text(401), "introspection_client"));
    assert_non_null(strstr(introspect_status_text(404), "path"));
    assert_non_null(strstr(introspect_status_text(502), "5xx"));
    assert_non_null(strstr(introspect_status_text(204), "2xx"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_are_read),
        cmocka_unit_test(the_question),
        cmocka_unit_test(every_status_has_its_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
