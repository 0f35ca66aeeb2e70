// SPDX-License-Identifier: MIT
// cmocka for C++ test files: its headers lack extern "C", and its macros (fail, skip, mock) break
// standard headers that come later, so include this last. Its asserts longjmp: no destructors with
// effects may stand on a test's frame.
#ifndef PESTER_TEST_SUPPORT_CMOCKA_H_
#define PESTER_TEST_SUPPORT_CMOCKA_H_

#include <csetjmp>
#include <cstdarg>
#include <cstddef>
#include <cstdint>

extern "C" {
#include <cmocka.h>
}

#endif
