/* SPDX-License-Identifier: ISC */
#include "os/os.h"

#include <stdio.h>
#include <unistd.h>

/* openat is variadic in libc, so it gets a function of one type. */
#define KERNEL_CALL(name, result, params, args)                                                    \
    static result kernel_##name params                                                             \
    {                                                                                              \
        return name args;                                                                          \
    }
OS_CALL_LIST(KERNEL_CALL)
#undef KERNEL_CALL

const struct os os_kernel = {
#define KERNEL_MEMBER(name, result, params, args) .name = kernel_##name,
    OS_CALL_LIST(KERNEL_MEMBER)
#undef KERNEL_MEMBER
};

const struct os *os_calls = &os_kernel;
