// SPDX-License-Identifier: MIT
// Base URLs: a client's list of them, and what a request to a path becomes with each. Refuses to choose
// among them: the engine does.
#ifndef PESTER_API_BASE_URLS_H_
#define PESTER_API_BASE_URLS_H_

#include <pester.h>

#include <string_view>

#include "core/objects.h"
#include "core/why.h"
#include "wire/memory.h"
#include "wire/request_writer.h"
#include "wire/url.h"

namespace pester::api {

static_assert(PESTER_BASE_URLS_MAX == core::kTargetsMax);

struct BaseUrl {
  const char* text;  // without a slash at its end
  size_t bytes;
  uint32_t weight;
};

// One block with its texts behind it.
struct BaseUrls {
  uint8_t count = 0;
  BaseUrl at[core::kTargetsMax];
};

// PESTER_EOPTION, and `why` names the URL; UV_ENOMEM. A list of none gives nullptr.
[[nodiscard]] int copy_base_urls(const pester_base_url_t* given, size_t count,
                                 const wire::Allocator& memory, BaseUrls** out, core::Why* why);

// A request to one of them.
struct Destination {
  wire::Url url;
  wire::RequestHeadInfo info;
  uint32_t weight;
};

struct Destinations {
  wire::Block block;  // that this lies in
  uint8_t count = 0;
  Destination at[core::kTargetsMax];
};

// `path` begins with a slash. UV_ENOMEM, or what parse_url says.
[[nodiscard]] int join_base_urls(wire::BlockPool& pool, const BaseUrls& bases, std::string_view path,
                                 Destinations** out, core::Why* why);

}  // namespace pester::api

#endif
