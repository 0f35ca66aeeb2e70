// SPDX-License-Identifier: MIT
// Where a cookie comes from or would go to, and the rules that tell whether the two meet (RFC 6265bis
// §5.1.3, §5.1.4). Refuses to know what cookies there are.
#ifndef PESTER_WIRE_COOKIE_MATCH_H_
#define PESTER_WIRE_COOKIE_MATCH_H_

#include <string_view>

namespace pester::wire {

// What counts of a URL.
struct CookiePlace {
  std::string_view host;    // lower case, without brackets, zone and trailing dot
  std::string_view path;    // without query, at least "/"
  bool is_address = false;  // the host is an IP address
  // Over TLS, or to this very machine: "localhost", 127.0.0.1 and ::1, as curl and the browsers have it.
  bool is_secure = false;
};

// `url` is the normal text of a Url, and outlives the place.
[[nodiscard]] CookiePlace cookie_place(std::string_view url);

// `host` is `domain`, or a name below it.
[[nodiscard]] bool domain_matches(std::string_view host, std::string_view domain);
[[nodiscard]] bool path_matches(std::string_view path, std::string_view cookie_path);
// The path of a cookie that names none.
[[nodiscard]] std::string_view default_path(std::string_view path);

}  // namespace pester::wire

#endif
