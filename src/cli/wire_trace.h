// SPDX-License-Identifier: MIT
// --verbose: the wire as curl shows it, "* " for what happened, "> " for what was sent, "< " for what
// came, with the lane and attempt wherever another one takes its turn.
#ifndef PESTER_CLI_WIRE_TRACE_H_
#define PESTER_CLI_WIRE_TRACE_H_

#include <string>
#include <string_view>

namespace pester::cli {

class WireTrace {
 public:
  struct Who {
    int lane = 0, attempt = 1;
    std::string kind, url;
    auto operator<=>(const Who&) const = default;
  };
  struct Tls {
    std::string version, cipher, alpn;
    bool resumed = false;
  };

  // Each gives the lines to print.
  std::string connected(const Who& who, std::string_view remote, std::string_view proxy, bool reused,
                        const Tls* tls);
  std::string request(const Who& who, std::string_view head);
  std::string response(const Who& who, std::string_view head);
  std::string ended(const Who& who, std::string_view text);

 private:
  // A line that names the attempt, when the line before was of another one.
  std::string turn_of(const Who& who);

  Who last_{-1, 0, "", ""};
};

}  // namespace pester::cli

#endif
