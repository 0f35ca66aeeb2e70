// SPDX-License-Identifier: MIT
// What few requests have beyond a URL, headers and a body: given to the request after it was built.
// Refuses to know what each of it means.
#ifndef PESTER_API_EXTRAS_H_
#define PESTER_API_EXTRAS_H_

#include <cstdint>

#include "api/objects.h"

namespace pester::api {

// Cheap to ask: most requests have none of it.
inline bool wants_extras(const pester_client_s& client, const pester_request_t& given) {
  const auto bits = [](const void* pointer) { return reinterpret_cast<uintptr_t>(pointer); };
  return (bits(given.fixed_fallback) | bits(given.redirects) | bits(given.auth) | bits(given.source) |
          reinterpret_cast<uintptr_t>(given.on_informational) |
          static_cast<uintptr_t>(given.expect_continue) | uintptr_t{client.extras}) != 0;
}
// 0 or a code, and then `why` tells.
[[nodiscard, gnu::noinline]] int add_extras(pester_client_s& client, const pester_request_t& given,
                                            pester_result_s* result, core::Why* why);

}  // namespace pester::api

#endif
