// SPDX-License-Identifier: MIT
// What to do with one request, once all alternatives are drawn: the response, its pace and its end. A
// plain value; the bytes are made by response.h and sent by connection.h.
#ifndef PESTER_FLAKY_REPLY_H_
#define PESTER_FLAKY_REPLY_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "flaky/quantity.h"

namespace pester::flaky {

struct Body {
  std::string text;
  std::optional<uint64_t> size;  // instead of a text: so many bytes, each known by its offset
};

enum class Cut : uint8_t { none, reset, close, stall };
enum class Echo : uint8_t { none, message, body };

struct Reply {
  unsigned status = 200;
  MsRange delay;
  std::optional<Body> body;  // when absent, a line of text that fits the status
  std::vector<std::string> headers;
  bool chunked = false;
  std::optional<uint64_t> length;  // what Content-Length shall say
  std::optional<std::string> raw;  // bytes to send instead of a response

  Cut cut = Cut::none;
  uint64_t cut_at = 0;
  bool cut_counts_body = false;  // cut_at counts from the body's first byte, else from the head's

  uint64_t drip_bytes = 0;  // 0: as fast as it goes
  uint64_t drip_ms = 0;

  bool refuse_keepalive = false;
  bool stale = false;
  bool early = false;
  Echo echo = Echo::none;
  std::optional<uint64_t> close_idle_ms;

  std::string prepared;  // the whole response to a GET on a kept connection, when it never varies
};

}  // namespace pester::flaky

#endif
