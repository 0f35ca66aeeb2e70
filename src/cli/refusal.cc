// SPDX-License-Identifier: MIT
// Field by field; the value shown is the one that was given, without a password.
#include "cli/refusal.h"

#include <string_view>

#include "cli/report.h"
#include "cli/text.h"

namespace pester::cli {
namespace {

std::string sentence(const std::string& option, const std::string& value, std::string_view why) {
  return "option " + option + ": '" + printable(value) + "': " + std::string(why);
}

// Of "number 2: too long" in `rest`, the second base URL and why. The 17th of 16 is the one too many.
std::string of_base_url(const std::string& refusal, std::string_view rest, const Options& o) {
  const size_t colon = rest.find(": ");
  if (colon == std::string_view::npos) return refusal;
  const auto number = whole_number(rest.substr(0, colon));
  if (!number || *number == 0 || *number > o.request.base_urls.size()) return refusal;
  return sentence("--base-url", without_secrets(o.request.base_urls[*number - 1].url),
                  rest.substr(colon + 2));
}

// What the library calls a thing, and what the command does.
struct Name {
  std::string_view library, option;
};
// The library's text goes on with the value.
constexpr Name kWithValue[] = {
    {"retry_on: ", "--retry-on"},
    {"resolve ", "--resolve"},
    {"connect_to ", "--connect-to"},
    {"pinned_spki: ", "--pinnedpubkey"},
    {"proxy.no_proxy: ", "--noproxy"},
    {"route.unix_socket: ", "--unix-socket"},
    {"route.interface_name: ", "--interface"},
    {"route.local_address: ", "--interface"},
    {"user_agent: ", "--user-agent"},
};

}  // namespace

std::string in_options(const std::string& refusal, const Options& o) {
  const std::string_view text = refusal;
  const auto behind = [&](std::string_view prefix) { return text.substr(prefix.size()); };
  constexpr std::string_view kBase = "base_urls, number ",
                             kProxy = "proxy.url: ", kAttempt = "attempt_header: ",
                             kDeadline = "deadline_header: ", kServers = "dns_servers: ";
  if (text.starts_with(kBase)) return of_base_url(refusal, behind(kBase), o);
  if (text.starts_with(kProxy)) {
    return sentence("--proxy", without_secrets(o.connection.proxy.value_or("")), behind(kProxy));
  }
  if (text.starts_with(kAttempt)) {
    return sentence("--attempt-header", o.request.attempt_header.value_or(""), behind(kAttempt));
  }
  if (text.starts_with(kDeadline)) {
    return sentence("--deadline-header", o.request.deadline_header.value_or(""), behind(kDeadline));
  }
  if (text.starts_with(kServers)) {
    return sentence("--dns-servers", o.connection.dns_servers, behind(kServers));
  }
  for (const Name& name : kWithValue) {
    if (text.starts_with(name.library)) {
      return "option " + std::string(name.option) + ": " + std::string(behind(name.library));
    }
  }
  return refusal;
}

}  // namespace pester::cli
