// SPDX-License-Identifier: MIT
#include "wire/trailer_rule.h"

#include "wire/response_head.h"

namespace pester::wire {

namespace {

// Routing, authentication, cookies, content format and caching.
constexpr std::string_view kDropped[] = {
    "age",
    "authentication-info",
    "authorization",
    "cache-control",
    "content-range",
    "content-encoding",
    "content-type",
    "cookie",
    "date",
    "expires",
    "host",
    "keep-alive",
    "location",
    "proxy-authentication-info",
    "proxy-authorization",
    "proxy-authenticate",
    "retry-after",
    "set-cookie",
    "set-cookie2",
    "te",
    "trailer",
    "upgrade",
    "vary",
    "www-authenticate",
};

}  // namespace

TrailerRule rule_of_trailer(std::string_view name) {
  if (equals_ignoring_case(name, "content-length")) return TrailerRule::refuse;
  if (equals_ignoring_case(name, "transfer-encoding")) return TrailerRule::refuse;
  if (equals_ignoring_case(name, "connection")) return TrailerRule::close;
  if (equals_ignoring_case(name, "proxy-connection")) return TrailerRule::close;
  for (const std::string_view dropped : kDropped) {
    if (equals_ignoring_case(name, dropped)) return TrailerRule::drop;
  }
  return TrailerRule::keep;
}

}  // namespace pester::wire
