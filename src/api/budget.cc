// SPDX-License-Identifier: MIT
// Budgets that clients share, in the user's hands.
#include <algorithm>
#include <cstring>

#include "api/objects.h"

namespace {

pester_budget_t* handle_of(pester::uv::SharedBudget* budget) {
  return reinterpret_cast<pester_budget_t*>(budget);
}

}  // namespace

int pester_budget_new(pester_budget_t** out, const pester_budget_options_t* options) {
  namespace api = pester::api;
  if (out == nullptr) return UV_EINVAL;
  pester::core::BudgetOptions read;
  pester::core::Why why;
  if (const int rc = api::read_budget(options, &read, &why); rc != 0) {
    pester_budget_options_t given;
    if (api::read_sized(&given, options)) {
      api::write_error_text(given.error_text, given.error_text_size, why);
    }
    return rc;
  }
  pester::uv::SharedBudget* made = nullptr;
  if (const int rc = pester::uv::SharedBudget::create(&made, read); rc != 0) return rc;
  *out = handle_of(made);
  return 0;
}

void pester_budget_free(pester_budget_t* budget) {
  if (budget != nullptr) pester::api::shared_of(budget)->leave();
}

void pester_budget_stats_sized(pester_budget_t* budget, pester_budget_stats_t* out, size_t struct_size) {
  const auto figures = pester::api::shared_of(budget)->figures();
  pester_budget_stats_t stats;
  std::memset(&stats, 0, sizeof stats);
  stats.struct_size = struct_size;
  stats.requests = figures.counts.begun;
  stats.reserved = figures.counts.reserved;
  stats.refunded = figures.counts.refunded;
  stats.refused = figures.counts.refused;
  stats.balance_per_mille = figures.balance_per_mille;
  std::memset(out, 0, struct_size);
  std::memcpy(out, &stats, std::min(struct_size, sizeof stats));
}
