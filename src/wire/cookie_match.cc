// SPDX-License-Identifier: MIT
#include "wire/cookie_match.h"

#include <algorithm>

#include "core/text.h"
#include "wire/ip_literal.h"

namespace pester::wire {

using core::begins_with;
using core::part;

CookiePlace cookie_place(std::string_view url) {
  constexpr std::string_view kTls = "https:";
  CookiePlace place;
  place.is_secure = begins_with(url, kTls);
  std::string_view rest = part(url, place.is_secure ? kTls.size() + 2 : kTls.size() + 1);
  const bool bracketed = !rest.empty() && rest.front() == '[';
  const size_t slash = std::min(rest.find('/'), rest.size());
  const std::string_view authority = part(rest, bracketed ? 1 : 0, bracketed ? slash - 1 : slash);
  const size_t host_end = authority.find_first_of(bracketed ? "%]" : ":");
  place.host = part(authority, 0, host_end);
  rest = part(rest, slash);
  place.path = part(rest, 0, rest.find('?'));
  place.is_address = bracketed || is_ipv4_literal(place.host);
  place.is_secure =
      place.is_secure || place.host == "localhost" || place.host == "127.0.0.1" || place.host == "::1";
  return place;
}

bool domain_matches(std::string_view host, std::string_view domain) {
  if (host.size() <= domain.size()) return host == domain;
  const size_t dot = host.size() - domain.size() - 1;
  return !domain.empty() && host[dot] == '.' && part(host, dot + 1) == domain;
}

bool path_matches(std::string_view path, std::string_view cookie_path) {
  if (!begins_with(path, cookie_path)) return false;
  return path.size() == cookie_path.size() || (!cookie_path.empty() && cookie_path.back() == '/') ||
         path[cookie_path.size()] == '/';
}

std::string_view default_path(std::string_view path) {
  const size_t last = path.rfind('/');
  return last == 0 || last == std::string_view::npos ? std::string_view("/") : part(path, 0, last);
}

}  // namespace pester::wire
