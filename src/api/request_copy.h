// SPDX-License-Identifier: MIT
// A request as its user describes it, copied with all it points to into one block, so that another
// thread can send it later. Refuses to know whether it could be sent.
#ifndef PESTER_API_REQUEST_COPY_H_
#define PESTER_API_REQUEST_COPY_H_

#include <pester.h>

#include <cstddef>

namespace pester::api {

struct RequestCopy {
  pester_request_t request;  // its error_text is `why`
  pester_policy_t policy;
  pester_fallback_t fallback;
  pester_redirects_t redirects;
  pester_auth_t auth;
  pester_body_source_t source;
  pester_route_t route;
  pester_proxy_t proxy;
  pester_tls_options_t tls;
  char why[256];
  size_t bytes;  // of the block
};

// Of malloc's memory. UV_EINVAL for what cannot be read: no url, no on_done, an array that is missing;
// UV_ENOMEM.
[[nodiscard]] int copy_request(const pester_request_t* from, RequestCopy** copy);
void free_request_copy(RequestCopy* copy);

}  // namespace pester::api

#endif
