// SPDX-License-Identifier: MIT
// Where a redirect leads and as what (RFC 9110 §15.4, RFC 3986 §5): the Location resolved against the
// URL that answered, and the request that goes there. Refuses to know connections, and who may be
// followed.
#ifndef PESTER_WIRE_REDIRECT_H_
#define PESTER_WIRE_REDIRECT_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/why.h"
#include "wire/memory.h"
#include "wire/response_head.h"
#include "wire/url.h"

namespace pester::wire {

// 301, 302, 303, 307 or 308 with a Location. Other statuses of the class name no single place.
[[nodiscard]] bool is_redirect(const ResponseHead& head);

// The one Location of a redirect, made absolute. Bytes beyond ASCII and spaces of its path and query are
// percent-encoded, as servers send them raw. `storage` is taken from the pool, is what `url` points
// into, and is the caller's also on a refusal: PESTER_EURL, PESTER_ESCHEME (neither http nor https), or
// UV_ENOMEM.
[[nodiscard]] int resolve_location(const Url& base, const ResponseHead& head, BlockPool& pool,
                                   Block* storage, Url* url, core::Why* why);

// What the next request is: 303 makes a GET of all but HEAD, 301 and 302 of POST; the others repeat it.
struct NextMethod {
  bool to_get = false;  // and without a body
};
[[nodiscard]] NextMethod next_method(uint16_t status, std::string_view method);

[[nodiscard]] inline bool is_same_origin(const Url& a, const Url& b) {
  return a.scheme == b.scheme && a.port == b.port && a.host_kind == b.host_kind && a.host == b.host &&
         a.zone == b.zone;
}

// How the head of the next hop differs from the one before: what was left out stays out.
struct NextHead {
  std::string_view previous;  // as written, the empty line included
  std::string_view method;    // empty: as it was
  const Url* url = nullptr;
  bool drop_body = false;         // Content-..., Transfer-Encoding, Trailer, Expect, digests
  bool drop_credentials = false;  // Authorization, Cookie, Proxy-Authorization, and these:
  bool drop_authorization = false;
  std::string_view strip;  // names, each followed by a NUL
};
// Returns the bytes; writes them unless `out` is nullptr.
size_t write_next_head(const NextHead& next, char* out);

}  // namespace pester::wire

#endif
