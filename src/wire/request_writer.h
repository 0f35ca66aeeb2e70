// SPDX-License-Identifier: MIT
// Writes a request's head (RFC 9112 §2–3) from checked parts, so that nothing a user passes can inject
// a header, a second request or a different framing. Two passes: check and measure, then write.
// Refuses to know connections and policies.
#ifndef PESTER_WIRE_REQUEST_WRITER_H_
#define PESTER_WIRE_REQUEST_WRITER_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "core/why.h"
#include "wire/url.h"

namespace pester::wire {

struct HeaderIn {
  const char* name;
  const char* value;  // nullptr: take the default header of this name away; "": send it empty
};

// What the engine must know of a method.
struct MethodTraits {
  bool safe = false;        // GET HEAD OPTIONS TRACE
  bool idempotent = false;  // those, PUT and DELETE
  bool head = false;        // the response has no body
  bool connect = false;
};
MethodTraits method_traits(std::string_view method);

// Of a body that is sent in chunks (RFC 9112 §7.1), because nobody knows how long it will be.
inline constexpr uint64_t kChunkedBody = UINT64_MAX;

struct RequestHead {
  std::string_view method;
  const Url* url = nullptr;
  std::span<const HeaderIn> headers;
  std::string_view user_agent;  // empty: no such header
  bool has_body = false;        // then Content-Length: body_bytes is written
  bool may_connect = false;     // the url is a CONNECT's: its target and authority are the tunnel's end
  uint64_t body_bytes = 0;      // or kChunkedBody: then Transfer-Encoding: chunked

  [[nodiscard]] uint64_t content_length() const { return has_body ? body_bytes : 0; }
};

// The most headers one request may bring, and the longest head.
inline constexpr size_t kRequestHeadersMax = 256;
inline constexpr size_t kRequestHeadBytesMax = size_t{1} << 20;

struct RequestHeadInfo {
  size_t bytes = 0;              // what write_request_head will write
  bool idempotency_key = false;  // the user sent Idempotency-Key
  bool close = false;            // the user sent "Connection: close": no other exchange may follow
};

// Default headers, in this order: Host, (Authorization: Basic from the URL's userinfo), User-Agent,
// Accept: */*, then the user's in their order (the first of a default's name stands in its place), then
// Content-Length when there is a body, or when the method is POST, PUT or PATCH (0 without a body); or
// Transfer-Encoding in its place.
// Refused with PESTER_EMETHOD or PESTER_EHEADER and a `why` naming header and byte: method or name not a
// token; CR, LF, NUL, other controls in a value; a second Host, none at all, or one that could be read
// as a list, a path or a user; Content-Length that is not the body's, twice, or taken away from a body;
// any Transfer-Encoding, TE, Upgrade, Expect, Trailer; a Connection other than "close" or "keep-alive",
// or a second one; CONNECT; control bytes or a colon in the name of the userinfo, once decoded; too
// many. As a part of the function that sends it costs more than a call.
[[nodiscard, gnu::noinline]] int measure_request_head(const RequestHead& head, RequestHeadInfo* info,
                                                      core::Why* why);
// Writes exactly the bytes measured, the empty line included.
void write_request_head(const RequestHead& head, char* out);

// Whether a field of that name can be added to any request: a token, and none that Pester writes itself,
// refuses, or needs to resume a body.
[[nodiscard]] bool may_add_field(std::string_view name);
// Whether the two could stand in a head: a token, and nothing that would break its line.
[[nodiscard]] bool is_field(std::string_view name, std::string_view value);
// Whether a written head has a field of that name, in any case.
[[nodiscard]] bool head_has_field(std::string_view head, std::string_view name);
// The value of the first of them; data() == nullptr when there is none.
[[nodiscard]] std::string_view find_head_field(std::string_view head, std::string_view name);

// application/x-www-form-urlencoded of one text: returns the bytes written to `out`, which has room for
// three times its size; out == nullptr only counts.
size_t form_urlencode(std::string_view text, char* out);

}  // namespace pester::wire

#endif
