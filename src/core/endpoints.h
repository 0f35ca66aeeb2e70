// SPDX-License-Identifier: MIT
// What the endpoints of one origin came to: failures in a row, and outlier ejection as Envoy does it. Of
// the endpoints that the last lookup told, at most half are ejected at once, rounded down: a lone one
// never is. Refuses to know addresses: an endpoint is a key that the shell makes of one.
//
// An ejection lasts for 30 s times how often the endpoint was ejected, at most 300 s, and up to a tenth
// more at random, so that not all come back at once. Time alone ends it: what exchanges from before come
// to while it lasts changes nothing. One ejection is forgotten for each time, as long as the last one
// was, that the endpoint then spends among the others.
//
// A clock that goes back ends an ejection that would begin later: none lasts longer than it was meant
// to.
#ifndef PESTER_CORE_ENDPOINTS_H_
#define PESTER_CORE_ENDPOINTS_H_

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "core/types.h"

namespace pester::core {

struct EndpointOptions {
  uint32_t failures = 5;  // in a row, that eject; 0: none do
  Duration first = Duration::from_ms(30'000);
  Duration most = Duration::from_ms(300'000);
};

class Endpoints {
 public:
  static constexpr size_t kMax = 16;
  static constexpr uint32_t kWorst = UINT32_MAX;

  explicit Endpoints(const EndpointOptions& options) : options_(options) {}

  // The endpoints that a lookup told, the best first; 0, a key given twice and what is beyond kMax are
  // passed over. What is known of others is kept while there is room, of ejected ones the longest. Of
  // more than half ejected, those that would come back first are back.
  void known(const uint64_t* keys, size_t count, Instant now);
  // What an exchange, or a try to connect, came to. `u` in [0, 1) is the randomness of an ejection.
  void succeeded(uint64_t key, Instant now);
  void failed(uint64_t key, Instant now, double u);

  [[nodiscard]] bool is_ejected(uint64_t key, Instant now) const;
  // 0 is best: nothing bad is known; then the failures in a row of late; kWorst when it is ejected.
  [[nodiscard]] uint32_t rank(uint64_t key, Instant now) const;
  // False: none is ejected, nor was when anything happened last. Cheap.
  [[nodiscard]] bool any_ejected() const { return ejected_ != 0; }

  // Those of the last lookup, in its order.
  [[nodiscard]] size_t known_count() const { return known_; }
  [[nodiscard]] uint64_t known_key(size_t i) const { return entries_[i].key; }
  // How often one was ejected.
  [[nodiscard]] uint64_t ejections() const { return ejections_; }

 private:
  struct Entry {
    uint64_t key = 0;
    Instant failed_at{};  // the last time; the ejection's begin
    Instant until{};      // of the last ejection
    uint32_t in_a_row = 0;
    uint32_t times = 0;  // ejected, as far as not forgotten
    bool ejected = false;
  };

  [[nodiscard]] static bool is_out(const Entry& entry, Instant now) {
    return entry.ejected && entry.failed_at <= now && now < entry.until;
  }
  [[nodiscard]] const Entry* find(uint64_t key) const;
  [[nodiscard]] Entry* find(uint64_t key) {
    return const_cast<Entry*>(static_cast<const Endpoints*>(this)->find(key));
  }
  [[nodiscard]] static bool tells_more(const Entry& a, const Entry& b);
  Entry* make(uint64_t key);
  void settle(Instant now);
  void end(Entry& entry);
  void trim(Instant now);
  void eject(Entry& entry, Instant now, double u);
  [[nodiscard]] Duration length(uint32_t times) const;
  void forget_old_ejections(Entry& entry, Instant now) const;
  [[nodiscard]] size_t known_ejected() const;

  EndpointOptions options_;
  uint64_t ejections_ = 0;
  uint8_t count_ = 0;    // of the entries in use
  uint8_t known_ = 0;    // of those, the first so many are the last lookup's
  uint8_t ejected_ = 0;  // of all
  Entry entries_[kMax];
};
static_assert(std::is_trivially_copyable_v<Endpoints> && sizeof(Endpoints) <= 768);

}  // namespace pester::core

#endif
