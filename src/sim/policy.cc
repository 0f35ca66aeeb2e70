// SPDX-License-Identifier: MIT
#include "sim/policy.h"

namespace pester::sim {

namespace {

using core::Duration;

// The first refusal counts.
class Reader {
 public:
  // 0 keeps; PESTER_NONE is `none`.
  void time(int64_t given, const char* field, Duration none, Duration* out) {
    if (given < PESTER_NONE) refuse(field, "negative");
    if (given == PESTER_NONE) *out = none;
    if (given > 0) *out = Duration::from_ms(given);
  }
  void refuse(const char* field, const char* reason) {
    if (why_.empty()) why_ = std::string(field) + ": " + reason;
  }
  void refuse(const core::Why& why) {
    if (why_.empty()) why_ = why.c_str();
  }
  [[nodiscard]] const std::string& why() const { return why_; }

 private:
  std::string why_;
};

void read_counts(const pester_policy_t& given, core::Policy* policy, Reader* reader) {
  if (given.concurrency < PESTER_NONE || given.concurrency > PESTER_CONCURRENCY_MAX) {
    reader->refuse("concurrency", "must be from 1 to 64");
  } else if (given.concurrency != 0) {
    policy->concurrency = given.concurrency > 0 ? static_cast<uint8_t>(given.concurrency) : uint8_t{1};
  }
  if (given.max_attempts < PESTER_NONE) reader->refuse("max_attempts", "negative");
  if (given.max_attempts == PESTER_NONE) policy->max_attempts = core::Policy::kUnlimited;
  if (given.max_attempts > 0) policy->max_attempts = static_cast<uint32_t>(given.max_attempts);
  if (given.retry_unsafe != 0) policy->retry_unsafe = given.retry_unsafe != PESTER_NONE;
}

void read_backoff(const pester_backoff_t& given, core::Backoff* backoff, Reader* reader) {
  if (given.kind < PESTER_BACKOFF_DEFAULT || given.kind > PESTER_BACKOFF_CUSTOM) {
    reader->refuse("backoff.kind", "no such kind");
    return;
  }
  if (given.kind == PESTER_BACKOFF_CUSTOM) reader->refuse("backoff.fn", "cannot be simulated");
  if (given.kind != PESTER_BACKOFF_DEFAULT) *backoff = {static_cast<core::BackoffKind>(given.kind - 1)};
  reader->time(given.base_ms, "backoff.base_ms", Duration{}, &backoff->base);
  reader->time(given.cap_ms, "backoff.cap_ms", Duration::never(), &backoff->cap);
}

}  // namespace

int read_policy(const pester_policy_t& given, core::Policy* policy, std::string* why) {
  core::Policy read = *policy;
  Reader reader;
  if (given.struct_size != sizeof given)
    reader.refuse("policy", "not initialised, or not in this version");
  read_counts(given, &read, &reader);
  if (given.retry != nullptr) reader.refuse("retry", "cannot be simulated");
  if (given.retry_on != nullptr) {
    core::Why refusal;
    if (core::parse_retry_on(given.retry_on, &read.rules, &refusal) != 0) reader.refuse(refusal);
  }
  read_backoff(given.backoff, &read.backoff, &reader);
  const Duration never = Duration::never();
  reader.time(given.retry_after_max_ms, "retry_after_max_ms", Duration{}, &read.retry_after_max);
  reader.time(given.hedge_after_ms, "hedge_after_ms", Duration{}, &read.hedge_after);
  reader.time(given.connect_timeout_ms, "connect_timeout_ms", never, &read.connect_timeout);
  reader.time(given.first_byte_timeout_ms, "first_byte_timeout_ms", never, &read.first_byte_timeout);
  reader.time(given.body_gap_timeout_ms, "body_gap_timeout_ms", never, &read.body_gap_timeout);
  reader.time(given.attempt_timeout_ms, "attempt_timeout_ms", never, &read.attempt_timeout);
  reader.time(given.total_timeout_ms, "total_timeout_ms", never, &read.total_timeout);
  if (!reader.why().empty()) {
    *why = reader.why();
    return PESTER_EOPTION;
  }
  *policy = read;
  return 0;
}

}  // namespace pester::sim
