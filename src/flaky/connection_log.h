// SPDX-License-Identifier: MIT
// The lines that one connection writes into the log: their words, and nothing of when they are written.
// All cost next to nothing while nobody reads the log.
#ifndef PESTER_FLAKY_CONNECTION_LOG_H_
#define PESTER_FLAKY_CONNECTION_LOG_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "flaky/choice.h"
#include "flaky/event_log.h"
#include "flaky/request.h"

namespace pester::flaky {

class ConnectionLog {
 public:
  struct Totals {
    uint64_t responses = 0;  // those that were not cut
    uint64_t bytes = 0;
  };
  // Where in an exchange the peer left.
  enum class Moment : uint8_t { between, in_request, before_response, in_response };

  ConnectionLog(EventLog* out, uint64_t id) : out_(out), id_(id) {}

  bool enabled() const { return out_->enabled(); }
  void opened_from(const std::string& peer);
  void request(uint64_t number, const RequestParser& request, const Choice& choice);
  void bad_request(std::string_view why);
  void queued();
  void response(uint64_t number, const Reply& reply, uint64_t bytes, uint64_t took_ns);
  void closed_by_us(const Totals& totals, std::string_view why);
  void reset_by_us(const Totals& totals, std::string_view why);
  void tls_failed(std::string_view why);
  // bytes: of the response that was due.
  void closed_by_peer(Moment moment, uint64_t bytes, const Totals& totals, bool by_reset);

 private:
  template <typename... Parts>
  void line(const Parts&... parts);

  EventLog* out_;
  uint64_t id_;
};

}  // namespace pester::flaky

#endif
