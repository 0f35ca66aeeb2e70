// SPDX-License-Identifier: MIT
// The budget and breakers that runs of the command share, as --shared and --shared-object name them. It
// knows no client.
#ifndef PESTER_CLI_SHARED_H_
#define PESTER_CLI_SHARED_H_

#include <pester.h>

#include "cli/options.h"

namespace pester::cli {

class Shared {
 public:
  // Throws CommandError when it is refused: a run that was to keep to a bound does not go on without it.
  explicit Shared(const ResilienceOptions& options);
  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;
  ~Shared() { pester_shared_close(handle_); }

  // nullptr: none was asked for.
  [[nodiscard]] pester_shared_t* handle() const { return handle_; }

 private:
  pester_shared_t* handle_ = nullptr;
};

}  // namespace pester::cli

#endif
