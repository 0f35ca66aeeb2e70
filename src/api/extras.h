// SPDX-License-Identifier: MIT
// What few requests have beyond a URL, headers and a body: given to the request after it was built.
// Refuses to know what each of it means.
#ifndef PESTER_API_EXTRAS_H_
#define PESTER_API_EXTRAS_H_

#include "api/objects.h"

namespace pester::api {

// Cheap to ask: most requests have none of it.
inline bool wants_extras(const pester_client_s& client, const pester_request_t& given) {
  return given.fixed_fallback != nullptr || given.redirects != nullptr || given.auth != nullptr ||
         given.cookies != nullptr || client.extras;
}
// 0 or a code, and then `why` tells.
[[nodiscard, gnu::noinline]] int add_extras(pester_client_s& client, const pester_request_t& given,
                                            pester_result_s* result, core::Why* why);

}  // namespace pester::api

#endif
