// SPDX-License-Identifier: MIT
// The same claims where the header is read by a C++20 compiler.
#include "test_header.c"
