// SPDX-License-Identifier: MIT
#include "sim/scenario.h"

#include <map>

#include "sim/checker.h"
#include "sim/simulation.h"

namespace pester::sim {

namespace {

constexpr int kRefused = -111;  // ECONNREFUSED, as libuv has them on Linux
constexpr int kReset = -104;
constexpr int kNoName = -3008;
constexpr uint32_t kRequestsMax = 12;
constexpr uint32_t kStepsMax = 3'000;
constexpr uint32_t kWildExchanges = 150;  // then the world calms down, so that every scenario ends

Duration ms(int64_t n) {
  return Duration::from_ms(n);
}

// Few of each kind, so that things meet.
Duration some_wait(Choices& choices) {
  constexpr int64_t kWaits[] = {0, 1, 2, 5, 10, 49, 50, 100, 1000, 20'000};
  return {ms(choices.pick(kWaits)).ns + choices.between(0, 1) * 300'000};
}

Duration some_limit(Choices& choices) {
  constexpr int64_t kLimits[] = {-1, 1, 10, 50, 200, 1000, 30'000};
  const int64_t limit = choices.pick(kLimits);
  return limit < 0 ? kNever : ms(limit);
}

core::ConcurrencyOptions some_concurrency(Choices& choices) {
  core::ConcurrencyOptions options;
  options.kind = choices.one_in(2) ? core::LimiterKind::gradient : core::LimiterKind::aimd;
  options.least = 1 + choices.below(2);
  options.most = options.least + choices.below(4);
  options.initial = 1 + choices.below(4);
  return options;
}

core::Limits some_limits(Choices& choices) {
  core::Limits limits;
  limits.connections_per_origin = static_cast<uint32_t>(choices.between(1, 4));
  if (choices.one_in(3)) limits.connections = static_cast<uint32_t>(choices.between(1, 5));
  limits.idle_per_origin = choices.below(4);
  limits.waiting_per_origin = choices.one_in(4) ? choices.below(3) : 100;
  limits.idle_timeout = ms(choices.between(1, 2000));
  limits.connection_age_max = choices.one_in(4) ? ms(choices.between(1, 500)) : ms(600'000);
  if (choices.one_in(4)) limits.in_flight_per_origin = 1 + choices.below(3);
  if (choices.one_in(4)) limits.wait_most = ms(choices.between(1, 500));
  limits.happy_eyeballs_delay = ms(choices.between(1, 250));
  if (choices.one_in(4)) limits.throttle.concurrency = some_concurrency(choices);
  if (choices.one_in(6)) {
    constexpr int64_t kPeriods[] = {1, 10, 100, 1'000};
    limits.throttle.rate = {1 + choices.below(5), ms(choices.pick(kPeriods)), choices.below(4)};
  }
  return limits;
}

core::Policy some_policy(Choices& choices) {
  core::Policy policy;
  policy.max_attempts = choices.one_in(8) ? core::Policy::kUnlimited : 1 + choices.below(4);
  policy.retry_unsafe = choices.one_in(4);
  policy.ask_verdict = choices.one_in(3);
  policy.backoff.kind = static_cast<core::BackoffKind>(choices.below(10));
  policy.backoff.base = some_wait(choices);
  if (choices.one_in(2)) policy.backoff.cap = some_wait(choices);
  if (choices.one_in(2)) policy.hedge_after = some_wait(choices);
  if (choices.one_in(4)) policy.retry_after_max = ms(choices.between(0, 2) * 1'000);
  policy.connect_timeout = some_limit(choices);
  policy.first_byte_timeout = some_limit(choices);
  policy.body_gap_timeout = some_limit(choices);
  if (choices.one_in(3)) policy.attempt_timeout = some_limit(choices);
  if (choices.one_in(3)) policy.total_timeout = some_limit(choices);
  if (choices.one_in(3)) {
    policy.hedge_per_mille = static_cast<uint16_t>(1 + choices.below(999));
    if (choices.one_in(2)) policy.loser_drain = some_wait(choices);
  }
  policy.feasible = choices.one_in(4);
  policy.use_budget = choices.one_in(4);
  policy.use_breaker = choices.one_in(4);
  policy.origin_gate = choices.one_in(4);
  policy.eject_endpoints = choices.one_in(2);
  policy.answered_unsafe = !choices.one_in(4);
  if (choices.one_in(2)) policy.resumes_max = static_cast<uint8_t>(choices.below(4));
  if (choices.one_in(4)) policy.rules.set_status(429, true);
  if (choices.one_in(4)) policy.rules.set_class(core::FailureClass::body, false);
  return policy;
}

// What an endpoint does whatever the weather.
enum class Temper : uint8_t { good, refuses, busy, slow, resets };

class Scenario final : public World {
 public:
  Scenario(Choices& choices, Keeping keeping)
      : choices_(choices),
        simulation_(some_limits(choices), choices.below(1u << 16), *this),
        shell_(simulation_.shell()) {
    memory_fails_ = choices.one_in(8);
    friendly_ = choices.one_in(2);
    shares_ = choices.one_in(3);
    core::BreakerOptions breaker;
    breaker.calls_min = 1 + choices.below(20);
    breaker.failures_in_a_row = choices.below(4);
    if (choices.one_in(2)) breaker.open_first = breaker.open_most = ms(choices.between(1, 2'000));
    shell_.set_breaker(breaker);
    if (keeping == Keeping::shared) shell_.share();
    for (uint32_t more = choices.one_in(3) ? 1 + choices.below(3) : 0; more != 0; --more) {
      shell_.add_origin();
    }
    if (choices.one_in(2)) add_endpoints();
  }

  ScenarioResult run() {
    const uint32_t requests = 1 + choices_.below(6);
    for (uint32_t i = 0; i < requests; ++i) {
      const Duration at = choices_.one_in(2) ? Duration{} : some_wait(choices_);
      simulation_.after(at, [this] { submit(); });
    }
    for (uint32_t warm = choices_.one_in(3) ? 1 + choices_.below(2) : 0; warm != 0; --warm) {
      simulation_.after(choices_.one_in(2) ? Duration{} : some_wait(choices_), [this] { warm_up(); });
    }
    if (choices_.one_in(8)) simulation_.hold_up(some_wait(choices_), some_wait(choices_));
    if (choices_.one_in(10)) simulation_.after(some_wait(choices_), [this] { close(); });
    const bool finished = simulation_.run(kStepsMax);
    shell_.claim(finished || unlimited_, "bounded attempts come to an end");
    if (shell_.ok() && finished) check_progress(shell_, black_holes_ != 0);
    while (shell_.ok() && !shell_.requests().empty()) {
      cancel_first();
      simulation_.run(kStepsMax);
    }
    if (shell_.ok()) simulation_.close();
    ScenarioResult result;
    result.ok = shell_.ok();
    result.failure = shell_.failure();
    result.log = shell_.log();
    result.requests = shell_.ended().size();
    result.exchanges = shell_.engine().counters().exchanges;
    for (const Ended& ended : shell_.ended()) result.answers += ended.status != 0;
    return result;
  }

 private:
  void submit() {
    if (closed_ || submitted_ == kRequestsMax) return;
    ++submitted_;
    if (shares_ && !choices_.one_in(3)) {
      send(some_shared());
      return;
    }
    Sent sent;
    sent.origin = choices_.below(static_cast<uint32_t>(shell_.origins().size()));
    for (uint32_t more = choices_.one_in(3) ? 1 + choices_.below(3) : 0; more != 0; --more) {
      sent.other_origins.push_back(choices_.below(static_cast<uint32_t>(shell_.origins().size())));
    }
    if (choices_.one_in(2)) sent.weights = {choices_.below(3), choices_.below(3)};
    if (sent.other_origins.empty()) sent.weights.clear();
    sent.policy = some_policy(choices_);
    sent.repeatable = !choices_.one_in(3);
    sent.streamed = choices_.one_in(3);
    sent.wants_head = choices_.one_in(3);
    sent.fallback = choices_.one_in(3);
    sent.resumable = choices_.one_in(2);
    if (choices_.one_in(2)) sent.redirects = static_cast<uint8_t>(1 + choices_.below(4));
    sent.asks_redirect = choices_.one_in(3);
    sent.one_shot = choices_.one_in(8);
    if (sent.one_shot) sent.redirects = 0;  // which would be the shell's to refuse
    sent.lanes =
        sent.repeatable && !sent.one_shot ? static_cast<uint8_t>(1 + choices_.below(3)) : uint8_t{1};
    sent.policy.concurrency = std::max(sent.lanes, static_cast<uint8_t>(1 + choices_.below(3)));
    send(sent);
  }

  void send(const Sent& sent) {
    unlimited_ |= sent.policy.max_attempts == core::Policy::kUnlimited;
    const uint32_t id = shell_.submit(sent);
    if (choices_.one_in(sent.key != 0 ? 3 : 6))
      simulation_.after(some_wait(choices_), [this, id] { shell_.cancel(id); });
    if (choices_.one_in(4)) pause(id, some_wait(choices_));
  }

  // A run goes with its members.
  void cancel_first() {
    for (const auto& request : shell_.requests()) {
      if (request->is_run) continue;
      shell_.cancel(request->id);
      return;
    }
  }

  // One of the same requests that others may have sent.
  Sent some_shared() {
    const uint32_t key = 1 + choices_.below(2);
    auto [at, is_new] = shared_.try_emplace(key);
    Sent& sent = at->second;
    if (is_new) {
      sent.key = key;
      sent.origin = choices_.below(static_cast<uint32_t>(shell_.origins().size()));
      sent.policy = some_policy(choices_);
      sent.policy.ask_verdict = false;
      if (sent.policy.backoff.kind == core::BackoffKind::custom) {
        sent.policy.backoff.kind = core::BackoffKind::constant;
      }
      if (choices_.one_in(2)) sent.redirects = static_cast<uint8_t>(1 + choices_.below(4));
      sent.lanes = static_cast<uint8_t>(1 + choices_.below(3));
      sent.policy.concurrency = std::max(sent.lanes, static_cast<uint8_t>(1 + choices_.below(3)));
    }
    Sent one = sent;
    one.policy.total_timeout = choices_.one_in(3) ? some_limit(choices_) : kNever;
    one.fallback = choices_.one_in(3);
    return one;
  }

  void warm_up() {
    if (closed_) return;
    const uint32_t origin = choices_.below(static_cast<uint32_t>(shell_.origins().size()));
    shell_.warm_up(origin, 1 + choices_.below(4), some_limit(choices_));
  }

  // One more origin, with endpoints of which some are never any good.
  void add_endpoints() {
    const auto origin = static_cast<uint32_t>(shell_.origins().size());
    const uint32_t count = 1 + choices_.below(4);
    shell_.add_origin(count);
    for (uint32_t i = 0; i < count; ++i) {
      constexpr Temper kTempers[] = {Temper::good, Temper::good, Temper::refuses,
                                     Temper::busy, Temper::slow, Temper::resets};
      tempers_[key_of_endpoint(origin, i)] = choices_.pick(kTempers);
    }
  }

  [[nodiscard]] Temper temper(const core::Connection& connection) const {
    const auto at = tempers_.find(connection.endpoint);
    return at == tempers_.end() ? Temper::good : at->second;
  }

  void pause(uint32_t id, Duration wait) {
    simulation_.after(wait, [this, id] {
      shell_.pause(id);
      simulation_.after(some_wait(choices_), [this, id] { shell_.resume(id); });
    });
  }

  void close() {
    closed_ = true;
    shell_.close();
  }

  // Inside a callback everything is allowed.
  void act(uint32_t id) {
    switch (choices_.below(24)) {
      case 8:
        shell_.cancel(id);
        break;
      case 9:
        submit();
        break;
      case 10:
        pause(id, {});
        break;
      case 11:
        if (choices_.one_in(4)) close();
        break;
      case 12:
        warm_up();
        break;
      default:
        break;
    }
  }

  // A friendly world lets most things go well, so that connections live and races are won.
  [[nodiscard]] bool is_calm() {
    return exchanges_ > kWildExchanges || (friendly_ && !choices_.one_in(4));
  }

  Duration maybe_never(Duration wait, uint32_t one_in) {
    if (!choices_.one_in(one_in)) return wait;
    ++black_holes_;
    return kNever;
  }

  DialPlan dial(const Connection& connection) override {
    DialPlan plan;
    plan.at_once = choices_.one_in(4);
    ++exchanges_;
    if (temper(connection) == Temper::refuses) plan.error = kRefused;
    if (plan.error != 0 || is_calm()) return plan;
    constexpr int kErrors[] = {0, 0, 0, 0, 0, 0, kRefused, kRefused, kNoName, PESTER_ECERTIFICATE};
    plan.error = choices_.pick(kErrors);
    plan.after = maybe_never(some_wait(choices_), 12);
    plan.more_addresses = choices_.one_in(4);
    plan.tls = !plan.at_once && choices_.one_in(4);
    if (plan.tls) {
      plan.tls_after = maybe_never(some_wait(choices_), 12);
      // A proxy's handshake is one, too: it may be tried again, or its credentials are wrong for good.
      constexpr int kHandshake[] = {PESTER_ETLS, PESTER_EPROXY, PESTER_EPROXYAUTH};
      plan.tls_error = choices_.one_in(4) ? choices_.pick(kHandshake) : 0;
    }
    return plan;
  }

  ExchangePlan exchange(const Request&, const core::Lane& lane) override {
    ExchangePlan plan;
    ++exchanges_;
    const Temper temper = this->temper(*lane.connection);
    if (temper == Temper::busy) plan.head.status = 503;
    if (temper == Temper::resets) plan.error = kReset;
    if (temper == Temper::slow) plan.latency = ms(1'000);
    if (temper != Temper::good || is_calm()) return plan;
    plan.stale = lane.reused && choices_.one_in(4);
    plan.blocked = choices_.one_in(6);
    if (plan.blocked) {
      plan.none_sent = choices_.one_in(2);
      plan.send_time = maybe_never(some_wait(choices_), 12);
      plan.early = choices_.one_in(4);
    }
    plan.latency = maybe_never(some_wait(choices_), 12);
    constexpr int kErrors[] = {0, 0, 0, 0, 0, 0, 0, PESTER_EEMPTY, kReset, PESTER_EHEADCUT};
    plan.error = choices_.pick(kErrors);
    constexpr uint16_t kStatuses[] = {200, 200, 200, 503, 503, 500, 404, 429};
    plan.head.status = choices_.pick(kStatuses);
    constexpr uint64_t kBodies[] = {0, 10, 16'384, 16'385, 65'536, 65'537, 200'000};
    plan.body_bytes = choices_.pick(kBodies);
    plan.head.body_bytes = choices_.one_in(4) ? UINT64_MAX : plan.body_bytes;
    plan.head.persistent = plan.head.body_bytes != UINT64_MAX || choices_.one_in(2);
    if (choices_.one_in(4)) {
      constexpr uint32_t kAsked[] = {1, 2, 20, 300, 301, UINT32_MAX};
      plan.head.retry_after_s = choices_.pick(kAsked);
    }
    if (choices_.one_in(4)) lead_on(&plan.head);
    plan.head.apart = shares_ && choices_.one_in(6);
    if (choices_.one_in(4)) plan.head.keep_alive_s = 1 + choices_.below(5);
    plan.parts = 1 + choices_.below(3);
    plan.part_gap = maybe_never(choices_.one_in(2) ? Duration{} : some_wait(choices_), 12);
    if (choices_.one_in(6)) plan.body_error = PESTER_EBODYCUT;
    if (choices_.one_in(4)) plan.idle_life = some_wait(choices_);
    return plan;
  }

  void lead_on(Head* head) {
    constexpr core::Kind kKinds[] = {core::Kind::redirect, core::Kind::redirect, core::Kind::auth,
                                     core::Kind::expect};
    head->follow = choices_.pick(kKinds);
    head->follow_origin = choices_.below(static_cast<uint32_t>(shell_.origins().size()));
    head->follow_repeatable = choices_.one_in(2);
  }

  bool memory_is_out() override { return memory_fails_ && !is_calm() && choices_.one_in(6); }

  core::Verdict verdict(Request& request, core::Lane&) override {
    const uint32_t id = request.id;
    if (choices_.one_in(8)) act(id);
    return is_calm() ? core::Verdict::by_rule : static_cast<core::Verdict>(choices_.below(4));
  }
  core::Following may_follow(Request& request, core::Lane&) override {
    if (choices_.one_in(8)) act(request.id);
    return static_cast<core::Following>(choices_.below(3));
  }
  Duration backoff(Request& request, core::Lane&, double) override {
    if (choices_.one_in(8)) act(request.id);
    return some_wait(choices_);
  }
  bool fallback(Request& request) override {
    if (choices_.one_in(8)) act(request.id);
    return choices_.one_in(2);
  }
  void head(Request& request) override { act(request.id); }
  void done(Request& request, const Ended&) override { act(request.id); }

  Choices& choices_;
  Simulation simulation_;
  Shell& shell_;
  std::map<uint64_t, Temper> tempers_;  // by the endpoint's key
  uint32_t submitted_ = 0, exchanges_ = 0, black_holes_ = 0;
  std::map<uint32_t, Sent> shared_;  // by its key
  bool shares_ = false;
  bool memory_fails_ = false;
  bool friendly_ = false;
  bool closed_ = false;
  bool unlimited_ = false;  // some request may go on for ever
};

}  // namespace

ScenarioResult run_scenario(Choices& choices, Keeping keeping) {
  return Scenario(choices, keeping).run();
}

}  // namespace pester::sim
