// SPDX-License-Identifier: MIT
// How a part of the command says that it cannot go on: the exit status and a sentence for people. It
// knows neither options nor the library.
#ifndef PESTER_CLI_COMMAND_ERROR_H_
#define PESTER_CLI_COMMAND_ERROR_H_

#include <stdexcept>
#include <string>

namespace pester::cli {

class CommandError : public std::runtime_error {
 public:
  CommandError(int exit_status, const std::string& text)
      : std::runtime_error(text), exit_status_(exit_status) {}
  [[nodiscard]] int exit_status() const { return exit_status_; }

 private:
  int exit_status_;
};

}  // namespace pester::cli

#endif
