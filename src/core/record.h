// SPDX-License-Identifier: MIT
// What is told afterwards of one exchange. The engine writes what it decides, the shell what it sees.
// Plain data; refuses to know texts beyond offsets into the request's own.
#ifndef PESTER_CORE_RECORD_H_
#define PESTER_CORE_RECORD_H_

#include <cstdint>

#include "core/types.h"

namespace pester::core {

// The numbers are those of pester_kind_t, pester_outcome_t and pester_delivery_t.
enum class Kind : uint8_t { first, retry, hedge, redirect, auth, expect, resend, resume };
enum class Outcome : uint8_t { running, won, retried, failed, cancelled, followed };

struct Record {
  static constexpr int64_t kNone = -1;

  // Instants in ns since the request began, and lengths in ns.
  int64_t started = 0, sent = kNone, first_byte = kNone, ended = kNone;
  int64_t queued = kNone, dns = kNone, connect = kNone, tls = kNone, backoff = kNone;
  uint64_t bytes_sent = 0, bytes_received = 0;
  uint32_t attempt = 0;
  int32_t error = 0;
  uint16_t status = 0;
  uint8_t lane = 0;
  Kind kind = Kind::first;
  Outcome outcome = Outcome::running;
  Delivery delivery = Delivery::unsent;
  bool reused = false;
  bool told = false;  // to the log
};

}  // namespace pester::core

#endif
