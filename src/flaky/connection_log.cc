// SPDX-License-Identifier: MIT
// What a client sent goes into a line only with the bytes masked that could make it two.
#include "flaky/connection_log.h"

#include <algorithm>

namespace pester::flaky {
namespace {

std::string text_of(std::string_view part) {
  return std::string(part);
}
std::string text_of(uint64_t number) {
  return std::to_string(number);
}

std::string milliseconds(uint64_t ns) {
  const uint64_t tenths = ns / 100000;
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " ms";
}

std::string counted(uint64_t n, std::string_view noun) {
  std::string out = std::to_string(n);
  out.append(" ").append(noun);
  if (n != 1) out += 's';
  return out;
}

std::string text_of(const ConnectionLog::Totals& totals) {
  return counted(totals.responses, "response") + ", " + counted(totals.bytes, "byte");
}

std::string printable(std::string_view text) {
  std::string out(text.substr(0, 200));
  const auto is_control = [](char c) { return (c >= 0 && c < 0x20) || c == 0x7f; };
  std::replace_if(out.begin(), out.end(), is_control, '.');
  return out;
}

std::string_view word_of(Cut cut) {
  switch (cut) {
    case Cut::none:
      return "";
    case Cut::reset:
      return "reset";
    case Cut::close:
      return "close";
    case Cut::stall:
      return "stall";
  }
  return "";
}

}  // namespace

template <typename... Parts>
void ConnectionLog::line(const Parts&... parts) {
  if (!enabled()) return;
  std::string text = "connection ";
  text.append(std::to_string(id_)).append(" ");
  (text.append(text_of(parts)), ...);
  out_->line(text);
}

void ConnectionLog::opened_from(const std::string& peer) {
  line("opened from ", peer);
}

void ConnectionLog::request(uint64_t number, const RequestParser& request, const Choice& choice) {
  if (!enabled()) return;
  std::string rule = "no rule";
  if (choice.route() != nullptr) {
    rule = "rule " + std::to_string(choice.route()->number()) + " step " +
           std::to_string(choice.step() + 1);
  }
  line("request ", number, ": ", request.method(), " ", printable(request.target()), ", ", rule);
}

void ConnectionLog::bad_request(std::string_view why) {
  line("sent a bad request: ", why);
}

void ConnectionLog::queued() {
  line("queued");
}

void ConnectionLog::response(uint64_t number, const Reply& reply, uint64_t bytes, uint64_t took_ns) {
  if (!enabled()) return;
  const std::string what = reply.raw ? "raw bytes" : std::to_string(reply.status);
  const std::string when = milliseconds(took_ns) + " after the request";
  if (reply.cut == Cut::none) {
    line("response ", number, " sent: ", what, ", ", counted(bytes, "byte"), ", ", when);
  } else {
    line("response ", number, " cut: ", what, ", ", word_of(reply.cut), " after ",
         counted(bytes, "byte"), ", ", when);
  }
}

void ConnectionLog::closed_by_us(const Totals& totals, std::string_view why) {
  line("closed by us after ", totals, ": ", why);
}

void ConnectionLog::reset_by_us(const Totals& totals, std::string_view why) {
  line("reset by us after ", totals, ": ", why);
}

void ConnectionLog::tls_failed(std::string_view why) {
  line("closed by us: TLS failed: ", why);
}

void ConnectionLog::closed_by_peer(Moment moment, uint64_t bytes, const Totals& totals, bool by_reset) {
  const std::string_view how = by_reset ? " (reset)" : "";
  switch (moment) {
    case Moment::between:
      return line("closed by peer after ", totals, how);
    case Moment::in_request:
      return line("closed by peer in its request", how);
    case Moment::before_response:
      return line("closed by peer before response", how);
    case Moment::in_response:
      return line("closed by peer in response after ", counted(bytes, "byte"), how);
  }
}

}  // namespace pester::flaky
