// SPDX-License-Identifier: MIT
// Memory that processes share, in the user's hands.
#include <pester.h>

#include <algorithm>
#include <cstring>
#include <string_view>

#include "api/objects.h"
#include "api/policy_reader.h"
#include "uv/shared_memory.h"

namespace pester::api {

namespace {

pester_shared_t* handle_of(uv::SharedMemory* shared) {
  return reinterpret_cast<pester_shared_t*>(shared);
}

constexpr size_t kNameBytesMax = 250;
constexpr size_t kPathBytesMax = 4'095;

bool is_object_name(std::string_view name) {
  if (name.size() < 2 || name.size() > kNameBytesMax + 1 || name[0] != '/') return false;
  for (size_t i = 1; i < name.size(); ++i) {
    if (name[i] == '/') return false;
  }
  return !core::is_same_text(name, "/.") && !core::is_same_text(name, "/..");
}

int read_shared(const pester_shared_options_t& given, uv::SharedFileSpec* spec, core::Why* why) {
  if ((given.name != nullptr) == (given.path != nullptr)) {
    return refuse(why, "shared", "exactly one of name and path must be given");
  }
  if (given.name != nullptr && !is_object_name(given.name)) {
    return refuse(why, "shared.name", "must be '/' and a name of at most 250 bytes without '/'");
  }
  if (given.path != nullptr && (given.path[0] == '\0' || std::strlen(given.path) > kPathBytesMax)) {
    return refuse(why, "shared.path", "must have from 1 to 4,095 bytes");
  }
  spec->name = given.name;
  spec->path = given.path;
  if (const int rc = read_budget(given.budget, &spec->budget, why); rc != 0) return rc;
  if (spec->budget.window < core::AtomicBudget::kWindowLeast) {
    return refuse(why, "budget.window_ms", "must be at least 1,000 where processes share it");
  }
  return 0;
}

}  // namespace

}  // namespace pester::api

void pester_shared_options_init_sized(pester_shared_options_t* options, size_t struct_size) {
  std::memset(options, 0, struct_size);
  options->struct_size = struct_size;
}

int pester_shared_open(pester_shared_t** out, const pester_shared_options_t* options) {
  namespace api = pester::api;
  pester_shared_options_t given;
  if (out == nullptr || options == nullptr || !api::read_sized(&given, options)) return UV_EINVAL;
  pester::uv::SharedFileSpec spec;
  pester::core::Why why;
  pester::uv::SharedMemory* made = nullptr;
  int rc = api::read_shared(given, &spec, &why);
  if (rc == 0) rc = pester::uv::SharedMemory::open(&made, spec, &why);
  if (rc != 0) {
    api::write_error_text(given.error_text, given.error_text_size, why);
    return rc;
  }
  *out = api::handle_of(made);
  return 0;
}

void pester_shared_close(pester_shared_t* shared) {
  if (shared != nullptr) pester::api::memory_of(shared)->leave();
}

void pester_shared_stats_sized(pester_shared_t* shared, pester_shared_stats_t* out, size_t struct_size) {
  const auto figures = pester::api::memory_of(shared)->figures();
  pester_shared_stats_t stats;
  std::memset(&stats, 0, sizeof stats);
  stats.struct_size = struct_size;
  stats.requests = figures.counts.begun;
  stats.reserved = figures.counts.reserved;
  stats.refunded = figures.counts.refunded;
  stats.refused = figures.counts.refused;
  stats.balance_per_mille = figures.balance_per_mille;
  stats.origins = static_cast<int>(figures.origins);
  stats.origins_alone = figures.crowded;
  stats.lost = figures.lost ? 1 : 0;
  std::memset(out, 0, struct_size);
  std::memcpy(out, &stats, std::min(struct_size, sizeof stats));
}
