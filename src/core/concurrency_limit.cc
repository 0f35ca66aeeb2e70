// SPDX-License-Identifier: MIT
#include "core/concurrency_limit.h"

#include <algorithm>

#include "core/assert.h"

namespace pester::core {

namespace {

constexpr uint32_t kSamplesMin = 10;   // of a window
constexpr uint32_t kSamplesLeast = 5;  // answers among them, for a median
constexpr Duration kShortest = Duration::from_ms(100);
constexpr Duration kLongest = Duration::from_ms(1'000);
constexpr Duration kForgotten = Duration::from_ms(10'000);  // without a word, a window begins anew
constexpr Duration kProbeFirst = Duration::from_ms(10'000);
constexpr Duration kProbeMost = Duration::from_ms(60'000);

constexpr double kTolerance = 1.5;
constexpr double kGradientLeast = 0.5;
constexpr double kSmoothing = 0.2;
constexpr double kQueue = 4;
constexpr double kBackoff = 0.9;
// In use, or not. Beyond what is in use a limit is a guess: when the server loses half of its places at
// once, two thirds in use leave a queue of twice a service, one half would leave three times.
constexpr double kUsedGradient = 2.0 / 3;
constexpr double kUsedAimd = 0.5;
constexpr uint32_t kDropShare = 10;    // of a window, one in so many
constexpr uint32_t kProbeShare = 4;    // of the limit, likewise
constexpr uint32_t kLowerWindows = 4;  // after which a server is believed to have become faster
constexpr double kForget = 64;         // of a limit that is not used, one in so many parts a window
constexpr int64_t kLearn = 8;          // of what is new, one in so many parts counts

}  // namespace

ConcurrencyLimit::ConcurrencyLimit(const ConcurrencyOptions& options)
    : options_(options), limit_(0), probe_wait_(kProbeFirst) {
  options_.least = std::max(options_.least, 1u);
  options_.most = std::max(options_.most, options_.least);
  limit_ = std::clamp(options_.initial, options_.least, options_.most);
}

uint32_t ConcurrencyLimit::limit() const {
  if (options_.kind == LimiterKind::none) return UINT32_MAX;
  const auto whole = static_cast<uint32_t>(limit_);
  return probe_ == Probe::none ? whole : std::max(whole / kProbeShare, options_.least);
}

// As long as an answer takes: what is changed then shows in the next.
Duration ConcurrencyLimit::length() const {
  return std::clamp(usual_, kShortest, kLongest);
}

bool ConcurrencyLimit::is_full(Instant now) const {
  return samples_ + untimed_ + drops_ >= kSamplesMin && now - window_ >= length();
}

void ConcurrencyLimit::begin_window(Instant now) {
  begun_ = true;
  window_ = now;
  peak_ = in_flight_;
  samples_ = untimed_ = drops_ = 0;
}

void ConcurrencyLimit::keep(Duration latency) {
  if (samples_ < kKept) {
    kept_[samples_] = latency;
  } else {
    chance_ = chance_ * 1'664'525u + 1'013'904'223u;
    const auto at = static_cast<uint32_t>(uint64_t{chance_} * (uint64_t{samples_} + 1) >> 32);
    if (at < kKept) kept_[at] = latency;
  }
  if (samples_ != UINT32_MAX) ++samples_;
}

Duration ConcurrencyLimit::median() const {
  Duration sorted[kKept];
  const uint32_t count = std::min(samples_, kKept);
  std::copy_n(kept_, count, sorted);
  Duration* const middle = sorted + count / 2;
  std::nth_element(sorted, middle, sorted + count);
  return *middle;
}

// With nothing learned.
void ConcurrencyLimit::give_up_probe(Instant now) {
  if (probe_ == Probe::none) return;
  probe_ = Probe::none;
  known_ = now;
  begin_window(now);
}

// Who comes late is as late as the latest.
Instant ConcurrencyLimit::see(Instant now) {
  now = std::max(now, seen_);
  if (!begun_ || now - seen_ >= kForgotten) {
    give_up_probe(now);
    begin_window(now);
  }
  seen_ = now;
  return now;
}

void ConcurrencyLimit::answered(Duration latency, Instant now) {
  if (options_.kind == LimiterKind::none || latency.ns < 0) return;
  now = see(now);
  if (probe_ == Probe::draining) {
    if (awaiting_ > limit()) return;
    probe_ = Probe::skipping;
    skip_ = awaiting_;
  }
  if (probe_ == Probe::skipping) {
    if (skip_-- > 1) return;
    probe_ = Probe::measuring;
    begin_window(now);
    return;
  }
  if (latency.ns != 0) {
    keep(latency);
  } else if (untimed_ != UINT32_MAX) {
    ++untimed_;
  }
  if (is_full(now)) close_window(now);
}

void ConcurrencyLimit::dropped(Instant now) {
  if (options_.kind == LimiterKind::none) return;
  now = see(now);
  give_up_probe(now);  // what it would measure is no usual state
  if (drops_ != UINT32_MAX) ++drops_;
  if (options_.kind == LimiterKind::aimd && now >= lowered_) {
    lower();
    lowered_ = now + length();
  }
  if (is_full(now)) close_window(now);
}

void ConcurrencyLimit::failed(Instant now) {
  if (options_.kind == LimiterKind::none) return;
  give_up_probe(std::max(now, seen_));
}

void ConcurrencyLimit::lower() {
  calm_ = 0;
  limit_ = std::max(limit_ * kBackoff, double(options_.least));
}

void ConcurrencyLimit::close_window(Instant now) {
  const double share = options_.kind == LimiterKind::aimd ? kUsedAimd : kUsedGradient;
  const bool used = peak_ >= share * limit_;
  const bool drops = drops_ * kDropShare >= samples_ + untimed_ + drops_;
  const bool known = samples_ >= kSamplesLeast;
  const Duration middle = known ? median() : Duration{};
  if (known) recent_ = middle;
  if (options_.kind == LimiterKind::aimd) {
    if (known) usual_ = middle;
    if (used && drops_ == 0) limit_ = std::min(limit_ + 1, double(options_.most));
  } else if (probe_ == Probe::measuring) {
    known ? learn_from_probe(middle, now) : give_up_probe(now);
  } else if (drops) {
    lower();
  } else if (known) {
    learn(middle, used, now);
    adapt(middle, used, now);
  }
  begin_window(now);
}

// Of a server that had nothing to queue for us. That it has become faster shows while it queues, too;
// but one quiet window is chance.
void ConcurrencyLimit::learn(Duration median, bool used, Instant now) {
  if (usual_.ns == 0) {
    usual_ = median;
    known_ = now;
  } else if (!used) {
    usual_.ns += (median.ns - usual_.ns) / kLearn;
    known_ = now;
    probe_wait_ = kProbeFirst;
  } else if (median.ns < usual_.ns - usual_.ns / 4) {
    if (++lower_ < kLowerWindows) return;
    usual_ = median;
    known_ = now;
  }
  lower_ = 0;
}

void ConcurrencyLimit::learn_from_probe(Duration median, Instant now) {
  const int64_t off = std::max(median.ns, usual_.ns) - std::min(median.ns, usual_.ns);
  const bool as_before = off <= usual_.ns / 4;
  probe_wait_ = as_before ? std::min(Duration{probe_wait_.ns * 2}, kProbeMost) : kProbeFirst;
  usual_ = median;
  known_ = now;
  probe_ = Probe::none;
}

// What was found when more was asked is no knowledge of now.
void ConcurrencyLimit::forget() {
  const double kept = std::max(double(peak_) / kUsedGradient, double(options_.initial));
  if (limit_ > kept) limit_ -= (limit_ - kept) / kForget;
}

void ConcurrencyLimit::adapt(Duration median, bool used, Instant now) {
  const double gradient =
      std::clamp(kTolerance * double(usual_.ns) / double(median.ns), kGradientLeast, 1.0);
  double queue = std::clamp(limit_ / 4, 1.0, kQueue);
  if (used && gradient >= 1) {
    ++calm_;
    queue = std::max(queue, std::min(kQueue * calm_, limit_));
  } else {
    calm_ = 0;
  }
  const double next = (1 - kSmoothing) * limit_ + kSmoothing * (limit_ * gradient + queue);
  if (!used) forget();
  if (next <= limit_ || used) limit_ = std::clamp(next, double(options_.least), double(options_.most));
  if (used && gradient < 1 && now - known_ >= probe_wait_) probe_ = Probe::draining;
}

}  // namespace pester::core
