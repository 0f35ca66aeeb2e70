// SPDX-License-Identifier: MIT
#include "sim/load.h"

#include <algorithm>
#include <cmath>

#include "sim/simulated_server.h"
#include "sim/simulation.h"

namespace pester::sim {

namespace {

// A request takes about ten steps; one that is tried for hours by a patient policy, some thousands.
constexpr uint64_t kStepsEach = 2'000;
constexpr uint64_t kStepsMore = 50'000;
constexpr double kNsPerSecond = 1e9;

class Load final : public World {
 public:
  Load(const ServerModel& server, const LoadPlan& plan)
      : plan_(plan),
        simulation_(plan.limits, plan.seed, *this),
        shell_(simulation_.shell()),
        server_(server, plan.seed, simulation_.now()),
        arrivals_(~plan.seed),
        start_(simulation_.now()) {
    shell_.watch(Watch::measure);
    sent_.policy = plan.policy;
    sent_.lanes = plan.may_race ? plan.policy.concurrency : uint8_t{1};
    sent_.repeatable = plan.repeatable;
    result_.latencies_ns.reserve(plan.requests);
  }

  LoadResult run() {
    const uint32_t together = plan_.rate > 0 ? 1 : std::min(plan_.parallel, plan_.requests);
    for (uint32_t i = 0; i < together; ++i) start_next();
    const uint64_t steps = kStepsEach * plan_.requests + kStepsMore;
    simulation_.run(static_cast<uint32_t>(std::min<uint64_t>(steps, UINT32_MAX)));
    result_.finished = result_.latencies_ns.size() == plan_.requests;
    result_.failure = shell_.failure();
    result_.exchanges = shell_.engine().counters().exchanges;
    result_.connections_opened = shell_.engine().counters().connections_opened;
    std::sort(result_.latencies_ns.begin(), result_.latencies_ns.end());
    return std::move(result_);
  }

 private:
  // Each after a wait of its own when they come at a rate, at once otherwise.
  void start_next() {
    if (started_ == plan_.requests) return;
    ++started_;
    if (plan_.rate <= 0) {
      simulation_.after({}, [this] { shell_.submit(sent_); });
      return;
    }
    const double u = core::Rng::unit(arrivals_.next());
    arrival_ns_ += -std::log(1 - u) / plan_.rate * kNsPerSecond;
    const Instant at = start_ + Duration{std::llround(arrival_ns_)};
    simulation_.after(at - simulation_.now(), [this] {
      start_next();
      shell_.submit(sent_);
    });
  }

  DialPlan dial(const Connection& connection) override {
    return server_.dial(connection.id, simulation_.now());
  }
  ExchangePlan exchange(const Request& request, const core::Lane& lane) override {
    return server_.answer({request.id, lane.index, lane.attempt, lane.kind == core::Kind::resend},
                          simulation_.now());
  }
  void done(Request&, const Ended& ended) override {
    result_.latencies_ns.push_back((ended.at - ended.began).ns);
    ++result_.outcomes[ended.error != 0 ? ended.error : ended.status];
    result_.length = ended.at - start_;
    if (plan_.rate <= 0) start_next();
  }

  const LoadPlan& plan_;
  Simulation simulation_;
  Shell& shell_;
  SimulatedServer server_;
  core::Rng arrivals_;
  Instant start_;
  Sent sent_;
  uint32_t started_ = 0;
  double arrival_ns_ = 0;
  LoadResult result_;
};

}  // namespace

LoadResult run_load(const ServerModel& server, const LoadPlan& plan) {
  return Load(server, plan).run();
}

}  // namespace pester::sim
