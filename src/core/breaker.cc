// SPDX-License-Identifier: MIT
#include "core/breaker.h"

#include <algorithm>

#include "core/breaker_share.h"
#include "core/shared_breaker.h"

namespace pester::core {

namespace {

constexpr double kSpread = 0.1;  // of the wait, upward only
constexpr int64_t kSecondNs = 1'000'000'000;
constexpr Duration kSettled = Duration::from_ms(10'000);  // closed for so long, an opening is a new one
constexpr uint8_t kOpeningsMost = 63;

// Thousandths as the options tell them.
bool reaches(uint32_t part, uint32_t whole, uint32_t rate) {
  return rate != 0 && uint64_t{part} * 1'000 >= uint64_t{whole} * rate;
}

}  // namespace

Duration breaker_wait(const BreakerOptions& options, uint8_t openings, double u) {
  const int64_t most = std::max(options.open_first, options.open_most).ns;
  const int64_t first = options.open_first.ns;
  const int64_t wait = first > most >> openings ? most : first << openings;
  const double spread = u >= 0 && u <= 1 ? u : 0;
  const auto more = static_cast<int64_t>(static_cast<double>(wait) * kSpread * spread);
  return {more > Duration::never().ns - wait ? Duration::never().ns : wait + more};
}

bool is_over(const BreakerOptions& options, const Breaker::Counts& counts, uint32_t failures_in_a_row) {
  if (options.failures_in_a_row != 0 && failures_in_a_row >= options.failures_in_a_row) return true;
  if (counts.calls < options.calls_min) return false;
  return reaches(counts.failed, counts.calls, options.failure_rate) ||
         reaches(counts.slow, counts.calls, options.slow_rate);
}

Breaker::Breaker(const BreakerOptions& options) : options_(options) {
  options_.calls_min = std::max(options_.calls_min, uint32_t{1});
  options_.successes_to_close = std::max(options_.successes_to_close, uint32_t{1});
  options_.open_first = std::max(options_.open_first, Duration{});
  options_.probe_most = std::max(options_.probe_most, Duration{});
}

CallResult Breaker::result_of_success(Duration took) const {
  return options_.slow_rate != 0 && took >= options_.slow_after ? CallResult::slow : CallResult::ok;
}

Admission Breaker::admit(Instant now) {
  if (share_ != nullptr) [[unlikely]] {
    Admission admission;
    if (admit_by_share(now, &admission)) return admission;
  }
  switch (state_) {
    case BreakerState::closed:
    case BreakerState::forced_closed:
    case BreakerState::metrics_only:
      return {Admit::pass, {era_, false}, now};
    case BreakerState::forced_open:
    case BreakerState::open:
    case BreakerState::half_open:
      break;
  }
  Instant retry_at;
  if (refuses(now, &retry_at)) return {Admit::refuse, {}, retry_at};
  if (state_ == BreakerState::open) enter(BreakerState::half_open, now);
  return give_probe(now);
}

bool Breaker::refuses(Instant now, Instant* retry_at) const {
  switch (state_) {
    case BreakerState::closed:
    case BreakerState::forced_closed:
    case BreakerState::metrics_only:
      return false;
    case BreakerState::forced_open:
      *retry_at = Instant::never();
      return true;
    case BreakerState::open:
      *retry_at = until_;
      return now < until_;
    case BreakerState::half_open: {
      // When the probe ends nobody knows; it is given up at the latest then.
      const Instant given_up = since_ + options_.probe_most;
      *retry_at = std::min(given_up, now + options_.open_first);
      return probe_out_ && now < given_up;
    }
  }
  return false;
}

bool Breaker::would_refuse(Instant now, Instant* retry_at) {
  if (share_ != nullptr && !is_forced()) [[unlikely]] {
    look_at_share(now);
    if (share_ != nullptr) {
      const SharedBreaker* const shared = share_->held();
      return shared != nullptr && shared->would_refuse(options_, now, retry_at);
    }
  }
  return refuses(now, retry_at);
}

Admission Breaker::give_probe(Instant now) {
  begin_era();
  probe_out_ = true;
  since_ = now;
  return {Admit::probe, {era_, true}, now};
}

void Breaker::record(Permit permit, CallResult result, Instant now, double u) {
  if (permit.era != era_) {
    if ((permit.era & Permit::kShared) != 0) record_in_share(permit, result, now, u);
    return;
  }
  if (permit.probe) return settle_probe(result, now, u);
  count(result, now);
  const bool was_over = over_;
  over_ = is_over(options_, total_, in_a_row_);
  if (!over_ || was_over) return;
  ++trips_;
  if (state_ == BreakerState::closed) open(now, u);
}

void Breaker::release(Permit permit) {
  if (permit.era != era_ || !permit.probe) {
    if ((permit.era & Permit::kShared) != 0) release_in_share(permit);
    return;
  }
  probe_out_ = false;
  begin_era();
}

void Breaker::settle_probe(CallResult result, Instant now, double u) {
  const bool well = result == CallResult::ok || (result == CallResult::slow && options_.slow_rate == 0);
  if (!well) return open(now, u);
  probe_out_ = false;
  begin_era();
  if (++in_a_row_ >= options_.successes_to_close) enter(BreakerState::closed, now);
}

void Breaker::open(Instant now, double u) {
  if (state_ == BreakerState::closed && now - since_ >= kSettled) openings_ = 0;
  until_ = now + breaker_wait(options_, openings_, u);
  if (openings_ < kOpeningsMost) ++openings_;
  enter(BreakerState::open, now);
}

void Breaker::go_to(BreakerState state, Instant now) {
  if (state == state_) return;
  openings_ = 0;
  enter(state, now);
}

void Breaker::enter(BreakerState state, Instant now) {
  state_ = state;
  since_ = now;
  in_a_row_ = 0;
  probe_out_ = false;
  begin_era();
  ++entered_[static_cast<int>(state)];
  // While open the window still tells why.
  if (state != BreakerState::open && state != BreakerState::half_open) forget_calls();
}

void Breaker::begin_era() {
  if (++era_ == Permit::kShared) era_ = 1;
}

void Breaker::roll(Instant now) {
  const int64_t second = std::max(now.ns / kSecondNs, second_);
  const int64_t dead = std::min(second - second_, int64_t{kBuckets});
  for (int64_t i = 1; i <= dead; ++i) {
    Counts& bucket = buckets_[(second_ + i) % kBuckets];
    total_.calls -= bucket.calls;
    total_.failed -= bucket.failed;
    total_.slow -= bucket.slow;
    bucket = {};
  }
  second_ = second;
}

void Breaker::count(CallResult result, Instant now) {
  roll(now);
  Counts& bucket = buckets_[second_ % kBuckets];
  const uint32_t failed = result == CallResult::failed;
  const uint32_t slow = result == CallResult::slow;
  bucket.calls += 1;
  bucket.failed += failed;
  bucket.slow += slow;
  total_.calls += 1;
  total_.failed += failed;
  total_.slow += slow;
  in_a_row_ = failed != 0 ? in_a_row_ + 1 : 0;
}

void Breaker::forget_calls() {
  for (Counts& bucket : buckets_) bucket = {};
  total_ = {};
  over_ = false;
}

Breaker::Counts Breaker::counts(Instant now) {
  if (share_ != nullptr && !is_forced()) {
    if (SharedBreaker* shared = share_->reach(options_, now); shared != nullptr)
      return shared->counts(now);
  }
  roll(now);
  return total_;
}

// ---- a share

bool Breaker::is_forced() const {
  return state_ == BreakerState::forced_open || state_ == BreakerState::forced_closed ||
         state_ == BreakerState::metrics_only;
}

// False: this one is to judge.
bool Breaker::admit_by_share(Instant now, Admission* admission) {
  if (is_forced()) return false;
  SharedBreaker* const shared = share_->reach(options_, now);
  if (shared == nullptr) {
    leave_share(now);
    return false;
  }
  *admission = shared->admit(options_, now);
  show(shared->state(), now);
  return true;
}

void Breaker::record_in_share(Permit permit, CallResult result, Instant now, double u) {
  if (share_ == nullptr) return;
  SharedBreaker* const shared = share_->reach(options_, now);
  if (shared == nullptr) return leave_share(now);
  shared->record(options_, permit, result, now, u);
  show(shared->state(), now);
}

void Breaker::release_in_share(Permit permit) {
  if (share_ == nullptr) return;
  if (SharedBreaker* const shared = share_->held(); shared != nullptr) shared->release(permit);
}

void Breaker::look_at_share(Instant now) {
  if (is_forced()) return;
  SharedBreaker* const shared = share_->reach(options_, now);
  if (shared == nullptr) return leave_share(now);
  show(shared->state(), now);
}

void Breaker::show(BreakerState state, Instant now) {
  if (state == state_ || is_forced()) return;
  trips_ += state_ == BreakerState::closed && state == BreakerState::open;
  enter(state, now);
}

// From closed and with an empty window: what the others knew is not known here.
void Breaker::leave_share(Instant now) {
  share_ = nullptr;
  if (!is_forced()) go_to(BreakerState::closed, now);
}

}  // namespace pester::core
