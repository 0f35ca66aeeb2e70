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
  return sentence("--base-url", without_userinfo(o.request.base_urls[*number - 1].url),
                  rest.substr(colon + 2));
}

}  // namespace

std::string in_options(const std::string& refusal, const Options& o) {
  const std::string_view text = refusal;
  constexpr std::string_view kBase = "base_urls, number ",
                             kAttempt = "attempt_header: ", kDeadline = "deadline_header: ";
  if (text.starts_with(kBase)) return of_base_url(refusal, text.substr(kBase.size()), o);
  constexpr std::string_view kProxy = "proxy.url: ", kNoProxy = "proxy.no_proxy: ";
  if (text.starts_with(kProxy)) {
    return sentence("--proxy", without_userinfo(o.connection.proxy.value_or("")),
                    text.substr(kProxy.size()));
  }
  if (text.starts_with(kNoProxy)) return "option --noproxy: " + refusal.substr(kNoProxy.size());
  if (text.starts_with(kAttempt)) {
    return sentence("--attempt-header", o.request.attempt_header.value_or(""),
                    text.substr(kAttempt.size()));
  }
  if (text.starts_with(kDeadline)) {
    return sentence("--deadline-header", o.request.deadline_header.value_or(""),
                    text.substr(kDeadline.size()));
  }
  return refusal;
}

}  // namespace pester::cli
