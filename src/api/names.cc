// SPDX-License-Identifier: MIT
// Codes and enums in words.
#include <pester.h>

#include <cstddef>
#include <iterator>

#include "core/error.h"
#include "core/record.h"

namespace {

// Not uv_err_name: it allocates for numbers it does not know.
const char* uv_name(int code) {
  switch (code) {
#define XX(name, message) \
  case UV_##name:         \
    return "UV_" #name;
    UV_ERRNO_MAP(XX)
#undef XX
    default:
      return nullptr;
  }
}

const char* pick(const char* const* words, size_t count, int number) {
  const bool known = number >= 0 && static_cast<size_t>(number) < count;
  return known ? words[static_cast<size_t>(number)] : "unknown";
}
template <size_t N>
const char* word(const char* const (&words)[N], int number) {
  return pick(words, N, number);
}

constexpr const char* kStops[] = {"success", "attempts", "not_retryable", "budget",
                                  "breaker", "deadline", "cancelled",     "closed"};
constexpr const char* kKinds[] = {"first", "retry",  "hedge",  "redirect",
                                  "auth",  "expect", "resend", "resume"};
constexpr const char* kOutcomes[] = {"running", "won", "retried", "failed", "cancelled", "followed"};
constexpr const char* kDeliveries[] = {"unsent", "partly_sent", "sent", "answered"};
constexpr const char* kRules[] = {"none", "status", "failure", "predicate"};
constexpr const char* kCloseReasons[] = {"unused", "aged",  "by_peer", "room",
                                         "failed", "unfit", "asked"};
static_assert(std::size(kCloseReasons) == PESTER_CLOSE_COUNT);
constexpr const char* kWaits[] = {"none", "connection", "in_flight", "concurrency",
                                  "rate", "gate",       "pacing"};
static_assert(std::size(kWaits) == PESTER_WAIT_COUNT && pester::core::kWaitCount == PESTER_WAIT_COUNT);
static_assert(std::size(kRules) == PESTER_RULE_COUNT &&
              pester::core::kDenialCount == PESTER_DENIAL_COUNT);

}  // namespace

const char* pester_strerror(int code) {
  if (code == 0) return "success";
  if (const char* text = pester::core::error_text(code); text != nullptr) return text;
  return uv_name(code) != nullptr ? uv_strerror(code) : "unknown error";
}
const char* pester_err_name(int code) {
  if (const char* name = pester::core::error_name(code); name != nullptr) return name;
  const char* name = uv_name(code);
  return name != nullptr ? name : "PESTER_UNKNOWN";
}
unsigned pester_version_number(void) {
  return PESTER_VERSION_NUMBER;
}
const char* pester_version(void) {
  return PESTER_VERSION;
}
const char* pester_stop_name(int stop) {
  return word(kStops, stop);
}
const char* pester_kind_name(int kind) {
  return word(kKinds, kind);
}
const char* pester_outcome_name(int outcome) {
  return word(kOutcomes, outcome);
}
const char* pester_delivery_name(int delivery) {
  return word(kDeliveries, delivery);
}
const char* pester_rule_name(int rule) {
  return word(kRules, rule);
}
const char* pester_denial_name(int denial) {
  return word(pester::core::kDenialNames, denial);
}
const char* pester_wait_name(int wait) {
  return word(kWaits, wait);
}
const char* pester_close_reason_name(int reason) {
  return word(kCloseReasons, reason);
}
