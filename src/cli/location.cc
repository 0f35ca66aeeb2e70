// SPDX-License-Identifier: MIT
#include "cli/location.h"

#include <algorithm>
#include <cctype>
#include <string_view>
#include <vector>

#include "cli/text.h"

namespace pester::cli {
namespace {

bool has_scheme(std::string_view text) {
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0 ||
      std::isalpha(static_cast<unsigned char>(text[0])) == 0)
    return false;
  return std::all_of(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(colon), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '+' || c == '-' || c == '.';
  });
}

// RFC 3986 §5.2.4, over the segments.
std::string without_dots(std::string_view path) {
  std::vector<std::string> kept;
  const std::vector<std::string> segments = split(path.substr(std::min<size_t>(path.size(), 1)), '/');
  for (size_t i = 0; i < segments.size(); ++i) {
    const bool last = i + 1 == segments.size();
    if (segments[i] == ".." && !kept.empty()) kept.pop_back();
    if (segments[i] == "." || segments[i] == "..") {
      if (last) kept.emplace_back();
      continue;
    }
    kept.push_back(segments[i]);
  }
  std::string out;
  for (const std::string& segment : kept) out += "/" + segment;
  return out.empty() ? "/" : out;
}

}  // namespace

std::string absolute_location(const std::string& base, const std::string& location) {
  if (has_scheme(location)) return location;
  const size_t authority = std::min(base.find("://"), base.size());
  const size_t path_at = std::min(base.find_first_of("/?#", authority + 3), base.size());
  const size_t query_at = std::min(base.find_first_of("?#", path_at), base.size());
  if (location.starts_with("//")) return base.substr(0, authority + 1) + location;
  const std::string origin = base.substr(0, path_at);
  const std::string path = base.substr(path_at, query_at - path_at);
  if (location.empty() || location.starts_with('#')) {
    return base.substr(0, std::min(base.find('#'), base.size())) + location;
  }
  if (location.starts_with('?')) return origin + (path.empty() ? "/" : path) + location;
  const size_t end = std::min(location.find_first_of("?#"), location.size());
  const std::string own = location.substr(0, end);
  const std::string merged =
      own.starts_with('/') ? own : path.substr(0, path.rfind('/') + 1) + (path.empty() ? "/" : "") + own;
  return origin + without_dots(merged) + location.substr(end);
}

}  // namespace pester::cli
