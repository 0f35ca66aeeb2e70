// SPDX-License-Identifier: MIT
// The lists of an Upgrade field (RFC 9110 §7.8): whether one can be sent, and whether what a server
// switches to was asked for. Refuses to know what any protocol is.
#ifndef PESTER_WIRE_UPGRADE_TOKENS_H_
#define PESTER_WIRE_UPGRADE_TOKENS_H_

#include <cstddef>
#include <string_view>

#include "wire/response_head.h"

namespace pester::wire {

inline constexpr size_t kUpgradeBytesMax = 1024;

// protocol-name [ "/" protocol-version ], of tokens, with commas and blanks between. Returns the first
// byte that is wrong, or npos.
[[nodiscard]] size_t find_upgrade_fault(std::string_view list);

// Whether the head names a protocol, and none but such as stand in `asked`, in any case.
[[nodiscard]] bool switches_as_asked(const ResponseHead& head, std::string_view asked);

}  // namespace pester::wire

#endif
