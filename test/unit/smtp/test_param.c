/* SPDX-License-Identifier: ISC */
#include "../guard.h"
#include "smtp/param.h"

#define ALL UINT32_MAX

static const struct {
    const char *text;
    unsigned ext;
    enum smtp_param_fault fault;
    struct smtp_mail_params want; /* spans are compared by their octets */
} mails[] = {
    {"", ALL, SMTP_PARAM_FINE, {0}},
    {"  ", 0, SMTP_PARAM_FINE, {0}},
    {" size=12 Body=8bitmime", ALL, SMTP_PARAM_FINE, {12, SMTP_BODY_8BITMIME, 0, {0}, {0}, 0, 0}},
    {" BODY=BINARYMIME", ALL, SMTP_PARAM_FINE, {0, SMTP_BODY_BINARYMIME, 0, {0}, {0}, 0, 0}},
    {" SMTPUTF8 REQUIRETLS", ALL, SMTP_PARAM_FINE, {0, 0, 0, {0}, {0}, true, true}},
    {" RET=HDRS ENVID=a+2Bb",
     ALL,
     SMTP_PARAM_FINE,
     {0, 0, SMTP_RET_HDRS, SPAN_INIT("a+2Bb"), {0}, 0, 0}},
    {" AUTH=<>", ALL, SMTP_PARAM_FINE, {0, 0, 0, {0}, SPAN_INIT("<>"), 0, 0}},
    {" SIZE=18446744073709551616", ALL, SMTP_PARAM_FINE, {UINT64_MAX, 0, 0, {0}, {0}, 0, 0}},
    {" SIZE=100000000000000000000", ALL, SMTP_PARAM_BAD, {0}},
    {" SIZE=-1", ALL, SMTP_PARAM_BAD, {0}},
    {" SIZE=", ALL, SMTP_PARAM_BAD, {0}},
    {" SIZE", ALL, SMTP_PARAM_BAD, {0}},
    {" SIZE=1", 0, SMTP_PARAM_UNKNOWN, {0}},
    {" SIZE=1 size=2", ALL, SMTP_PARAM_REPEATED, {0}},
    {" SMTPUTF8=", ALL, SMTP_PARAM_BAD, {0}},
    {" SMTPUTF8=1", ALL, SMTP_PARAM_BAD, {0}},
    {" RET=ALL", ALL, SMTP_PARAM_BAD, {0}},
    {" ENVID=a+2", ALL, SMTP_PARAM_BAD, {0}},
    {" ENVID=a=b", ALL, SMTP_PARAM_BAD, {0}},
    {" ENVID=+0D+0A", ALL, SMTP_PARAM_BAD, {0}},
    {" ENVID=a+0d+0aX-Evil:+201", ALL, SMTP_PARAM_BAD, {0}},
    {" ENVID=+00", ALL, SMTP_PARAM_BAD, {0}},
    {" ENVID=+7F", ALL, SMTP_PARAM_BAD, {0}},
    {" ENVID=+C3+A4", ALL, SMTP_PARAM_BAD, {0}},
    {" ENVID=+", ALL, SMTP_PARAM_BAD, {0}},
    {" ENVID=a+20b", ALL, SMTP_PARAM_FINE, {0, 0, 0, SPAN_INIT("a+20b"), {0}, 0, 0}},
    {" AUTH=a+2Bb@c.example",
     ALL,
     SMTP_PARAM_FINE,
     {0, 0, 0, {0}, SPAN_INIT("a+2Bb@c.example"), 0, 0}},
    {" AUTH=", ALL, SMTP_PARAM_BAD, {0}},
    {" AUTH", ALL, SMTP_PARAM_BAD, {0}},
    {" AUTH=nobody", ALL, SMTP_PARAM_BAD, {0}},
    {" AUTH=a@b.example+0D+0ARCPT", ALL, SMTP_PARAM_BAD, {0}},
    {" AUTH=<a@b.example>", ALL, SMTP_PARAM_BAD, {0}},
    {" AUTH=<>", ALL & ~(unsigned)SMTP_EXT_AUTH, SMTP_PARAM_UNKNOWN, {0}},
    {" REQUIRETLS=yes", ALL, SMTP_PARAM_BAD, {0}},
    {" BODY=", ALL, SMTP_PARAM_BAD, {0}},
    {" BODY", ALL, SMTP_PARAM_BAD, {0}},
    {" BODY=9BIT", ALL, SMTP_PARAM_BAD, {0}},
    {" =1", ALL, SMTP_PARAM_UNKNOWN, {0}},
    {" NOTIFY=NEVER", ALL, SMTP_PARAM_UNKNOWN, {0}},
    {" BODY=BINARYMIME", SMTP_EXT_8BITMIME, SMTP_PARAM_BAD, {0}},
};

