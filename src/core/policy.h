// SPDX-License-Identifier: MIT
// What a request may do when things go wrong: one plain struct, checked before it gets here. A client
// has one; a request may bring its own. Refuses to know where the numbers came from.
#ifndef PESTER_CORE_POLICY_H_
#define PESTER_CORE_POLICY_H_

#include "core/backoff.h"
#include "core/classify.h"
#include "core/types.h"

namespace pester::core {

struct Policy {
  static constexpr uint32_t kUnlimited = UINT32_MAX;

  uint32_t max_attempts = 3;  // per lane, the first included
  uint8_t concurrency = 1;
  bool retry_unsafe = false;
  bool ask_verdict = false;  // the user has a retry predicate
  RetryRules rules = RetryRules::pester();
  Backoff backoff;
  Duration hedge_after;  // 0: all lanes start at once
  // Retry-After is honoured up to so long; one that asks for more ends the trying. 0: it is not read.
  Duration retry_after_max = Duration::from_ms(300'000);
  Duration connect_timeout = Duration::from_ms(10'000);
  Duration first_byte_timeout = Duration::from_ms(30'000);
  Duration body_gap_timeout = Duration::from_ms(30'000);
  Duration attempt_timeout = Duration::never();
  Duration total_timeout = Duration::never();

  bool operator==(const Policy&) const = default;
};

}  // namespace pester::core

#endif
