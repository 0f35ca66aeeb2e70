// SPDX-License-Identifier: MIT
#include "core/classify.h"

#include <algorithm>

namespace pester::core {

namespace {

struct NamedClass {
  std::string_view name;
  FailureClass failure;
};
constexpr NamedClass kNamedClasses[] = {
    {"connect", FailureClass::connect},  {"dns", FailureClass::dns},
    {"timeout", FailureClass::timeout},  {"reset", FailureClass::reset},
    {"body", FailureClass::body},        {"tls", FailureClass::tls},
    {"protocol", FailureClass::protocol}};

constexpr char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool same(std::string_view text, std::string_view lower_text) {
  return std::equal(text.begin(), text.end(), lower_text.begin(), lower_text.end(),
                    [](char a, char b) { return lower(a) == b; });
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Three digits within the statuses there are; -1 otherwise.
int read_status(std::string_view text) {
  if (text.size() != 3) return -1;
  int status = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return -1;
    status = status * 10 + (c - '0');
  }
  return status >= kStatusMin && status <= kStatusMax ? status : -1;
}

bool apply_statuses(std::string_view item, bool on, RetryRules* rules) {
  int first = -1;
  int last = -1;
  if (item.size() == 3 && same(item.substr(1), "xx") && item[0] >= '1' && item[0] <= '5') {
    first = (item[0] - '0') * 100;
    last = first + 99;
  } else if (const size_t dash = item.find('-'); dash != std::string_view::npos) {
    first = read_status(trimmed(item.substr(0, dash)));
    last = read_status(trimmed(item.substr(dash + 1)));
  } else {
    first = last = read_status(item);
  }
  if (first < 0 || last < first) return false;
  for (int status = first; status <= last; ++status) rules->set_status(status, on);
  return true;
}

bool apply(std::string_view item, bool on, RetryRules* rules) {
  for (const NamedClass& named : kNamedClasses) {
    if (!same(item, named.name)) continue;
    rules->set_class(named.failure, on);
    return true;
  }
  return apply_statuses(item, on, rules);
}

int refuse(Why* why, std::string_view reason, std::string_view item, size_t at) {
  why->clear();
  why->add("retry_on: ")
      .add(reason)
      .add(" \"")
      .add(item)
      .add("\" at byte ")
      .add(static_cast<int64_t>(at));
  return PESTER_EOPTION;
}

}  // namespace

int parse_retry_on(std::string_view list, RetryRules* rules, Why* why) {
  enum class Signs : uint8_t { unknown, none, all } signs = Signs::unknown;
  RetryRules result = *rules;
  for (size_t at = 0;;) {
    const size_t comma = std::min(list.find(',', at), list.size());
    const std::string_view whole = trimmed(list.substr(at, comma - at));
    const bool is_signed = !whole.empty() && (whole.front() == '+' || whole.front() == '-');
    const Signs now = is_signed ? Signs::all : Signs::none;
    if (signs != Signs::unknown && now != signs) {
      return refuse(why, "items with and without a sign are mixed at", whole, at);
    }
    if (signs == Signs::unknown && !is_signed) result = RetryRules{};
    signs = now;
    const std::string_view item = is_signed ? trimmed(whole.substr(1)) : whole;
    const bool on = !is_signed || whole.front() == '+';
    if (item.empty()) return refuse(why, "empty item", whole, at);
    if (!apply(item, on, &result)) {
      return refuse(why, "neither a status, a range nor a failure class:", whole, at);
    }
    if (comma == list.size()) break;
    at = comma + 1;
  }
  *rules = result;
  return 0;
}

}  // namespace pester::core