static void of_mail(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(mails); i++) {
        struct smtp_mail_params p = {0};
        const struct smtp_mail_params *w = &mails[i].want;
        enum smtp_param_fault fault =
            smtp_mail_params_parse(guard_copy(span_cstr(mails[i].text)), mails[i].ext, &p);

        if (fault != mails[i].fault || p.size_bytes != w->size_bytes || p.body != w->body ||
            p.ret != w->ret || p.smtputf8 != w->smtputf8 || p.requiretls != w->requiretls)
            fail_msg("'%s': fault %d", mails[i].text, (int)fault);
        assert_span_equal(p.envid, w->envid);
        assert_span_equal(p.auth, w->auth);
    }
}

static const struct {
    const char *text;
    enum smtp_param_fault fault;
    unsigned notify;
    const char *orcpt;
} rcpts[] = {
    {"", SMTP_PARAM_FINE, 0, ""},
    {" NOTIFY=never", SMTP_PARAM_FINE, SMTP_NOTIFY_NEVER, ""},
    {" NOTIFY=SUCCESS,DELAY,FAILURE", SMTP_PARAM_FINE,
     SMTP_NOTIFY_SUCCESS | SMTP_NOTIFY_DELAY | SMTP_NOTIFY_FAILURE, ""},
    {" ORCPT=rfc822;a@b.example", SMTP_PARAM_FINE, 0, "rfc822;a@b.example"},
    {" NOTIFY=NEVER,SUCCESS", SMTP_PARAM_BAD, 0, ""},
    {" NOTIFY=", SMTP_PARAM_BAD, 0, ""},
    {" NOTIFY", SMTP_PARAM_BAD, 0, ""},
    {" NOTIFY=SUCCESS,", SMTP_PARAM_BAD, 0, ""},
    {" ORCPT=a@b.example", SMTP_PARAM_BAD, 0, ""},
    {" ORCPT=rfc822;", SMTP_PARAM_BAD, 0, ""},
    {" ORCPT=rfc822;a+zz", SMTP_PARAM_BAD, 0, ""},
    {" ORCPT=rfc822;a+0D+0Ab@c", SMTP_PARAM_BAD, 0, ""},
    {" ORCPT=rfc822;+C3+A4@b.example", SMTP_PARAM_FINE, 0, "rfc822;+C3+A4@b.example"},
    {" ORCPT=rfc822;+C3@b.example", SMTP_PARAM_BAD, 0, ""},
    {" ORCPT=rfc822;+7F@b.example", SMTP_PARAM_BAD, 0, ""},
    {" ORCPT=;a@b.example", SMTP_PARAM_BAD, 0, ""},
    {" ORCPT=rfc(822;a@b.example", SMTP_PARAM_BAD, 0, ""},
    {" ORCPT=rfc822;a=b@c.example", SMTP_PARAM_BAD, 0, ""},
    {" ORCPT=rfc822;\xc3\xa4@b.example", SMTP_PARAM_BAD, 0, ""},
    {" ORCPT=utf-8;\xc3\xa4@b.example", SMTP_PARAM_FINE, 0, "utf-8;\xc3\xa4@b.example"},
    {" ORCPT=utf-8;\xc3@b.example", SMTP_PARAM_BAD, 0, ""},
    {" ORCPT=utf-8;a\x7f@b.example", SMTP_PARAM_BAD, 0, ""},
    {" ORCPT=utf-8;\\x{E4}@b.example", SMTP_PARAM_FINE, 0, "utf-8;\\x{E4}@b.example"},
    {" SIZE=1", SMTP_PARAM_UNKNOWN, 0, ""},
    {" NOTIFY=NEVER NOTIFY=NEVER", SMTP_PARAM_REPEATED, 0, ""},
};

