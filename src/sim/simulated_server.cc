// SPDX-License-Identifier: MIT
#include "sim/simulated_server.h"

#include <algorithm>
#include <cmath>

namespace pester::sim {

namespace {

using core::Rng;
using Kind = FailureModel::Kind;

constexpr int kRefused = -111;  // ECONNREFUSED, ECONNRESET as libuv has them on Linux
constexpr int kReset = -104;
constexpr double kNormal99 = 2.3263478740408408;  // the 99th percentile of the normal distribution
constexpr double kTwoPi = 6.283185307179586;

// One seed of several numbers: each moves it far.
uint64_t mixed(uint64_t seed, uint64_t a, uint64_t b, uint64_t c) {
  return ((seed * 0xd1342543de82ef95u + a) * 0xaf251af3b0f025b5u + b) * 0xb564ef22ec7aece5u + c;
}

Share roll(Rng& rng) {
  return static_cast<Share>((rng.next() >> 32) * kWhole >> 32);
}

Duration drawn(Rng& rng, const LatencyModel& model) {
  const double u = Rng::unit(rng.next());
  const auto from = static_cast<double>(model.from.ns), to = static_cast<double>(model.to.ns);
  double ns = from;
  switch (model.shape) {
    case LatencyModel::Shape::even:
      ns = from + (to - from) * u;
      break;
    case LatencyModel::Shape::exponential:
      ns = -std::log(1 - u) * from;
      break;
    case LatencyModel::Shape::lognormal: {  // Box and Muller's way to the normal distribution
      const double v = Rng::unit(rng.next());
      const double normal = std::sqrt(-2 * std::log(1 - u)) * std::cos(kTwoPi * v);
      ns = from * std::exp(normal * std::log(to / from) / kNormal99);
      break;
    }
  }
  constexpr double kDay = 24 * 3'600e9;
  return {std::llround(std::min(ns, kDay))};
}

}  // namespace

SimulatedServer::SimulatedServer(const ServerModel& model, uint64_t seed, Instant start)
    : model_(model), seed_(seed), start_(start) {
  uint32_t most = model.capacity;
  for (const CapacityChange& change : model.capacity_changes) most = std::max(most, change.capacity);
  for (uint32_t i = 0; i < most; ++i) places_.push({start.ns, i});
}

const Outage* SimulatedServer::outage_at(Instant at) const {
  for (const Outage& outage : model_.outages) {
    if (at >= start_ + outage.from && at < start_ + outage.to) return &outage;
  }
  return nullptr;
}

DialPlan SimulatedServer::dial(uint32_t connection, Instant now) {
  DialPlan plan;
  Rng rng(mixed(seed_, connection, 0, 1));
  if (model_.connect) plan.after = drawn(rng, *model_.connect);
  plan.at_once = !model_.connect;
  const Outage* outage = outage_at(now);
  if (outage == nullptr) return plan;
  if (outage->failure.kind == Kind::refuse) plan.error = kRefused;
  if (outage->failure.kind == Kind::hang) {
    plan.at_once = false;
    plan.after = kNever;
  }
  return plan;
}

const FailureModel* SimulatedServer::failure_of(Rng& rng) const {
  Share at = roll(rng);
  for (const ErrorPart& part : model_.errors) {
    if (at < part.share) return &part.failure;
    at -= part.share;
  }
  return nullptr;
}

Duration SimulatedServer::latency(Rng& rng, const FailureModel* failure) const {
  Share at = roll(rng);
  const LatencyModel* chosen = &model_.latencies.back().latency;
  for (const LatencyPart& part : model_.latencies) {
    if (at < part.share) {
      chosen = &part.latency;
      break;
    }
    at -= part.share;
  }
  if (failure != nullptr && failure->latency) chosen = &*failure->latency;
  return drawn(rng, *chosen);
}

int64_t SimulatedServer::open_from(uint32_t number, int64_t at) const {
  for (const CapacityChange& change : model_.capacity_changes) {
    const int64_t from = (start_ + change.from).ns, to = (start_ + change.to).ns;
    if (at >= to) continue;
    if (at < from) {
      if (number < model_.capacity) return at;
      at = from;
    }
    if (number < change.capacity) return at;
    at = to;
  }
  return number < model_.capacity ? at : INT64_MAX;
}

// First come, first served. A server does not notice that nobody waits for an answer any more: the work
// is done all the same.
Duration SimulatedServer::wait_for_room(Duration service, Instant now) {
  if (model_.capacity == 0) return {};
  while (!served_from_.empty() && served_from_.front() <= now.ns) served_from_.pop_front();
  Room place = places_.top();
  for (;;) {  // those that are closed by then are put back, to when they open
    places_.pop();
    const int64_t open = open_from(place.number, std::max(place.free_from, now.ns));
    if (open == std::max(place.free_from, now.ns)) break;
    places_.push({open, place.number});
    place = places_.top();
  }
  const int64_t from = std::max(place.free_from, now.ns);
  if (from > now.ns) {
    if (served_from_.size() >= model_.queue) {
      places_.push(place);
      return kNever;
    }
    served_from_.push_back(from);
  }
  places_.push({from + service.ns, place.number});
  return {from - now.ns};
}

// What an outage makes of an answer on its way, and of a connection that idles when it begins.
void SimulatedServer::meet_outages(ExchangePlan* plan, Instant now) const {
  for (const Outage& outage : model_.outages) {
    const Instant from = start_ + outage.from, to = start_ + outage.to;
    const Instant due = now + plan->latency;
    if (from <= now) continue;
    if (outage.failure.kind == Kind::hang && due >= from && due < to) plan->latency = kNever;
    if (outage.failure.kind != Kind::refuse) continue;
    if (due >= from) {
      plan->latency = from - now;
      plan->error = kReset;
    } else {
      plan->idle_life = from - due;
    }
    return;
  }
}

ExchangePlan SimulatedServer::answer(const ExchangeName& name, Instant now) {
  ExchangePlan plan;
  Rng rng(
      mixed(seed_, name.request, name.lane << 1 | (name.resend ? 1u : 0u), uint64_t{name.attempt} << 1));
  const FailureModel* failure = failure_of(rng);
  const Outage* outage = outage_at(now);
  if (outage != nullptr) failure = &outage->failure;
  const Duration service = latency(rng, failure);
  const bool works = failure == nullptr || failure->kind == Kind::status || failure->kind == Kind::reset;
  const Duration wait = works ? wait_for_room(service, now) : Duration{};
  last_wait_ = wait;
  plan.latency = {};
  if (wait.is_never()) {
    plan.head.status = 503;
  } else {
    plan.latency = {wait.ns + service.ns};
    if (failure != nullptr) {
      if (failure->kind == Kind::status) plan.head.status = failure->status;
      if (failure->kind == Kind::reset) plan.error = kReset;
      if (failure->kind == Kind::hang) plan.latency = kNever;
      if (failure->kind == Kind::refuse) {
        plan.latency = {};
        plan.error = kReset;
      }
    }
  }
  if (plan.head.status >= 400) plan.head.retry_after_s = model_.retry_after_s;
  meet_outages(&plan, now);
  return plan;
}

}  // namespace pester::sim
