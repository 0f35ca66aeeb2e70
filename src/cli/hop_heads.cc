// SPDX-License-Identifier: MIT
#include "cli/hop_heads.h"

namespace pester::cli {

void HopHeads::add(const pester_exchange_t& exchange, std::string_view head) {
  std::string& text = heads_[{exchange.lane, exchange.started_ns}];
  text = head;
  if (!text.ends_with("\r\n\r\n")) text += "\r\n";
}

const std::string* HopHeads::find(const pester_exchange_t& exchange) const {
  const auto found = heads_.find({exchange.lane, exchange.started_ns});
  return found != heads_.end() ? &found->second : nullptr;
}

std::string HopHeads::of(const pester_result_t* result) const {
  std::string text;
  const size_t count = pester_result_exchange_count(result);
  pester_exchange_t last{};
  if (heads_.empty() || count == 0 || pester_result_exchange(result, count - 1, &last) != 0) return text;
  const int winner = pester_result_winner(result).lane;
  const int lane = winner >= 0 ? winner : last.lane;
  pester_exchange_t x{};
  for (size_t i = 0; pester_result_exchange(result, i, &x) == 0; ++i) {
    const bool ended_it = winner < 0 && i + 1 == count;
    if (x.lane != lane || (x.outcome != PESTER_OUTCOME_FOLLOWED && !ended_it)) continue;
    if (const std::string* head = find(x)) text += *head;
  }
  return text;
}

}  // namespace pester::cli
