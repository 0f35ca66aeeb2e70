// SPDX-License-Identifier: MIT
// One coding being undone: bytes in, bytes out, by the library that knows it, in memory of the client's
// allocator. Refuses to know limits, other layers and where the bytes go.
#ifndef PESTER_WIRE_DECODE_LAYER_H_
#define PESTER_WIRE_DECODE_LAYER_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "wire/content_coding.h"
#include "wire/memory.h"

namespace pester::wire {

// What the libraries get their memory from.
struct DecodeMemory {
  Allocator allocator{};
  bool out = false;  // an allocation has failed
};

enum class LayerState : uint8_t {
  hungry,  // took all of its input, and has nothing left to give
  full,    // used up its room; there may be more to come
  failed   // `reason` tells, or `memory->out`
};

class DecodeLayer {
 public:
  // Each coding's part: makes what it needs at the first bytes, and leaves it to close().
  struct Library {
    LayerState (*run)(DecodeLayer& layer, std::string_view* in, char** out, const char* end);
    void (*close)(DecodeLayer& layer);
  };
  // Where it is with its input. A stream may be followed by another of the kind, where the coding has
  // that, and by zeros, which some servers pad with; never by anything else.
  enum class Phase : uint8_t { first, within, between, padding };

  // `memory` must outlive it.
  void open(Coding coding, DecodeMemory* memory);
  void close();
  // Takes from the front of `in`, writes from `*out` on, which moves, to `end` at most: there must be
  // room.
  [[nodiscard]] LayerState run(std::string_view* in, char** out, const char* end);

  [[nodiscard]] Coding coding() const { return coding_; }
  [[nodiscard]] uint64_t taken() const { return taken_; }
  [[nodiscard]] uint64_t made() const { return made_; }
  // The input may end here.
  [[nodiscard]] bool may_end() const { return phase == Phase::between || phase == Phase::padding; }
  [[nodiscard]] const char* reason() const { return reason_; }

  // For the libraries.
  [[nodiscard]] LayerState fail(const char* reason) {
    reason_ = reason;
    return LayerState::failed;
  }
  DecodeMemory* memory = nullptr;
  void* state = nullptr;  // the library's own
  Phase phase = Phase::first;

 private:
  Coding coding_ = Coding::gzip;
  bool full_ = false;
  uint64_t taken_ = 0, made_ = 0;
  const char* reason_ = nullptr;
};

// Hooks in the form that zlib, brotli and zstd share but for the order; `data` is a DecodeMemory.
void* decode_alloc(void* data, size_t size);
void decode_free(void* data, void* block);

extern const DecodeLayer::Library kZlibLibrary;
#ifdef PESTER_HAVE_BROTLI
extern const DecodeLayer::Library kBrotliLibrary;
#endif
#ifdef PESTER_HAVE_ZSTD
extern const DecodeLayer::Library kZstdLibrary;
#endif

}  // namespace pester::wire

#endif
