// SPDX-License-Identifier: MIT
// The grammar of a response head and of trailers, strictly (RFC 9112 §2, §4, §5, §6): finds the first
// byte that breaks it, and the reason in words. Slow and complete: the parser asks when something was
// already found wrong, so that both generations of llhttp give the same text and the same code.
#ifndef PESTER_WIRE_HEAD_GRAMMAR_H_
#define PESTER_WIRE_HEAD_GRAMMAR_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace pester::wire {

struct Fault {
  size_t at = 0;
  const char* reason = nullptr;  // nullptr: none
};

enum class HeadSection : uint8_t { head, head_may_switch, trailers };  // may switch: 101 was asked for

// What a head may do all the same when it was agreed on: each a bit. Such a connection is not used
// again.
namespace lenient {
inline constexpr uint8_t kDuplicateLength = 1;  // Content-Length fields that are equal
inline constexpr uint8_t kFold = 2;    // a field that goes on in a line that begins with a blank
inline constexpr uint8_t kBareLf = 4;  // lines that end in LF without CR
inline constexpr uint8_t kAll = 7;
}  // namespace lenient

// Raw bytes from the section's first on; they may end anywhere.
Fault find_fault(std::string_view raw, HeadSection section, uint8_t lenient_set = 0);

}  // namespace pester::wire

#endif
