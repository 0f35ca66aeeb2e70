// SPDX-License-Identifier: MIT
#include "core/endpoints.h"

#include <algorithm>

namespace pester::core {

namespace {

constexpr double kSpread = 0.1;
constexpr uint32_t kTimesMost = 255;  // so that they are soon walked back

}  // namespace

void Endpoints::known(const uint64_t* keys, size_t count, Instant now) {
  settle(now);
  Entry old[kMax];
  const size_t old_count = count_;
  std::copy_n(entries_, old_count, old);
  count_ = known_ = 0;
  for (size_t i = 0; i < count && known_ < kMax; ++i) {
    if (keys[i] == 0 || find(keys[i]) != nullptr) continue;
    const Entry* before =
        std::find_if(old, old + old_count, [&](const Entry& e) { return e.key == keys[i]; });
    entries_[known_] = before != old + old_count ? *before : Entry{.key = keys[i]};
    count_ = ++known_;
  }
  std::sort(old, old + old_count, tells_more);
  for (size_t i = 0; i < old_count && count_ < kMax; ++i) {
    if (find(old[i].key) == nullptr) entries_[count_++] = old[i];
  }
  ejected_ = 0;
  for (size_t i = 0; i < count_; ++i) ejected_ += entries_[i].ejected;
  trim(now);
}

void Endpoints::succeeded(uint64_t key, Instant now) {
  settle(now);
  if (Entry* entry = find(key); entry != nullptr) entry->in_a_row = 0;
}

void Endpoints::failed(uint64_t key, Instant now, double u) {
  if (key == 0) return;
  settle(now);
  Entry* entry = find(key);
  if (entry == nullptr) entry = make(key);
  if (entry == nullptr || entry->ejected) return;
  entry->in_a_row += entry->in_a_row != UINT32_MAX;
  entry->failed_at = now;
  const bool is_known = entry < entries_ + known_;
  if (options_.failures == 0 || entry->in_a_row < options_.failures || !is_known) return;
  if (known_ejected() < known_ / 2U) eject(*entry, now, u);
}

bool Endpoints::is_ejected(uint64_t key, Instant now) const {
  const Entry* entry = find(key);
  return entry != nullptr && is_out(*entry, now);
}

uint32_t Endpoints::rank(uint64_t key, Instant now) const {
  const Entry* entry = find(key);
  if (entry == nullptr) return 0;
  if (is_out(*entry, now)) return kWorst;
  // Nobody who asks for the best would ever try it again, and so find it well.
  if (entry->failed_at > now || now >= entry->failed_at + options_.first) return 0;
  return std::min(entry->in_a_row, kWorst - 1);
}

const Endpoints::Entry* Endpoints::find(uint64_t key) const {
  for (size_t i = 0; i < count_; ++i) {
    if (entries_[i].key == key) return &entries_[i];
  }
  return nullptr;
}

// Ejected ones first, those that failed last before the others.
bool Endpoints::tells_more(const Entry& a, const Entry& b) {
  if (a.ejected != b.ejected) return a.ejected;
  return a.failed_at > b.failed_at;
}

// Of an endpoint that no lookup told. Nullptr: what there is is worth more.
Endpoints::Entry* Endpoints::make(uint64_t key) {
  Entry* entry = &entries_[count_];
  if (count_ == kMax) {
    entry = std::max_element(entries_ + known_, entries_ + kMax, tells_more);
    if (entry == entries_ + kMax || entry->ejected) return nullptr;
  } else {
    ++count_;
  }
  *entry = {.key = key};
  return entry;
}

// Ends what is over.
void Endpoints::settle(Instant now) {
  if (ejected_ == 0) return;
  for (size_t i = 0; i < count_; ++i) {
    if (entries_[i].ejected && !is_out(entries_[i], now)) end(entries_[i]);
  }
}

void Endpoints::end(Entry& entry) {
  entry.ejected = false;
  --ejected_;
}

void Endpoints::trim(Instant now) {
  for (size_t out = known_ejected(); out > known_ / 2U; --out) {
    Entry* first = nullptr;
    for (size_t i = 0; i < known_; ++i) {
      Entry& entry = entries_[i];
      if (entry.ejected && (first == nullptr || entry.until < first->until)) first = &entry;
    }
    end(*first);
    first->until = now;
  }
}

void Endpoints::eject(Entry& entry, Instant now, double u) {
  forget_old_ejections(entry, now);
  if (entry.times != kTimesMost) ++entry.times;
  const Duration wait = length(entry.times);
  entry.until = now + wait + Duration{static_cast<int64_t>(static_cast<double>(wait.ns) * kSpread * u)};
  entry.in_a_row = 0;
  entry.ejected = true;
  ++ejected_;
  ++ejections_;
}

Duration Endpoints::length(uint32_t times) const {
  if (times != 0 && options_.first.ns > options_.most.ns / times) return options_.most;
  return {options_.first.ns * times};
}

void Endpoints::forget_old_ejections(Entry& entry, Instant now) const {
  if (now <= entry.until) return;
  Duration well = now - entry.until;
  while (entry.times != 0 && well >= length(entry.times)) {
    well.ns -= length(entry.times).ns;
    --entry.times;
  }
}

size_t Endpoints::known_ejected() const {
  size_t count = 0;
  for (size_t i = 0; i < known_; ++i) count += entries_[i].ejected;
  return count;
}

}  // namespace pester::core
