// SPDX-License-Identifier: MIT
// A budget and origins' breakers that clients of several processes share: the words in the mapped file,
// and what takes their place when that is lost. Kept alive by whoever uses it; every function may be
// called from any thread. Refuses to know who spends, and how many processes there are.
#ifndef PESTER_UV_SHARED_MEMORY_H_
#define PESTER_UV_SHARED_MEMORY_H_

#include <atomic>
#include <cstdint>

#include "core/atomic_budget.h"
#include "core/breaker.h"
#include "core/breaker_share.h"
#include "core/ledger.h"
#include "core/why.h"
#include "uv/shared_budget.h"
#include "uv/shared_file.h"

namespace pester::uv {

struct Origin;

class SharedMemory {
 public:
  // With one reference, the caller's. As shared_file_open, or UV_ENOMEM.
  [[nodiscard]] static int open(SharedMemory** out, const SharedFileSpec& spec, core::Why* why);
  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;

  // A reference for a client.
  void join() { references_.fetch_add(1, std::memory_order_relaxed); }
  // Gives back a reference; with the last one this process lets go of the memory.
  void leave();

  // Valid while the caller has its reference.
  [[nodiscard]] core::Ledger ledger();
  // How the breaker of the origin finds the shared one, for a client with these options.
  [[nodiscard]] core::BreakerShare share_of(const Origin& origin, const core::BreakerOptions& options);

  struct Figures {
    core::BudgetCounts counts;  // of all processes; when it is lost, of this one since then
    int64_t balance_per_mille;
    uint32_t origins;
    uint64_t crowded;
    bool lost;
  };
  [[nodiscard]] Figures figures();

 private:
  SharedMemory(const SharedFile& file, const core::BudgetOptions& options, SharedBudget* own)
      : file_(file),
        seed_(file.at->header.seed),
        budget_(&file.at->ledger, options),
        own_(own),
        own_ledger_(own->ledger()) {}
  ~SharedMemory() = default;

  // Whether the memory may be touched. Once it may not, it never may again.
  [[nodiscard]] bool is_present();

  SharedFile file_;
  uint64_t seed_;  // another one: it was cut short, and begun anew by somebody else
  core::AtomicBudget budget_;
  SharedBudget* own_;  // of this process alone, from when the memory is lost
  core::Ledger own_ledger_;
  std::atomic<uint32_t> references_{1};
  std::atomic<bool> lost_{false};
};

}  // namespace pester::uv

#endif
