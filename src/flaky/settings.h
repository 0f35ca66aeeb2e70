// SPDX-License-Identifier: MIT
// What the user asked the server for; a plain value that options.h makes and the server reads.
#ifndef PESTER_FLAKY_SETTINGS_H_
#define PESTER_FLAKY_SETTINGS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "flaky/script.h"

namespace pester::flaky {

struct Settings {
  std::string host = "127.0.0.1";
  uint16_t port = 0;
  bool tls = false;
  std::string cert_file;  // empty under tls: a certificate of its own
  std::string key_file;
  std::string cert_out_file;

  std::vector<Rule> rules;
  std::vector<Outage> outages;
  bool query_actions = true;
  uint64_t requests_per_connection = UINT64_MAX;
  uint64_t connections_max = 4096;
  std::optional<uint64_t> seed;

  bool verbose = false;
  std::string log_file;
  std::optional<uint64_t> for_ms;
  bool until_eof = false;
};

}  // namespace pester::flaky

#endif
