// SPDX-License-Identifier: MIT
// A body's codings undone as it comes, up to five one upon the other, a bounded piece at a time, within
// bounds that no small body can pass by growing large. Refuses to know heads, connections and whom the
// bytes are for.
#ifndef PESTER_WIRE_CONTENT_DECODER_H_
#define PESTER_WIRE_CONTENT_DECODER_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/why.h"
#include "wire/content_coding.h"
#include "wire/decode_layer.h"
#include "wire/memory.h"

namespace pester::wire {

struct DecodeLimits {
  uint64_t bytes = UINT64_MAX;  // once decoded; what comes and goes on the way may be a little more
  uint32_t ratio = 100;         // to what came, of each layer's bytes once there is kRatioFrom; 0: any
};
inline constexpr uint64_t kRatioFrom = uint64_t{1} << 20;

class ContentDecoder {
 public:
  // What a call of next() came to.
  struct Piece {
    size_t bytes = 0;   // written
    bool more = false;  // there may be more, without further input
    int error = 0;      // `why` tells; nothing further can be decoded
  };

  // False when memory is out. `pool` must outlive it, and it must not move; close() it in any case.
  [[nodiscard]] bool open(const Codings& codings, BlockPool& pool, const DecodeLimits& limits);
  void close(BlockPool& pool);

  // Decodes until `room` bytes (at least one) are written or all of `coded` is taken, from its front.
  // PESTER_EENCODING, PESTER_EBODYSIZE (a limit), UV_ENOMEM.
  [[nodiscard]] Piece next(std::string_view* coded, char* out, size_t room, core::Why* why);
  // The body has ended, and next() has no more: 0, or PESTER_EENCODING when it ended too early. A body
  // of no bytes at all is whole: servers send it.
  [[nodiscard]] int finish(core::Why* why) const;

 private:
  // A layer and what it reads, from the layer before it.
  struct Stage {
    DecodeLayer layer;
    char* buffer = nullptr;  // of the stages behind the first
    std::string_view input;
  };
  int judge(size_t index, LayerState state, core::Why* why) const;
  int refuse(size_t index, int error, const char* reason, core::Why* why) const;
  [[nodiscard]] const char* limit_passed(size_t index) const;

  Stage stages_[kCodingsMax];
  size_t count_ = 0;
  DecodeMemory memory_;
  DecodeLimits limits_;
};

}  // namespace pester::wire

#endif
