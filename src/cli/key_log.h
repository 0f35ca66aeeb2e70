// SPDX-License-Identifier: MIT
// The file of --tls-keylog or of SSLKEYLOGFILE: secrets of TLS handshakes, for Wireshark. It is made for
// its owner alone and added to. It knows no handshake.
#ifndef PESTER_CLI_KEY_LOG_H_
#define PESTER_CLI_KEY_LOG_H_

#include <pester.h>

#include "cli/options.h"

namespace pester::cli {

class KeyLog {
 public:
  // Opens the file that the option names; throws CommandError when it cannot. One that only the
  // environment names and that cannot be opened is none, as with curl.
  explicit KeyLog(const ConnectionOptions& options);
  ~KeyLog();
  KeyLog(const KeyLog&) = delete;
  KeyLog& operator=(const KeyLog&) = delete;

  // Asks for the lines, if there is a file; `tls` must not outlive it.
  void ask_for_lines(pester_tls_options_t* tls);

 private:
  static void on_line(const char* line, void* data);

  int fd_ = -1;
};

}  // namespace pester::cli

#endif
