// SPDX-License-Identifier: MIT
// What few requests have beyond a URL, headers and a body: given to the request after it was built.
// Refuses to know what each of it means.
#ifndef PESTER_API_EXTRAS_H_
#define PESTER_API_EXTRAS_H_

#include <cstdint>

#include "api/check.h"
#include "api/objects.h"

namespace pester::api {

// Cheap to ask: most requests have none of it.
inline bool wants_extras(const pester_client_s& client, const pester_request_t& given) {
  const auto bits = [](const void* pointer) { return reinterpret_cast<uintptr_t>(pointer); };
  return (bits(given.route) | bits(given.proxy) | bits(given.tls) | bits(given.fixed_fallback) |
          bits(given.redirects) | bits(given.auth) | bits(given.cookies) | bits(given.upgrade) |
          bits(given.connect_target) | bits(given.source) | uintptr_t{given.on_upgrade != nullptr} |
          uintptr_t{given.on_informational != nullptr} |
          static_cast<uintptr_t>(given.expect_continue | given.decode | given.lenient | given.collapse) |
          static_cast<uintptr_t>(given.stale_if_error_ms) | uintptr_t{client.extras}) != 0;
}
inline bool brings_way(const pester_request_t& given) {
  return given.route != nullptr || given.proxy != nullptr || given.tls != nullptr;
}
// What of it stands in the request's head. 0 or a code, and then `why` tells.
[[nodiscard, gnu::noinline]] int add_headers(pester_client_s& client, Checked* checked, core::Why* why);
// 0 or a code, and then `why` tells.
[[nodiscard, gnu::noinline]] int add_extras(pester_client_s& client, Checked* checked,
                                            pester_result_s* result, core::Why* why);
// What of it the request did not take over.
[[gnu::noinline]] void leave_extras(pester_client_s& client, Checked* checked);

}  // namespace pester::api

#endif
