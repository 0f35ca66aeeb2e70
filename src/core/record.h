// SPDX-License-Identifier: MIT
// What is told afterwards of one exchange. The engine writes what it decides, the shell what it sees.
// Plain data; refuses to know texts beyond offsets into the request's own.
#ifndef PESTER_CORE_RECORD_H_
#define PESTER_CORE_RECORD_H_

#include <cstdint>

#include "core/traffic.h"
#include "core/types.h"

namespace pester::core {

// The numbers are those of pester_kind_t, pester_outcome_t and pester_delivery_t.
enum class Kind : uint8_t { first, retry, hedge, redirect, auth, expect, resend, resume };
// Else it is a follow-up of one.
constexpr bool is_attempt(Kind kind) {
  return kind == Kind::first || kind == Kind::retry || kind == Kind::hedge;
}
enum class Outcome : uint8_t { running, won, retried, failed, cancelled, followed };

// What decided whether the attempt was tried again; the numbers are those of pester_rule_t.
enum class Rule : uint8_t { none, status, failure, predicate };

// Why no retry followed, or no hedge began; the numbers are those of pester_denial_t.
enum class Denial : uint8_t {
  none,
  attempts,     // as many as were allowed
  rules,        // the policy does not list what happened
  predicate,    // the user's answer
  unsafe,       // not safe to repeat: the server may have acted on it
  lookup,       // the name does not exist, asked often enough
  told,         // the user has seen a head already
  retry_after,  // the server asks for more patience than the policy has
  deadline,     // it would begin after the deadline
  in_vain,      // not even a quick answer would be in time
  budget,
  breaker,
  no_latencies,  // too few are known to tell when a hedge would begin
  room,          // the origin has as many connections as it may
  body,          // the request's own body cannot be sent again
  limit          // the origin's limits have neither place nor token for one more at once
};
inline constexpr int kDenialCount = 16;
inline constexpr const char* kDenialNames[kDenialCount] = {
    "none",     "attempts", "rules",  "predicate", "unsafe",       "lookup", "told", "retry_after",
    "deadline", "in_vain",  "budget", "breaker",   "no_latencies", "room",   "body", "limit"};

// What an exchange waited for before it began, beside its backoff: the last, if it was several. The
// numbers are those of pester_wait_t.
enum class Wait : uint8_t {
  none,
  connection,   // all that may be open are in use
  in_flight,    // the bulkhead
  concurrency,  // the origin's limit of attempts in flight
  rate,         // the origin's tokens
  gate,         // the hour that the origin named
  pacing        // the ledger was empty, and failures went on
};
inline constexpr int kWaitCount = 7;

struct Record {
  static constexpr int64_t kNone = -1;

  // Instants in ns since the request began, and lengths in ns.
  int64_t started = 0, sent = kNone, first_byte = kNone, ended = kNone;
  int64_t queued = kNone, dns = kNone, connect = kNone, tls = kNone, backoff = kNone;
  int64_t computed_backoff = kNone;  // what the backoff alone came to, before Retry-After
  Traffic sent_traffic, received_traffic;
  uint32_t attempt = 0;
  int32_t error = 0;
  int32_t balance = kNone;  // of the ledger when a retry was decided on: thousandths of an attempt
  uint16_t status = 0;
  uint8_t lane = 0;
  Kind kind = Kind::first;
  Outcome outcome = Outcome::running;
  Delivery delivery = Delivery::unsent;
  uint8_t target = 0;
  bool reused = false;
  bool told = false;  // to the log
  Rule rule : 3 = Rule::none;
  Wait waited_for : 5 = Wait::none;
  Denial denial = Denial::none;        // of a retry
  Denial hedge_denial = Denial::none;  // of the hedge that its silence would have begun
};

}  // namespace pester::core

#endif
