// SPDX-License-Identifier: MIT
// Bodies of requests in chunks (RFC 9112 §7.1): the frame around bytes that lie in place already, the
// end, and which fields may stand behind it. Refuses to know where the bytes come from.
#ifndef PESTER_WIRE_CHUNK_WRITER_H_
#define PESTER_WIRE_CHUNK_WRITER_H_

#include <cstddef>
#include <string_view>

#include "core/why.h"

namespace pester::wire {

// Room in front of the bytes of a chunk, and behind them.
inline constexpr size_t kChunkHeadBytes = 10;  // eight digits, CR LF
inline constexpr size_t kChunkTailBytes = 2;

// Frames `count` bytes (1 to 2^32-1), which stand at room + kChunkHeadBytes; returns the whole chunk,
// which lies in `room`.
[[nodiscard]] std::string_view frame_chunk(char* room, size_t count);

// Of the last chunk, without the trailer lines.
inline constexpr std::string_view kLastChunk = "0\r\n";

// Whether a field may stand behind a body of a request: a name and a value that can be sent, and none
// that frames, routes or authenticates (RFC 9110 §6.5.1). 0, or PESTER_EHEADER and `why` names it.
[[nodiscard]] int check_request_trailer(const char* name, const char* value, core::Why* why);

}  // namespace pester::wire

#endif
