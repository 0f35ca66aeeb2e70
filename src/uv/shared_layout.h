// SPDX-License-Identifier: MIT
// What lies in the memory that processes share, byte by byte: a header that is written once, then the
// ledger and the table of breakers. Refuses to know what happens in it.
#ifndef PESTER_UV_SHARED_LAYOUT_H_
#define PESTER_UV_SHARED_LAYOUT_H_

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "core/atomic_budget.h"
#include "core/breaker_table.h"

namespace pester::uv {

struct SharedHeader {
  static constexpr char kMagic[9] = "PesterSh";
  static constexpr uint32_t kVersion =
      1;  // of all that follows: who changes a byte's meaning counts it up
  static constexpr size_t kBootBytes = 40;

  char magic[8];
  uint32_t version;
  uint32_t bytes;         // of all
  char boot[kBootBytes];  // which run of the machine it is of: its clock does not outlive that
  uint32_t ratio;         // of the budget
  uint32_t floor_per_second;
  int64_t window_ns;
  uint64_t seed;      // of the numbers that stand for origins
  uint64_t checksum;  // of the bytes before it
};
static_assert(std::is_trivially_copyable_v<SharedHeader> && sizeof(SharedHeader) == 88);

struct SharedLayout {
  SharedHeader header;
  alignas(64) core::LedgerWords ledger;
  alignas(64) core::BreakerTable breakers;
};
static_assert(std::is_standard_layout_v<SharedLayout>);
static_assert(offsetof(SharedLayout, ledger) == 128 && offsetof(SharedLayout, breakers) == 448);

[[nodiscard]] uint64_t checksum_of(const SharedHeader& header);

}  // namespace pester::uv

#endif
