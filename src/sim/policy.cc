// SPDX-License-Identifier: MIT
#include "sim/policy.h"

#include "api/policy_reader.h"

namespace pester::sim {

int read_policy(const pester_policy_t& given, core::Policy* policy, std::string* why) {
  core::Policy read = *policy;
  core::Why refusal;
  int rc = 0;
  if (given.struct_size != sizeof given) {
    rc = api::refuse(&refusal, "policy", "not initialised, or by no name that there is");
  } else if (given.retry != nullptr) {
    rc = api::refuse(&refusal, "retry", "cannot be simulated");
  } else if (given.backoff.kind == PESTER_BACKOFF_CUSTOM) {
    rc = api::refuse(&refusal, "backoff.fn", "cannot be simulated");
  } else {
    rc = api::read_policy(given, &read, &refusal);
  }
  if (rc != 0) {
    *why = refusal.c_str();
    return rc;
  }
  *policy = read;
  return 0;
}

}  // namespace pester::sim
