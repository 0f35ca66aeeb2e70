// SPDX-License-Identifier: MIT
// What a scripted world does: how a dial goes, how an origin answers an exchange, what the user says
// when asked and does when told. One small struct for each, and the interface that hands them out.
#ifndef PESTER_SIM_WORLD_H_
#define PESTER_SIM_WORLD_H_

#include "sim/shell.h"

namespace pester::sim {

inline constexpr Duration kNever = Duration::never();

// How dialing one address goes.
struct DialPlan {
  Duration after = Duration::from_ms(1);  // kNever: a black hole
  int error = 0;                          // 0: it is up then
  bool more_addresses = false;
  bool tls = false;                           // a handshake follows
  Duration tls_after = Duration::from_ms(1);  // kNever: likewise
  int tls_error = 0;
  bool at_once = false;  // as on loopback; no `after` and no TLS then
};

// How an origin answers one exchange. Times count from what came before.
struct ExchangePlan {
  bool stale = false;      // only when reused: found dead before sending
  bool blocked = false;    // the request does not fit in one send
  bool none_sent = false;  // nothing of it at first
  Duration send_time = Duration::from_ms(1);
  bool early = false;                        // the answer comes before the request is sent
  Duration latency = Duration::from_ms(10);  // kNever: a black hole
  int error = 0;                             // instead of a head
  Head head;                                 // its body_bytes are those told; UINT64_MAX: not told
  uint64_t body_bytes = 0;                   // that come
  uint32_t parts = 1;
  Duration part_gap{};          // kNever after the first part: a black hole
  int body_error = 0;           // instead of the end
  Duration idle_life = kNever;  // after the end: how long until the origin closes
};

class World {
 public:
  virtual DialPlan dial(const Connection& connection) = 0;
  virtual ExchangePlan exchange(const Request& request, const core::Lane& lane) = 0;
  virtual bool memory_is_out() { return false; }
  virtual core::Verdict verdict(Request&, core::Lane&) { return core::Verdict::by_rule; }
  virtual core::Following may_follow(Request&, core::Lane&) { return core::Following::follow; }
  virtual Duration backoff(Request&, core::Lane&, double) { return {}; }
  virtual bool fallback(Request&) { return false; }
  virtual void head(Request&) {}
  virtual void done(Request&, const Ended&) {}

 protected:
  ~World() = default;
};

}  // namespace pester::sim

#endif
