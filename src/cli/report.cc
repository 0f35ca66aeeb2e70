// SPDX-License-Identifier: MIT
// The few questions asked of a report in more than one place.
#include "cli/report.h"

#include "cli/text.h"

namespace pester::cli {

const std::string* find_header(const ResponseReport& response, const std::string& name) {
  for (const auto& [header, value] : response.headers) {
    if (equal_ignoring_case(header, name)) return &value;
  }
  return nullptr;
}

std::string without_userinfo(const std::string& url) {
  const size_t scheme = url.find("://");
  const size_t from = scheme == std::string::npos ? 0 : scheme + 3;
  const size_t end = std::min(url.find_first_of("/?#", from), url.size());
  const size_t at = url.rfind('@', end);
  if (at == std::string::npos || at < from || at >= end) return url;
  return url.substr(0, from) + url.substr(at + 1);
}

std::string without_secrets(const std::string& text) {
  const size_t scheme = text.find("://");
  const size_t from = scheme == std::string::npos ? 0 : scheme + 3;
  const size_t at = text.rfind('@');
  if (at == std::string::npos || at < from) return text;
  return text.substr(0, from) + text.substr(at + 1);
}

std::string with_userinfo(const std::string& url, const std::string& user) {
  const std::string bare = without_userinfo(url);
  const size_t scheme = bare.find("://");
  const size_t from = scheme == std::string::npos ? 0 : scheme + 3;
  const size_t colon = std::min(user.find(':'), user.size());
  const std::string password = colon < user.size() ? ":" + percent_encode(user.substr(colon + 1)) : "";
  return bare.substr(0, from) + percent_encode(user.substr(0, colon)) + password + "@" +
         bare.substr(from);
}

std::string head_text(const ResponseReport& response) {
  std::string text = response.http_version == 10 ? "HTTP/1.0 " : "HTTP/1.1 ";
  text += std::to_string(response.status) + " " + response.reason + "\r\n";
  for (const auto& [name, value] : response.headers) text += name + ": " + value + "\r\n";
  return text + "\r\n";
}

}  // namespace pester::cli
