// SPDX-License-Identifier: MIT
// The bytes that an exchange moved in one direction, and those of them that were heads. In one word,
// which an addition keeps: records are many. Refuses to know what a head is.
#ifndef PESTER_CORE_TRAFFIC_H_
#define PESTER_CORE_TRAFFIC_H_

#include <algorithm>
#include <cstdint>

namespace pester::core {

class Traffic {
 public:
  static constexpr uint64_t kHeadBytesMax = 0xffff;  // stands for that many and for more

  void add(uint64_t bytes) { bits_ += bytes << kHeadBits; }
  void set_head(uint64_t bytes) { bits_ = (bits_ & ~kHeadBytesMax) | std::min(bytes, kHeadBytesMax); }
  // Modulo 2^48.
  [[nodiscard]] uint64_t bytes() const { return bits_ >> kHeadBits; }
  // Of a message that was cut within its head: all there is.
  [[nodiscard]] uint32_t head_bytes() const {
    return static_cast<uint32_t>(std::min(bits_ & kHeadBytesMax, bytes()));
  }

 private:
  static constexpr int kHeadBits = 16;
  uint64_t bits_ = 0;
};

}  // namespace pester::core

#endif
