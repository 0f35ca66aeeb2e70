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
  // A lane starts when the one before has not answered for so long, or for as long as this share of the
  // origin's recent answers took; the fixed wait is what is done while those are too few. Both 0: all
  // lanes start at once.
  Duration hedge_after;
  uint16_t hedge_per_mille = 0;
  // Losers without an answer are read on for so long, so that their connections and latencies are not
  // lost. 0: they are closed.
  Duration loser_drain;
  // So often may a streamed body that broke off go on where it broke. 0: never.
  uint8_t resumes_max = 0;
  bool feasible = false;    // nothing begins that would not be answered by the deadline
  bool use_budget = false;  // extra exchanges are paid by the client's ledger
  // These four share a byte: that none is set is one question.
  bool origin_gate : 1 = false;  // one Retry-After parks all of the origin's attempts
  bool use_breaker : 1 = false;  // of the origin
  // Extra attempts go to another endpoint than those in flight and the one that failed; endpoints that
  // keep failing are left out for a while.
  bool eject_endpoints : 1 = false;
  // The client limits what is in flight to an origin, or how often it is asked: nobody's to choose for
  // a request.
  bool limited : 1 = false;
  bool answered_unsafe = true;  // an unsafe request is tried again after any 5xx, else after 503 only
  // Retry-After is honoured up to so long; one that asks for more ends the trying. 0: it is not read.
  Duration retry_after_max = Duration::from_ms(300'000);
  Duration connect_timeout = Duration::from_ms(10'000);
  Duration first_byte_timeout = Duration::from_ms(30'000);
  Duration body_gap_timeout = Duration::from_ms(30'000);
  Duration attempt_timeout = Duration::never();
  Duration total_timeout = Duration::never();

  [[nodiscard]] bool hedges() const { return hedge_after.ns > 0 || hedge_per_mille != 0; }
  // Whether an exchange needs more than a connection to begin.
  [[nodiscard]] bool guards() const {
    return (unsigned{origin_gate} | unsigned{use_breaker} | unsigned{eject_endpoints} |
            unsigned{limited}) != 0;
  }
  // Whether what an origin's exchanges came to must be known.
  [[nodiscard]] bool needs_health() const {
    return (unsigned{hedge_per_mille} | unsigned{feasible} | unsigned{guards()}) != 0;
  }
  // Whether its lanes hold what must be given back.
  [[nodiscard]] bool needs_accounts() const { return use_budget || use_breaker || limited; }

  bool operator==(const Policy&) const = default;
};

}  // namespace pester::core

#endif