static void of_rcpt(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rcpts); i++) {
        struct smtp_rcpt_params p = {0};
        enum smtp_param_fault fault =
            smtp_rcpt_params_parse(guard_copy(span_cstr(rcpts[i].text)), ALL, true, &p);

        if (fault != rcpts[i].fault || p.notify != rcpts[i].notify)
            fail_msg("'%s': fault %d", rcpts[i].text, (int)fault);
        assert_span_equal(p.orcpt, span_cstr(rcpts[i].orcpt));
    }
}

static const struct {
    const char *orcpt;
    const char *ascii;
    const char *utf8;
} forms[] = {
    {"rfc822;a+2Bb@c.example", "rfc822;a+2Bb@c.example", "rfc822;a+2Bb@c.example"},
    {"utf-8;\xc3\xa4@b.example", "utf-8;\\x{E4}@b.example", "utf-8;\xc3\xa4@b.example"},
    {"utf-8;\xe9\x9b\xaa@\xf0\x9f\x93\xa7.example", "utf-8;\\x{96EA}@\\x{1F4E7}.example",
     "utf-8;\xe9\x9b\xaa@\xf0\x9f\x93\xa7.example"},
    {"utf-8;\xc3\xa4+x=y\\z\\x{E4}@b.example",
     "utf-8;\\x{E4}\\x{2B}x\\x{3D}y\\x{5C}z\\x{E4}@b.example",
     "utf-8;\xc3\xa4\\x{2B}x\\x{3D}y\\x{5C}z\\x{E4}@b.example"},
};

static void forms_of_orcpt(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(forms); i++) {
        span orcpt = guard_copy(span_cstr(forms[i].orcpt));
        char memory[200];
        struct buf b = BUF_OVER(memory);

        smtp_orcpt_put(&b, orcpt, false);
        assert_span_equal(buf_span(&b), span_cstr(forms[i].ascii));
        assert_true(smtp_orcpt_ok(buf_span(&b)));
        buf_reset(&b);
        smtp_orcpt_put(&b, orcpt, true);
        assert_span_equal(buf_span(&b), span_cstr(forms[i].utf8));
    }
}

static void utf8_where_it_was_not_asked_for(void **state)
{
    struct smtp_rcpt_params p;

    (void)state;
    assert_int_equal(
        smtp_rcpt_params_parse(guard_copy(SPAN(" ORCPT=utf-8;\xc3\xa4@b.example")), ALL, false, &p),
        SMTP_PARAM_BAD);
}

static void of_ehlo(void **state)
{
    (void)state;
    assert_int_equal(smtp_ext_parse(guard_copy(SPAN("size 100"))).ext, SMTP_EXT_SIZE);
    assert_span_equal(smtp_ext_parse(SPAN("SIZE  100 ")).argument, SPAN("100"));
    assert_int_equal(smtp_ext_parse(guard_copy(SPAN("AUTH=LOGIN"))).ext, SMTP_EXT_AUTH);
    assert_int_equal(smtp_ext_parse(guard_copy(SPAN("SIZE=100"))).ext, 0);
    assert_int_equal(smtp_ext_parse(guard_copy(SPAN("STARTTLS.example"))).ext, 0);
    assert_int_equal(smtp_ext_parse(guard_copy(SPAN(""))).ext, 0);
    for (unsigned bit = 0; smtp_ext_keyword(bit).n > 0; bit++)
        assert_int_equal(smtp_ext_parse(smtp_ext_keyword(bit)).ext, 1u << bit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_mail),        cmocka_unit_test(of_rcpt),
        cmocka_unit_test(forms_of_orcpt), cmocka_unit_test(utf8_where_it_was_not_asked_for),
        cmocka_unit_test(of_ehlo),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
