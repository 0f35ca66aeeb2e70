// SPDX-License-Identifier: MIT
#include "core/classify.h"
#include "core/text.h"

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
  if (item.size() == 3 && same(core::part(item, 1), "xx") && item[0] >= '1' && item[0] <= '5') {
    first = (item[0] - '0') * 100;
    last = first + 99;
  } else if (const size_t dash = item.find('-'); dash != std::string_view::npos) {
    first = read_status(core::part(item, 0, dash));
    last = read_status(core::part(item, dash + 1));
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

struct Item {
  std::string_view text;
  int64_t number = 0;  // from 1
};

int refuse(Why* why, Item item, std::string_view reason) {
  constexpr size_t kShown = 40;  // the reason must still fit behind it
  why->clear();
  why->add("retry_on: item ").add(item.number).add(" \"").add(core::part(item.text, 0, kShown));
  why->add(item.text.size() > kShown ? "...\" " : "\" ").add(reason);
  return PESTER_EOPTION;
}

}  // namespace

int parse_retry_on(std::string_view list, RetryRules* rules, Why* why) {
  const auto is_signed = [](std::string_view text) {
    return !text.empty() && (text.front() == '+' || text.front() == '-');
  };
  const bool changes = is_signed(trimmed(list));
  RetryRules result = changes ? *rules : RetryRules{};
  Item item;
  for (size_t at = 0; at <= list.size();) {
    const size_t comma = std::min(list.find(',', at), list.size());
    item.text = trimmed(core::part(list, at, comma - at));
    ++item.number;
    at = comma + 1;
    if (item.text.empty()) return refuse(why, item, "is empty");
    if (is_signed(item.text) != changes) {
      return refuse(why, item,
                    changes ? "has no sign, the first has one" : "has a sign, the first has none");
    }
    const bool on = item.text.front() != '-';
    if (!apply(changes ? core::part(item.text, 1) : item.text, on, &result)) {
      return refuse(why, item, "is neither a status, a range, a class nor a failure");
    }
  }
  *rules = result;
  return 0;
}

}  // namespace pester::core
