// SPDX-License-Identifier: MIT
#include "cli/shared.h"

#include <array>

#include "cli/command_error.h"
#include "cli/exit_code.h"

namespace pester::cli {

Shared::Shared(const ResilienceOptions& o) {
  if (!o.shared && !o.shared_object) return;
  std::array<char, 512> why{};
  pester_shared_options_t options;
  pester_shared_options_init(&options);
  if (o.shared) options.path = o.shared->c_str();
  if (o.shared_object) options.name = o.shared_object->c_str();
  options.error_text = why.data();
  options.error_text_size = why.size();
  const int error = pester_shared_open(&handle_, &options);
  if (error == 0) return;
  throw CommandError(kExitUsage, why[0] != '\0' ? why.data() : pester_strerror(error));
}

}  // namespace pester::cli
