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
    sent_.policy.limited = plan.limits.throttle.any();
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
      simulation_.after({}, [this] { submit(); });
      return;
    }
    const double u = core::Rng::unit(arrivals_.next());
    arrival_ns_ += -std::log(1 - u) / plan_.rate * kNsPerSecond;
    const Instant at = start_ + Duration{std::llround(arrival_ns_)};
    simulation_.after(at - simulation_.now(), [this] {
      start_next();
      submit();
    });
  }

  void submit() {
    if (LoadSlice* const slice = present()) ++slice->begun;
    shell_.submit(sent_);
  }

  // nullptr: none is kept.
  LoadSlice* present() {
    if (plan_.slice.ns <= 0) return nullptr;
    const auto at = static_cast<size_t>((simulation_.now() - start_).ns / plan_.slice.ns);
    while (result_.slices.size() <= at) result_.slices.push_back({.limit = limit()});
    LoadSlice& slice = result_.slices[at];
    slice.limit = limit();
    return &slice;
  }

  [[nodiscard]] uint32_t limit() const {
    const core::Throttle* const throttle = shell_.origins()[0]->throttle_room.get();
    if (throttle == nullptr) return 0;
    const uint32_t limit = throttle->concurrency.limit();
    return limit != core::Limits::kUnlimited ? limit : 0;
  }

  void note_wait() {
    LoadSlice* const slice = present();
    const Duration wait = server_.last_wait();
    if (slice == nullptr || wait.is_never()) return;
    ++slice->served;
    slice->wait_sum.ns += wait.ns;
    slice->wait_most = std::max(slice->wait_most, wait);
  }

  void note_done(const Ended& ended) {
    LoadSlice* const slice = present();
    if (slice == nullptr) return;
    constexpr int kFirstErrorStatus = 400;
    const bool is_good = ended.error == 0 && ended.status < kFirstErrorStatus;
    ++slice->done;
    slice->turned_away += ended.error == PESTER_EQUEUE;
    slice->good += is_good && ended.at - ended.began <= plan_.good_within;
  }

  DialPlan dial(const Connection& connection) override {
    return server_.dial(connection.id, simulation_.now());
  }
  ExchangePlan exchange(const Request& request, const core::Lane& lane) override {
    const bool resend = lane.kind == core::Kind::resend;
    const ExchangePlan plan =
        server_.answer({request.id, lane.index, lane.attempt, resend}, simulation_.now());
    note_wait();
    return plan;
  }
  void done(Request&, const Ended& ended) override {
    note_done(ended);
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
