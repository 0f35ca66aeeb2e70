// SPDX-License-Identifier: MIT
// PESTER_ASSERT: a programmer's error in Pester itself. Test builds abort; a release build goes on,
// because a guest must not take its host down. Never used for what a peer or a user can cause.
#ifndef PESTER_CORE_ASSERT_H_
#define PESTER_CORE_ASSERT_H_

#if defined(PESTER_ABORT_ON_BUG)
#include <cstdio>
#include <cstdlib>
#define PESTER_ASSERT(condition)                                                       \
  do {                                                                                 \
    if (!(condition)) {                                                                \
      std::fprintf(stderr, "%s:%d: pester bug: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                    \
    }                                                                                  \
  } while (false)
#else
#define PESTER_ASSERT(condition)       \
  do {                                 \
    (void)sizeof((condition) ? 1 : 0); \
  } while (false)
#endif

#endif
