// SPDX-License-Identifier: MIT
// A request's body that is not simply there: it comes from a source of the user's, bit by bit, or waits
// until the server has said that it wants it. One room of memory lies between the source and the socket,
// and the source is asked only when that is empty. Refuses to know what a source is: hooks ask it.
#ifndef PESTER_UV_UPLOAD_H_
#define PESTER_UV_UPLOAD_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/types.h"
#include "uv/connection.h"
#include "wire/memory.h"
#include "wire/request_writer.h"

namespace pester::uv {

inline constexpr size_t kUploadRoomBytes = 65536;
// So often is a source asked before others have their turn.
inline constexpr uint32_t kUploadTurnsMax = 8;
inline constexpr size_t kRequestTrailerBytesMax = 16384;
// What a source answers that has nothing now: UV_EAGAIN.
inline constexpr int64_t kSourceNotNow = -11;

// Of one request, in a block of its own that may be larger: the hooks' extension of it.
struct Upload {
  size_t block_bytes = 0;
  uint64_t length = wire::kChunkedBody;
  core::Duration continue_wait{};  // for a 100 before the body; 0: the body follows at once
  wire::Bytes head_fields;         // that only the heads of uploads have
  wire::Bytes trailers;            // lines, behind the last chunk
  bool from_memory = false;        // the body is the request's own, and can always be sent again
  bool rewinds = false;            // its source can begin anew
  bool asks_trailers = false;      // the hooks make them when the body has ended
  bool begun = false;              // the source has been read since it was at its beginning
  bool without_expect = false;     // the server will not be asked (RFC 9110 §10.1.1: a 417 came)

  // Of the present exchange.
  uint64_t given = 0;      // bytes of the source
  std::string_view piece;  // what is to be sent of it now, framed; in `room`, or the request's own
  size_t piece_at = 0;     // where that begins in what the connection sends
  wire::Block room;        // given back while the source has nothing
  uint64_t entry = 0;      // the client's entry in which it had `turns`
  uint32_t turns = 0;
  uint32_t exchange = 0;    // counts them
  bool rewind_due = false;  // before anything is sent
  bool expects = false;     // the server's word is waited for
  bool ended = false;       // `piece` is the last one
  bool waits = false;       // the source has nothing now ...
  bool ready = false;       // ... or has already, told while it was being asked
};

// An upload for the request, of `size` bytes (at least sizeof(Upload)), not filled in; nullptr when
// memory is out.
[[nodiscard]] void* upload_block(Request& request, wire::BlockPool& pool, size_t size);
void upload_release(Upload& upload, wire::BlockPool& pool);

// Whether the heads of its exchanges expect a 100.
[[nodiscard]] bool upload_expects(const Request& request);

// ---- for the connection
// An exchange begins; its head is in `own_head`, to which fields are added. False: memory is out.
[[nodiscard]] bool upload_begin(Connection& connection, Request& request);
// What is to be sent behind the head.
std::string_view upload_piece(const Connection& connection, const Request& request);
void upload_send_on(Connection& connection, core::Lane& lane, core::Now now);
// The body is wanted: the server says so, or its time for that is over.
void upload_continue(Connection& connection, core::Now now);

// ---- for the pump
// Asks the source, or winds it back, and sends what it gives.
void upload_feed(Client& client, Request& request);

}  // namespace pester::uv

#endif
