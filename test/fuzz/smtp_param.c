/* SPDX-License-Identifier: ISC */
/* Parameters of MAIL and RCPT: whatever is fine holds no octet that could end a line somewhere. */
#include "base/ascii.h"
#include "fuzz.h"
#include "smtp/param.h"

static void judge(span value, size_t max)
{
    BUG_IF(value.n > max, "a value over its limit");
    for (size_t i = 0; i < value.n; i++)
        BUG_IF(ascii_is_control(value.p[i]), "a control octet in a value");
    BUG_IF(span_isearch(value, SPAN("+0a")) < value.n, "an encoded line end");
    BUG_IF(span_isearch(value, SPAN("+0d")) < value.n, "an encoded line end");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct smtp_mail_params mail = {0};
    struct smtp_rcpt_params rcpt = {0};
    span in;

    if (size < 2)
        return 0;
    in = fuzz_place(span_of(data + 2, size - 2));
    (void)smtp_mail_params_parse(in, UINT32_MAX, &mail);
    (void)smtp_rcpt_params_parse(in, UINT32_MAX, (data[0] & 1) != 0, &rcpt);
    judge(mail.envid, SMTP_ENVID_MAX_BYTES);
    judge(mail.auth, SIZE_MAX);
    judge(rcpt.orcpt, SMTP_ORCPT_MAX_BYTES);
    return 0;
}
