// SPDX-License-Identifier: MIT
// A response's body told decoded: which is, the decoder and what it has not taken yet, and the pieces on
// their way to the user, one at a time as spans are. It is the connection's; of an answer that could go
// on in another response, it is the request's once the connection is gone. Refuses to know codings.
#ifndef PESTER_UV_DECODING_H_
#define PESTER_UV_DECODING_H_

#include <string_view>

#include "uv/connection.h"
#include "wire/content_decoder.h"
#include "wire/resume.h"

namespace pester::uv {

inline constexpr size_t kDecodedBytes = 16384;  // of one span, at most

// In a block of its own.
struct Decoding {
  wire::ContentDecoder decoder;
  std::string_view input;  // came and is not taken; in the memory of a read, or in `held` (is_held)
  wire::Bytes held;
  bool is_held = false;
  char* out = nullptr;  // kDecodedBytes: the span being told
  bool more = false;    // the decoder may give more without further input
  char tail[wire::kResumeOverlapMax];
  uint32_t tail_bytes = 0;  // the last that came, in case the body breaks off
};

void decoding_free(Decoding* decoding, wire::BlockPool& pool);

// The head of a response is in: sets lane.decoding. 0, or why the response is of no use (`why`).
[[nodiscard]] int decoding_head(Connection& connection, core::Lane& lane, core::Why* why);
// A span of a body that is to be decoded has come. Decodes as far as it may be told at once; the rest
// follows from connection_resume, by decoding_go_on.
void decoding_body(Connection& connection, core::Lane& lane, std::string_view span, core::Now now);
void decoding_go_on(Connection& connection, core::Lane& lane, core::Now now);
// The body has ended: true when all of it is told. Else it goes on in the pump, or has failed.
[[nodiscard]] bool decoding_end(Connection& connection, core::Lane& lane, core::Now now);
// The memory that the bytes lie in is needed for something else. False when memory is out.
[[nodiscard]] bool decoding_hold(Connection& connection);
// The request goes on without the connection.
void decoding_hand_over(Connection& connection, Request& request);
void decoding_stop(Connection& connection);

}  // namespace pester::uv

#endif
