// SPDX-License-Identifier: MIT
// The command `pester`: a thin layer over the library. Every behaviour lives there; this reads options
// and prints.
#include <clocale>
#include <csignal>
#include <new>
#include <string>
#include <string_view>

#include <unistd.h>

#include "cli/command_error.h"
#include "cli/exit_code.h"
#include "cli/file_io.h"
#include "cli/options.h"
#include "cli/request_plan.h"
#include "cli/runner.h"
#include "cli/simulate.h"
#include "cli/text.h"

namespace {

using namespace pester::cli;

// Callbacks of the library must not throw through it, so running out of memory ends the command here.
void out_of_memory() {
  static constexpr char kText[] = "pester: (27) out of memory\n";
  const ssize_t told = ::write(STDERR_FILENO, kText, sizeof kText - 1);
  static_cast<void>(told);
  ::_exit(kExitMemory);
}

int command(int argc, char** argv, bool& tells_errors) {
  if (argc > 1 && argv[1] == std::string_view("simulate")) return simulate(argc - 1, argv + 1);
  CommandLine line = parse_command_line(argc, argv);
  if (line.text) return write_all(STDOUT_FILENO, *line.text) ? kExitOk : kExitWrite;
  tells_errors = line.options.output.tells_errors();
  auto& format = line.options.output.write_out;
  if (format && format->starts_with('@')) format = read_file(format->substr(1));
  const RequestPlan plan = plan_request(line.options.request, read_file);
  Runner runner(line.options, plan);
  return runner.run();
}

}  // namespace

int main(int argc, char** argv) {
  std::setlocale(LC_CTYPE, "");
  std::set_new_handler(out_of_memory);
  // A closed standard output is exit status 23, not a death without a word.
  std::signal(SIGPIPE, SIG_IGN);
  bool tells_errors = true;
  try {
    return command(argc, argv, tells_errors);
  } catch (const CommandError& error) {
    const std::string text = printable(error.what());
    // -s silences what went wrong on the way, never a command line that makes no sense.
    if (tells_errors || error.exit_status() == kExitUsage) {
      static_cast<void>(write_all(
          STDERR_FILENO, "pester: (" + std::to_string(error.exit_status()) + ") " + text + "\n"));
    }
    return error.exit_status();
  }
}
