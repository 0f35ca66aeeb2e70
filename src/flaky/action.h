// SPDX-License-Identifier: MIT
// One action of a script's step, such as status=503 or reset@100: parsed from its words, applied to a
// reply. The same words serve as query parameters of a request.
#ifndef PESTER_FLAKY_ACTION_H_
#define PESTER_FLAKY_ACTION_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "flaky/quantity.h"
#include "flaky/reply.h"

namespace pester::flaky {

// NAME, NAME=VALUE, NAME@PLACE: the words of one action, escapes and quotes already gone.
struct Words {
  std::string name;
  std::optional<std::string> place;
  std::optional<std::string> value;
  bool quoted = false;  // the value was: body='12' is a text, body=12 a size
  size_t position = 0;  // in the rule's text, from 0
};

// A script that cannot be: why, and where in the text that was parsed.
struct ScriptError : std::runtime_error {
  ScriptError(size_t at, const std::string& why) : std::runtime_error(why), position(at) {}
  size_t position;
};

struct Action {
  enum class Kind : uint8_t {
    ok,
    status,
    delay,
    body,
    header,
    chunked,
    length,
    reset,
    close,
    stall,
    drip,
    refuse_keepalive,
    close_idle,
    stale,
    raw,
    garbage,
    echo,
    echo_body,
    early
  };
  Kind kind = Kind::ok;
  uint64_t number = 0;       // status, length, bytes of a drip, place of a cut
  bool counts_body = false;  // the place is body+N
  MsRange time;
  Body body;  // also a header's or raw's text
};

bool is_action(std::string_view name);
Action parse_action(const Words& words);  // throws ScriptError
void apply(const Action& action, Reply* reply);

}  // namespace pester::flaky

#endif
