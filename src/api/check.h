// SPDX-License-Identifier: MIT
// What is known of a request before it gets memory: each part is looked at once, and a refusal names the
// one that offends. Refuses to know how a request is kept.
#ifndef PESTER_API_CHECK_H_
#define PESTER_API_CHECK_H_

#include <optional>
#include <string_view>

#include "api/base_urls.h"
#include "api/objects.h"
#include "uv/way.h"
#include "wire/request_writer.h"
#include "wire/url.h"

namespace pester::api {

// Where the tunnel of a CONNECT ends, as a URL whose target and authority are what such a request has.
struct Tunnel {
  static constexpr size_t kTargetBytesMax = 300;
  wire::Url url;
  char storage[kTargetBytesMax + 128];  // as much as wire::url_storage_bytes of "http://" and it
  char text[kTargetBytesMax + 8];       // "host:port"
};

struct Checked {
  explicit Checked(const pester_request_t& request) : given(request) {}
  const pester_request_t& given;
  std::string_view method;
  wire::MethodTraits traits;
  wire::Url url;
  wire::RequestHead head;
  wire::RequestHeadInfo info;
  std::optional<UserPolicy> own_policy;
  uv::Way way;                           // held, when the request brings a part of it
  wire::Block headers_block;             // of head.headers, when they are more than were given
  pester_body_source_t source;           // where there is one
  bool extras = false;                   // there may be more to do than for a plain request
  bool decodes = false;                  // the answer is to be decoded
  Destinations* destinations = nullptr;  // of a path: a URL for each base URL; `url` is the first one's
  alignas(Tunnel) char tunnel_room[sizeof(Tunnel)];  // nobody's, but for CONNECT
};

// Sets `why`, and returns the code.
int refuse(core::Why* why, int code, const char* text);

// Of what needs no memory.
[[nodiscard]] int check_plain(const pester_request_t& given, core::Why* why);
// Where a request to a path goes: sets `destinations` when there are base URLs.
[[nodiscard]] int find_destinations(pester_client_s& client, Checked* checked, core::Why* why);
// The way there, of a request that brings a part of it: sets `way`, which is then held.
[[nodiscard]] int find_way(pester_client_s& client, Checked* checked, core::Why* why);
// The rest, after those and `extras`, which the caller sets; `url_storage` as parse_url wants it.
[[nodiscard]] int check(pester_client_s& client, char* url_storage, Checked* checked, core::Why* why);

}  // namespace pester::api

#endif
