// SPDX-License-Identifier: MIT
// Turns trace events into lines. What came from the wire is shown, but never obeyed by the terminal.
#include "cli/wire_trace.h"

#include <fmt/core.h>

#include "cli/text.h"

namespace pester::cli {
namespace {

std::string marked_lines(std::string_view head, std::string_view mark) {
  std::string out;
  while (!head.empty()) {
    const size_t end = head.find('\n');
    std::string_view line = head.substr(0, end);
    head = end == std::string_view::npos ? std::string_view{} : head.substr(end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    // As in curl, a line that is empty but for its mark stands between head and body.
    out += fmt::format("{} {}\n", mark, printable(line));
  }
  return out;
}

}  // namespace

std::string WireTrace::turn_of(const Who& who) {
  if (who == last_) return "";
  last_ = who;
  const std::string kind = who.kind.empty() ? "" : ", " + who.kind;
  return fmt::format("* lane {} attempt {}{}: {}\n", who.lane, who.attempt, kind, printable(who.url));
}

std::string WireTrace::connected(const Who& who, std::string_view remote, std::string_view proxy,
                                 bool reused, const Tls* tls) {
  std::string out = turn_of(who);
  out += fmt::format("* {} {}{}{}\n", reused ? "Connection used again:" : "Connected to", remote,
                     proxy.empty() ? "" : ", the proxy ", proxy);
  if (tls == nullptr) return out;
  out += fmt::format("* {}, {}{}{}\n", tls->version, tls->cipher,
                     tls->alpn.empty() ? "" : ", ALPN " + tls->alpn,
                     tls->resumed ? ", session resumed" : "");
  return out;
}

std::string WireTrace::request(const Who& who, std::string_view head) {
  return turn_of(who) + marked_lines(head, ">");
}

std::string WireTrace::response(const Who& who, std::string_view head) {
  // The empty line that ends a head may not be told; curl shows it.
  const bool ended = head.ends_with("\r\n\r\n");
  return turn_of(who) + marked_lines(head, "<") + (ended ? "" : "< \n");
}

std::string WireTrace::ended(const Who& who, std::string_view text) {
  return text.empty() ? "" : turn_of(who) + fmt::format("* {}\n", printable(text));
}

}  // namespace pester::cli
