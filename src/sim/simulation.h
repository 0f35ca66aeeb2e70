// SPDX-License-Identifier: MIT
// A world on a virtual clock: works off, in the order of their time, what the network does by plan, what
// the user set out to do, and the engine's deadlines. The same plans give the same log byte for byte.
#ifndef PESTER_SIM_SIMULATION_H_
#define PESTER_SIM_SIMULATION_H_

#include <functional>
#include <map>
#include <queue>

#include "sim/world.h"

namespace pester::sim {

class Simulation final : private Driver {
 public:
  Simulation(const core::Limits& limits, uint64_t seed, World& world)
      : shell_(limits, seed, *this), world_(world) {
    shell_.add_origin();
  }

  [[nodiscard]] Shell& shell() { return shell_; }
  [[nodiscard]] Instant now() const { return shell_.now(); }
  // The user does something, so long from now.
  void after(Duration wait, std::function<void()> action);
  // The host holds up the loop once, from the first event after `wait`.
  void hold_up(Duration wait, Duration length);

  // Until nothing comes any more within 30 days, or a claim fails; false when `steps` are over before.
  bool run(uint32_t steps = 100'000);
  void run_until(Instant end);
  // The user closes the client; then nothing may be left.
  void close();

 private:
  enum class What : uint8_t { dialed, handshaken, sent, head, part, end, origin_closes, user };
  struct Event {
    Instant at;
    uint64_t order = 0;
    What what = What::user;
    uint32_t connection = 0;
    uint32_t serial = 0;  // of the connection's plan; another one since: void
    size_t action = 0;
    bool operator<(const Event& other) const {  // the heap's top is the earliest
      return other.at < at || (other.at == at && other.order < order);
    }
  };
  struct Wire {
    DialPlan dial;
    ExchangePlan plan;
    uint32_t serial = 0;
    uint32_t parts_left = 0;
    bool ripe = false;  // something is here and not read yet
    What ripe_what = What::head;
  };

  bool memory_is_out() override { return world_.memory_is_out(); }
  Dialing dial(Connection& connection) override;
  Dialing next_address(Connection& connection) override { return dial(connection); }
  Sending send(core::Lane& lane, Connection& connection) override;
  void read_on(Connection& connection) override;
  void closed(Connection& connection) override { wires_.erase(connection.id); }
  core::Verdict verdict(Request& request, core::Lane& lane) override {
    return world_.verdict(request, lane);
  }
  core::Following may_follow(Request& request, core::Lane& lane) override {
    return world_.may_follow(request, lane);
  }
  Duration backoff(Request& request, core::Lane& lane, double random) override {
    return world_.backoff(request, lane, random);
  }
  bool fallback(Request& request) override { return world_.fallback(request); }
  void head(Request& request) override { world_.head(request); }
  void done(Request& request, const Ended& ended) override { world_.done(request, ended); }

  bool step(Instant end);
  void plan(Connection& connection, What what, Duration wait);
  void fire(const Event& event);
  void stream(Connection& connection, Wire& wire, What what);
  void part(Connection& connection, Wire& wire);

  Shell shell_;
  World& world_;
  std::priority_queue<Event> events_;
  std::vector<std::function<void()>> actions_;
  std::map<uint32_t, Wire> wires_;
  uint64_t order_ = 0;
  Instant held_from_ = Instant::never();
  Duration held_for_{};
};

}  // namespace pester::sim

#endif
