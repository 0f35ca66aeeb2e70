// SPDX-License-Identifier: MIT
// Splits at & and =, decodes percent signs, and hands the words to the actions' own parser.
#include "flaky/query.h"

#include "flaky/action.h"

namespace pester::flaky {
namespace {

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string decode(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool coded = text[i] == '%' && i + 2 < text.size() && hex_value(text[i + 1]) >= 0 &&
                       hex_value(text[i + 2]) >= 0;
    if (coded) {
      out.push_back(static_cast<char>(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2])));
      i += 2;
    } else {
      out.push_back(text[i] == '+' ? ' ' : text[i]);
    }
  }
  return out;
}

// As decode, but '+' is itself: times and places (reset@body+10) hold it.
std::string decode_name(std::string_view text) {
  std::string kept;
  for (const char c : text) kept += c == '+' ? std::string("%2B") : std::string(1, c);
  return decode(kept);
}

template <typename Visit>
void each_action(std::string_view query, Visit visit) {
  while (!query.empty()) {
    const size_t end = query.find('&');
    const std::string_view pair = query.substr(0, end);
    query = end == std::string_view::npos ? std::string_view() : query.substr(end + 1);
    const size_t equals = pair.find('=');
    const std::string name = decode_name(pair.substr(0, equals));
    const size_t at = name.find('@');
    Words words;
    words.name = name.substr(0, at);
    if (!is_action(words.name)) continue;
    if (at != std::string::npos) words.place = name.substr(at + 1);
    if (equals != std::string_view::npos) words.value = decode(pair.substr(equals + 1));
    visit(words);
  }
}

}  // namespace

bool query_has_actions(std::string_view query) {
  bool any = false;
  each_action(query, [&any](const Words&) { any = true; });
  return any;
}

void apply_query(std::string_view query, Reply* reply) {
  each_action(query, [reply](const Words& words) { apply(parse_action(words), reply); });
}

}  // namespace pester::flaky
