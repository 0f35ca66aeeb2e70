// SPDX-License-Identifier: MIT
#include "core/shared_breaker.h"

#include <algorithm>

namespace pester::core {

namespace {

constexpr int kTriesMost = 64;  // to exchange one word, while others do
constexpr int64_t kMsNs = 1'000'000;
constexpr int64_t kSecondNs = 1'000'000'000;
constexpr int64_t kSettledMs = 10'000;  // as in core/breaker.cc
constexpr uint32_t kOpeningsMost = 31;
constexpr int64_t kWaitMostMs = int64_t{1} << 34;  // half a year

// The word that decides, from its lowest bit: instant, openings, successes, era, probe, state.
constexpr int kAtBits = 36;  // of milliseconds: 2.2 years, so that two are compared by their difference
constexpr int kOpeningsBits = 5, kSuccessesBits = 6, kEraBits = 14, kProbeBits = 1, kStateBits = 2;
static_assert(kAtBits + kOpeningsBits + kSuccessesBits + kEraBits + kProbeBits + kStateBits == 64);
constexpr uint64_t kAtMask = (uint64_t{1} << kAtBits) - 1;
constexpr uint32_t kEraMask = (1u << kEraBits) - 1;

struct State {
  uint64_t at_ms = 0;      // open: the end of the wait; closed: since when; half_open: the probe's begin
  uint32_t openings = 0;   // as Breaker's
  uint32_t successes = 0;  // half_open
  uint32_t era = 0;
  bool probe_out = false;
  BreakerState state = BreakerState::closed;
};

State read(uint64_t word) {
  State s;
  s.at_ms = word & kAtMask;
  word >>= kAtBits;
  s.openings = static_cast<uint32_t>(word & ((1u << kOpeningsBits) - 1));
  word >>= kOpeningsBits;
  s.successes = static_cast<uint32_t>(word & ((1u << kSuccessesBits) - 1));
  word >>= kSuccessesBits;
  s.era = static_cast<uint32_t>(word & kEraMask);
  word >>= kEraBits;
  s.probe_out = (word & 1) != 0;
  const auto state = static_cast<uint8_t>(word >> kProbeBits);
  s.state = state > static_cast<uint8_t>(BreakerState::half_open) ? BreakerState::closed
                                                                  : static_cast<BreakerState>(state);
  return s;
}

uint64_t write(const State& s) {
  uint64_t word = static_cast<uint64_t>(s.state);
  word = word << kProbeBits | uint64_t{s.probe_out};
  word = word << kEraBits | (s.era & kEraMask);
  word = word << kSuccessesBits | s.successes;
  word = word << kOpeningsBits | s.openings;
  return word << kAtBits | (s.at_ms & kAtMask);
}

// Of what would come sooner, the next millisecond: nothing is let through too early.
uint64_t ms_of(Instant at) {
  return static_cast<uint64_t>(at.ns / kMsNs + (at.ns % kMsNs > 0));
}
uint64_t full_ms_of(Instant at) {
  return static_cast<uint64_t>(at.ns / kMsNs);
}
// From `b` to `a`, by the bits that there are.
int64_t ms_between(uint64_t a, uint64_t b) {
  return static_cast<int64_t>((a - b) << (64 - kAtBits)) >> (64 - kAtBits);
}
// The instant that `at_ms` is, seen from a near one.
Instant instant_of(uint64_t at_ms, Instant near) {
  const auto full = static_cast<int64_t>(full_ms_of(near));
  return {(full + ms_between(at_ms, static_cast<uint64_t>(full))) * kMsNs};
}

Permit permit_of(const State& s, bool probe) {
  return {Permit::kShared | s.era, probe};
}

bool is_of(Permit permit, const State& s) {
  return permit.era == (Permit::kShared | s.era);
}

State next_era(const State& before, BreakerState state, uint64_t at_ms) {
  State s = before;
  s.era = (before.era + 1) & kEraMask;
  s.state = state;
  s.probe_out = false;
  s.at_ms = at_ms;
  if (state != BreakerState::half_open) s.successes = 0;
  return s;
}

State opened(const State& before, const BreakerOptions& options, Instant now, double u) {
  State s = before;
  if (s.state == BreakerState::closed && ms_between(full_ms_of(now), s.at_ms) >= kSettledMs) {
    s.openings = 0;
  }
  const Duration wait = std::min(breaker_wait(options, static_cast<uint8_t>(s.openings), u),
                                 Duration::from_ms(kWaitMostMs));
  s.openings = std::min(s.openings + 1, kOpeningsMost);
  return next_era(s, BreakerState::open, ms_of(now + wait));
}

// When the probe that is out is given up.
Instant given_up_at(const State& s, const BreakerOptions& options, Instant now) {
  return instant_of(s.at_ms, now) + options.probe_most;
}

bool refuses(const State& s, const BreakerOptions& options, Instant now, Instant* retry_at) {
  if (s.state == BreakerState::open) {
    *retry_at = instant_of(s.at_ms, now);
    return now < *retry_at;
  }
  if (s.state != BreakerState::half_open || !s.probe_out) return false;
  const Instant given_up = given_up_at(s, options, now);
  *retry_at = std::min(given_up, now + options.open_first);
  return now < given_up;
}

// ---- counts: a tag in the upper half, how many in the lower

constexpr uint32_t kTagEraBits = 12;
constexpr uint32_t kTagSecondBits = 32 - kTagEraBits;
constexpr uint32_t kTagEraMask = (1u << kTagEraBits) - 1;

uint32_t tag_of(int64_t second, uint32_t era) {
  return static_cast<uint32_t>(second) << kTagEraBits | (era & kTagEraMask);
}
uint32_t tag_in(uint64_t word) {
  return static_cast<uint32_t>(word >> 32);
}

// A count of a later second is not begun anew by who comes late.
bool is_later(uint32_t tag, uint32_t than) {
  const auto apart =
      static_cast<int32_t>(((tag >> kTagEraBits) - (than >> kTagEraBits)) << (32 - kTagSecondBits));
  return apart > 0;
}

void add_one(SharedWord* word, uint32_t tag) {
  uint64_t seen = word->load();
  for (int i = 0; i < kTriesMost; ++i) {
    if (tag_in(seen) == tag) return word->add(1);
    if (seen != 0 && is_later(tag_in(seen), tag)) return;
    if (word->replace(&seen, uint64_t{tag} << 32 | 1)) return;
  }
}

constexpr uint32_t kWholeTag = UINT32_MAX;
constexpr uint32_t kSecondOfTag = ~kTagEraMask;

uint32_t count_in(const SharedWord& word, uint32_t tag, uint32_t mask = kWholeTag) {
  const uint64_t seen = word.load();
  return ((tag_in(seen) ^ tag) & mask) == 0 ? static_cast<uint32_t>(seen) : 0;
}

}  // namespace

Admission SharedBreaker::admit(const BreakerOptions& options, Instant now) {
  uint64_t seen = state_.load();
  for (int i = 0; i < kTriesMost; ++i) {
    const State s = read(seen);
    if (s.state == BreakerState::closed) return {Admit::pass, permit_of(s, false), now};
    Instant retry_at;
    if (refuses(s, options, now, &retry_at)) return {Admit::refuse, {}, retry_at};
    State given = next_era(s, BreakerState::half_open, ms_of(now));
    given.probe_out = true;
    if (state_.replace(&seen, write(given))) return {Admit::probe, permit_of(given, true), now};
  }
  return {Admit::refuse, {}, now + options.open_first};
}

void SharedBreaker::record(const BreakerOptions& options, Permit permit, CallResult result, Instant now,
                           double u) {
  if (permit.probe) return settle_probe(options, permit, result, now, u);
  uint64_t seen = state_.load();
  const State s = read(seen);
  if (!is_of(permit, s) || s.state != BreakerState::closed) return;
  count(result, s.era, now);
  if (!is_over_a_limit(options, s.era, now)) return;
  (void)state_.replace(&seen, write(opened(s, options, now, u)));  // else another did it
}

void SharedBreaker::settle_probe(const BreakerOptions& options, Permit permit, CallResult result,
                                 Instant now, double u) {
  const bool well = result == CallResult::ok || (result == CallResult::slow && options.slow_rate == 0);
  const uint32_t wanted = std::min(options.successes_to_close, kSuccessesMost);
  uint64_t seen = state_.load();
  for (int i = 0; i < kTriesMost; ++i) {
    const State s = read(seen);
    if (!is_of(permit, s)) return;
    State after = s;
    if (!well) {
      after = opened(s, options, now, u);
    } else if (s.successes + 1 >= wanted) {
      after = next_era(s, BreakerState::closed, full_ms_of(now));
    } else {
      after = next_era(s, BreakerState::half_open, s.at_ms);
      ++after.successes;
    }
    if (state_.replace(&seen, write(after))) return;
  }
}

void SharedBreaker::release(Permit permit) {
  if (!permit.probe) return;
  uint64_t seen = state_.load();
  for (int i = 0; i < kTriesMost; ++i) {
    const State s = read(seen);
    if (!is_of(permit, s)) return;
    if (state_.replace(&seen, write(next_era(s, BreakerState::half_open, s.at_ms)))) return;
  }
}

bool SharedBreaker::would_refuse(const BreakerOptions& options, Instant now, Instant* retry_at) const {
  return refuses(read(state_.load()), options, now, retry_at);
}

BreakerState SharedBreaker::state() const {
  return read(state_.load()).state;
}

bool SharedBreaker::begin_anew(const BreakerOptions& options, Instant now) {
  uint64_t seen = state_.load();
  const State s = read(seen);
  Instant retry_at;
  if (refuses(s, options, now, &retry_at)) return false;
  State after = next_era(s, BreakerState::closed, full_ms_of(now));
  after.openings = 0;
  return state_.replace(&seen, write(after));
}

void SharedBreaker::count(CallResult result, uint32_t era, Instant now) {
  const int64_t second = now.ns / kSecondNs;
  Bucket& bucket = buckets_[second % kBuckets];
  const uint32_t tag = tag_of(second, era);
  add_one(&bucket.calls, tag);
  if (result == CallResult::failed) {
    add_one(&bucket.failed, tag);
    add_one(&in_a_row_, tag_of(0, era));
    return;
  }
  if (result == CallResult::slow) add_one(&bucket.slow, tag);
  if (count_in(in_a_row_, tag_of(0, era)) != 0) in_a_row_.store(0);
}

// `mask` says what of the tags has to be right.
Breaker::Counts SharedBreaker::counts_of(uint32_t era, uint32_t mask, Instant now) const {
  Breaker::Counts total;
  const int64_t second = now.ns / kSecondNs;
  for (int64_t at = second - (kBuckets - 1); at <= second; ++at) {
    if (at < 0) continue;
    const Bucket& bucket = buckets_[at % kBuckets];
    const uint32_t tag = tag_of(at, era);
    total.calls += count_in(bucket.calls, tag, mask);
    total.failed += count_in(bucket.failed, tag, mask);
    total.slow += count_in(bucket.slow, tag, mask);
  }
  return total;
}

// While open the window still tells why.
Breaker::Counts SharedBreaker::counts(Instant now) const {
  const State s = read(state_.load());
  return counts_of(s.era, s.state == BreakerState::closed ? kWholeTag : kSecondOfTag, now);
}

bool SharedBreaker::is_over_a_limit(const BreakerOptions& options, uint32_t era, Instant now) const {
  return is_over(options, counts_of(era, kWholeTag, now), count_in(in_a_row_, tag_of(0, era)));
}

}  // namespace pester::core
