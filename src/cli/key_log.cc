// SPDX-License-Identifier: MIT
#include "cli/key_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>

#include "cli/command_error.h"
#include "cli/exit_code.h"
#include "cli/file_io.h"

namespace pester::cli {

KeyLog::KeyLog(const ConnectionOptions& options) {
  const char* named = options.key_log.empty() ? std::getenv("SSLKEYLOGFILE") : options.key_log.c_str();
  if (named == nullptr || *named == '\0') return;
  fd_ = ::open(named, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (fd_ >= 0 || options.key_log.empty()) return;
  throw CommandError(kExitWrite, "cannot write " + options.key_log + ": " + std::strerror(errno));
}

KeyLog::~KeyLog() {
  if (fd_ >= 0) ::close(fd_);
}

void KeyLog::ask_for_lines(pester_tls_options_t* tls) {
  if (fd_ < 0) return;
  tls->keylog_cb = on_line;
  tls->keylog_data = this;
}

// A whole line at once, so that several commands may share the file. A full disk fails no transfer.
void KeyLog::on_line(const char* line, void* data) {
  static_cast<void>(write_all(static_cast<KeyLog*>(data)->fd_, std::string(line) + '\n'));
}

}  // namespace pester::cli
