// SPDX-License-Identifier: MIT
// What becomes of a trailer field, by its name (RFC 9110 §6.5.1): framing is refused, whatever could
// steer a client behind the back of the head is dropped, the rest is kept apart from the fields.
#ifndef PESTER_WIRE_TRAILER_RULE_H_
#define PESTER_WIRE_TRAILER_RULE_H_

#include <cstdint>
#include <string_view>

namespace pester::wire {

enum class TrailerRule : uint8_t {
  keep,
  drop,
  close,  // dropped, and the connection is not used again
  refuse
};

TrailerRule rule_of_trailer(std::string_view name);

}  // namespace pester::wire

#endif
