// SPDX-License-Identifier: MIT
// Which outcomes are tried again: a set of statuses and of failure classes, and the list that a user
// writes it as. Refuses to know attempts, budgets and methods.
#ifndef PESTER_CORE_CLASSIFY_H_
#define PESTER_CORE_CLASSIFY_H_

#include <cstdint>
#include <string_view>

#include "core/types.h"
#include "core/why.h"

namespace pester::core {

inline constexpr int kStatusMin = 100;
inline constexpr int kStatusMax = 599;

struct RetryRules {
  uint64_t statuses[8] = {};  // bit (status - 100)
  uint16_t classes = 0;       // bit FailureClass; those of `none` and `final` are never set

  bool operator==(const RetryRules&) const = default;

  [[nodiscard]] constexpr bool retries_status(int status) const {
    if (status < kStatusMin || status > kStatusMax) return false;
    const auto bit = static_cast<unsigned>(status - kStatusMin);
    return (statuses[bit / 64] >> (bit % 64) & 1) != 0;
  }
  [[nodiscard]] constexpr bool retries_class(FailureClass failure) const {
    return (classes >> static_cast<unsigned>(failure) & 1) != 0;
  }
  constexpr void set_status(int status, bool on) {
    const auto bit = static_cast<unsigned>(status - kStatusMin);
    const uint64_t mask = uint64_t{1} << (bit % 64);
    statuses[bit / 64] = on ? statuses[bit / 64] | mask : statuses[bit / 64] & ~mask;
  }
  constexpr void set_class(FailureClass failure, bool on) {
    if (failure == FailureClass::none || failure == FailureClass::final) return;
    const auto mask = static_cast<uint16_t>(1u << static_cast<unsigned>(failure));
    classes = static_cast<uint16_t>(on ? classes | mask : classes & ~mask);
  }

  // 500-599, connect, timeout, reset, dns, body.
  static constexpr RetryRules pester() {
    RetryRules rules;
    for (int status = 500; status <= 599; ++status) rules.set_status(status, true);
    for (const FailureClass failure : {FailureClass::connect, FailureClass::timeout, FailureClass::reset,
                                       FailureClass::dns, FailureClass::body}) {
      rules.set_class(failure, true);
    }
    return rules;
  }
};

// Reads "503,500-599,5xx,connect" or "+429,-body", in any case, with spaces around items. A list
// without signs replaces `rules`; one with signs changes them. On PESTER_EOPTION, `rules` is as it was
// and `why` names the item and its place.
[[nodiscard]] int parse_retry_on(std::string_view list, RetryRules* rules, Why* why);

}  // namespace pester::core

#endif
