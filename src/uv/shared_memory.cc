// SPDX-License-Identifier: MIT
#include "uv/shared_memory.h"

#include <uv.h>

#include <new>
#include <string_view>

#include "uv/origins.h"
#include "uv/route.h"
#include "wire/memory.h"

namespace pester::uv {

namespace {

// A number for what is added to it, which nobody can foresee who does not know the seed.
class Key {
 public:
  explicit Key(uint64_t seed) : value_(seed) {}

  void add(uint64_t word) {
    value_ ^= word;
    value_ = (value_ ^ value_ >> 33) * 0xff51afd7ed558ccdu;
    value_ = (value_ ^ value_ >> 33) * 0xc4ceb9fe1a85ec53u;
    value_ ^= value_ >> 33;
    value_ += 0x9e3779b97f4a7c15u;
  }
  void add(std::string_view text) {
    add(uint64_t{text.size()});
    for (const char c : text) add(uint64_t{static_cast<unsigned char>(c)});
  }
  [[nodiscard]] uint64_t value() const { return value_ != 0 ? value_ : 1; }

 private:
  uint64_t value_;
};

// What is of this process alone, a TLS configuration, counts by whether there is one.
void add_route(Key* key, const Route& route) {
  key->add(route.unix_path);
  key->add(uint64_t{route.unix_abstract});
  key->add(uint64_t{route.family});
  key->add(route.local.interface);
  key->add(address_key(route.local.address));
  key->add(uint64_t{route.tls != nullptr});
  key->add(route.proxy.text);
}

void add_options(Key* key, const core::BreakerOptions& options) {
  key->add(uint64_t{options.failure_rate});
  key->add(uint64_t{options.slow_rate});
  key->add(uint64_t{options.calls_min});
  key->add(uint64_t{options.failures_in_a_row});
  key->add(uint64_t{options.successes_to_close});
  for (const core::Duration time :
       {options.slow_after, options.open_first, options.open_most, options.probe_most}) {
    key->add(static_cast<uint64_t>(time.ns));
  }
}

core::Instant now_of_all() {
  return {static_cast<int64_t>(uv_hrtime())};
}

}  // namespace

int SharedMemory::open(SharedMemory** out, const SharedFileSpec& spec, core::Why* why) {
  const wire::Allocator memory = wire::Allocator::system();
  SharedBudget* own = nullptr;
  if (const int rc = SharedBudget::create(&own, spec.budget); rc != 0) return rc;
  void* at = memory.alloc(sizeof(SharedMemory), memory.data);
  SharedFile file;
  const int rc = at != nullptr ? shared_file_open(spec, &file, why) : UV_ENOMEM;
  if (rc != 0) {
    own->leave();
    if (at != nullptr) memory.release(at, memory.data);
    return rc;
  }
  *out = ::new (at) SharedMemory(file, spec.budget, own);
  return 0;
}

void SharedMemory::leave() {
  if (references_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  own_->leave();
  shared_file_close(file_);
  this->~SharedMemory();
  const wire::Allocator memory = wire::Allocator::system();
  memory.release(this, memory.data);
}

bool SharedMemory::is_present() {
  if (lost_.load(std::memory_order_relaxed)) return false;
  if (shared_file_is_whole(file_) && file_.at->header.seed == seed_) [[likely]]
    return true;
  lost_.store(true, std::memory_order_relaxed);
  return false;
}

core::Ledger SharedMemory::ledger() {
  using core::Instant;
  static constexpr core::LedgerCalls kCalls = {
      [](void* data, Instant now) {
        auto& self = *static_cast<SharedMemory*>(data);
        self.is_present() ? self.budget_.began(now) : self.own_ledger_.began(now);
      },
      [](void* data, Instant now) {
        auto& self = *static_cast<SharedMemory*>(data);
        return self.is_present() ? self.budget_.reserve(now) : self.own_ledger_.reserve(now);
      },
      [](void* data, core::Payment paid, Instant now) {
        auto& self = *static_cast<SharedMemory*>(data);
        self.is_present() ? self.budget_.refund(paid, now) : self.own_ledger_.refund(paid, now);
      },
      [](void* data, Instant now) {
        auto& self = *static_cast<SharedMemory*>(data);
        return self.is_present() ? self.budget_.balance(now) : self.own_ledger_.balance(now);
      },
      [](void* data, Instant now) {
        auto& self = *static_cast<SharedMemory*>(data);
        return self.is_present() ? self.budget_.retry_after(now) : self.own_ledger_.retry_after(now);
      },
  };
  return {&kCalls, this};
}

core::BreakerShare SharedMemory::share_of(const Origin& origin, const core::BreakerOptions& options) {
  core::BreakerShare share;
  share.present = [](void* data) { return static_cast<SharedMemory*>(data)->is_present(); };
  share.data = this;
  share.table = &file_.at->breakers;
  share.key = 1;
  if (!is_present()) return share;
  Key key(seed_);
  key.add(uint64_t{static_cast<uint8_t>(origin.scheme)});
  key.add(uint64_t{origin.port});
  key.add(uint64_t{static_cast<uint8_t>(origin.host_kind)});
  key.add(origin.host());
  key.add(origin.zone());
  if (origin.route != nullptr) add_route(&key, *origin.route);
  add_options(&key, options);
  share.key = key.value();
  return share;
}

SharedMemory::Figures SharedMemory::figures() {
  if (!is_present()) {
    const SharedBudget::Figures own = own_->figures();
    return {own.counts, own_ledger_.balance(now_of_all()), 0, 0, true};
  }
  return {budget_.counts(), budget_.balance(now_of_all()), file_.at->breakers.count(),
          file_.at->breakers.crowded(), false};
}

}  // namespace pester::uv
