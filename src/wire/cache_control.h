// SPDX-License-Identifier: MIT
// What a head says of keeping a response, and of sharing it: Cache-Control (RFC 9111 §5.2) and the
// fields beside it. What cannot be read for certain is read as a refusal. Refuses to know clocks, and
// what becomes of a response.
#ifndef PESTER_WIRE_CACHE_CONTROL_H_
#define PESTER_WIRE_CACHE_CONTROL_H_

#include <cstdint>
#include <string_view>

#include "wire/response_head.h"

namespace pester::wire {

struct CacheControl {
  static constexpr uint32_t kNone = UINT32_MAX;
  static constexpr uint32_t kSecondsMax = uint32_t{1} << 31;  // what is more is that (RFC 9111 §1.2.2)

  bool no_store = false;
  bool no_cache = false;         // or of some fields only
  bool is_private = false;       // likewise
  bool must_revalidate = false;  // also proxy-revalidate, and s-maxage, which says the same
  bool is_malformed = false;
  uint32_t max_age_s = kNone;         // the least of several; 0 when it is no number
  uint32_t stale_if_error_s = kNone;  // RFC 5861 §4; likewise
};
// Of one field; of several, each adds to the same.
void read_cache_control(std::string_view value, CacheControl* out);

// What may become of a response.
struct Keeping {
  bool may_share = false;                 // given to others, who asked the same at the same time
  bool may_keep = false;                  // for when a later one fails; never with what is not shared
  uint32_t age_s = 0;                     // when it came (RFC 9111 §4.2.3)
  uint32_t most_s = CacheControl::kNone;  // how old it may become by the server's word
};
// `wall_s`: when it came; `took_s`: how long after it was asked for.
[[nodiscard]] Keeping read_keeping(const ResponseHead& head, int64_t wall_s, uint32_t took_s);

}  // namespace pester::wire

#endif
