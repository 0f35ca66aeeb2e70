// SPDX-License-Identifier: MIT
#include "wire/decode_layer.h"

namespace pester::wire {

namespace {

constexpr DecodeLayer::Library kNone = {nullptr, nullptr};

// Codings that are not built in are never asked for: read_codings does not know them.
const DecodeLayer::Library& library_of(Coding coding) {
  switch (coding) {
    case Coding::gzip:
    case Coding::deflate:
      return kZlibLibrary;
    case Coding::brotli:
#ifdef PESTER_HAVE_BROTLI
      return kBrotliLibrary;
#else
      break;
#endif
    case Coding::zstd:
#ifdef PESTER_HAVE_ZSTD
      return kZstdLibrary;
#else
      break;
#endif
  }
  return kNone;
}

}  // namespace

void* decode_alloc(void* data, size_t size) {
  auto& memory = *static_cast<DecodeMemory*>(data);
  void* const block = memory.allocator.alloc(size, memory.allocator.data);
  if (block == nullptr) memory.out = true;
  return block;
}

void decode_free(void* data, void* block) {
  const auto& memory = *static_cast<DecodeMemory*>(data);
  if (block != nullptr) memory.allocator.release(block, memory.allocator.data);
}

void DecodeLayer::open(Coding coding, DecodeMemory* from) {
  *this = DecodeLayer();
  coding_ = coding;
  memory = from;
}

void DecodeLayer::close() {
  if (state != nullptr) library_of(coding_).close(*this);
  state = nullptr;
}

LayerState DecodeLayer::run(std::string_view* in, char** out, const char* end) {
  // Asked with nothing to do, some libraries call it an error.
  if (in->empty() && !full_) return LayerState::hungry;
  const size_t before = in->size();
  const char* const from = *out;
  const LayerState state_now = library_of(coding_).run(*this, in, out, end);
  taken_ += before - in->size();
  made_ += static_cast<uint64_t>(*out - from);
  full_ = state_now == LayerState::full;
  return state_now;
}

}  // namespace pester::wire
