// SPDX-License-Identifier: MIT
// The heads of responses that were followed by another exchange: a redirect's, a challenge's. -i, -I and
// -D show them in front of the last one, as curl does. It knows no options and writes nothing.
#ifndef PESTER_CLI_HOP_HEADS_H_
#define PESTER_CLI_HOP_HEADS_H_

#include <pester.h>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace pester::cli {

class HopHeads {
 public:
  // A head as the trace hook tells it, of whatever exchange.
  void add(const pester_exchange_t& exchange, std::string_view head);
  // Those that were followed, of the lane that answered, in order; of a request that failed, with the
  // last one of the lane that failed last.
  [[nodiscard]] std::string of(const pester_result_t* result) const;

 private:
  [[nodiscard]] const std::string* find(const pester_exchange_t& exchange) const;

  std::map<std::pair<int, int64_t>, std::string> heads_;  // by lane and start
};

}  // namespace pester::cli

#endif
