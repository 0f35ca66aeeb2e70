// SPDX-License-Identifier: MIT
// A server that behaves as its model says, on a virtual clock. What befalls an exchange hangs on the
// seed and on whose exchange it is, not on what was asked before: so policies can be compared under the
// same luck. Refuses to know requests and connections beyond their numbers.
#ifndef PESTER_SIM_SIMULATED_SERVER_H_
#define PESTER_SIM_SIMULATED_SERVER_H_

#include <cstdint>
#include <deque>
#include <queue>
#include <vector>

#include "core/rng.h"
#include "sim/server_model.h"
#include "sim/world.h"

namespace pester::sim {

// Whose exchange it is.
struct ExchangeName {
  uint32_t request = 0;  // the first is 1
  uint32_t lane = 0;
  uint32_t attempt = 0;
  bool resend = false;
};

class SimulatedServer {
 public:
  // `model` is lent. Its times count from `start`.
  SimulatedServer(const ServerModel& model, uint64_t seed, Instant start);

  DialPlan dial(uint32_t connection, Instant now);
  // The request has come in.
  ExchangePlan answer(const ExchangeName& name, Instant now);
  // How long the last one that was answered has to wait before it is served.
  [[nodiscard]] Duration last_wait() const { return last_wait_; }

 private:
  [[nodiscard]] const Outage* outage_at(Instant at) const;
  [[nodiscard]] const FailureModel* failure_of(core::Rng& rng) const;
  [[nodiscard]] Duration latency(core::Rng& rng, const FailureModel* failure) const;
  // How long until it is served, for that long; never when the queue is full.
  Duration wait_for_room(Duration service, Instant now);
  void meet_outages(ExchangePlan* plan, Instant now) const;

  const ServerModel& model_;
  uint64_t seed_;
  Instant start_;
  // When a place of that number takes somebody again, which is free from `at` on.
  [[nodiscard]] int64_t open_from(uint32_t number, int64_t at) const;

  // When each place is free again, the next one on top; and when who waits now will be served.
  struct Room {
    int64_t free_from;
    uint32_t number;
    bool operator<(const Room& other) const {  // the heap's top is the earliest, of those the lowest
      return other.free_from < free_from || (other.free_from == free_from && other.number < number);
    }
  };
  std::priority_queue<Room> places_;
  Duration last_wait_{};
  std::deque<int64_t> served_from_;
};

}  // namespace pester::sim

#endif
