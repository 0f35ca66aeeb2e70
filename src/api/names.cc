// SPDX-License-Identifier: MIT
// Codes and enums in words.
#include <pester.h>

#include <array>

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

template <size_t N>
const char* word(const std::array<const char*, N>& words, int number) {
  return number >= 0 && static_cast<size_t>(number) < N ? words[static_cast<size_t>(number)] : "unknown";
}

constexpr std::array kStops = {"success", "attempts", "not_retryable", "budget",
                               "breaker", "deadline", "cancelled",     "closed"};
constexpr std::array kKinds = {"first", "retry",  "hedge",  "redirect",
                               "auth",  "expect", "resend", "resume"};
constexpr std::array kOutcomes = {"running", "won", "retried", "failed", "cancelled", "followed"};
constexpr std::array kDeliveries = {"unsent", "partly_sent", "sent", "answered"};
constexpr std::array kRules = {"none", "status", "failure", "predicate"};
static_assert(kRules.size() == PESTER_RULE_COUNT && pester::core::kDenialCount == PESTER_DENIAL_COUNT);

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
  return denial < 0 || denial >= PESTER_DENIAL_COUNT ? "unknown" : pester::core::kDenialNames[denial];
}
