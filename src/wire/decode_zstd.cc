// SPDX-License-Identifier: MIT
// zstd (RFC 8878, frames one behind the other) by libzstd, with windows of 8 MiB at most (RFC 9659).
#ifdef PESTER_HAVE_ZSTD

// For a context in the client's own memory: in the library since 1.0, if not among what it calls stable.
#define ZSTD_STATIC_LINKING_ONLY
#include <zstd.h>

#include <algorithm>
#include <new>

#include "wire/decode_layer.h"

namespace pester::wire {

namespace {

constexpr int kWindowLogMax = 23;
constexpr size_t kMagicBytes = 4;

struct Zstd {
  ZSTD_DCtx* context = nullptr;
  size_t magic_bytes = 0;  // of the frame's, seen
};

// Whether a frame may begin so: the library would take those of before RFC 8878, too, in memory of its
// own and with windows of any size.
bool may_begin(size_t at, std::string_view bytes) {
  constexpr uint8_t kFrame[kMagicBytes] = {0x28, 0xb5, 0x2f, 0xfd};
  constexpr uint8_t kSkippable[kMagicBytes] = {0x50, 0x2a, 0x4d, 0x18};  // the first up to 0x5f
  for (size_t i = 0; i < bytes.size() && at + i < kMagicBytes; ++i) {
    const auto byte = static_cast<uint8_t>(bytes[i]);
    const int kind = at + i == 0 ? byte & 0xf0 : byte;
    if (byte != kFrame[at + i] && kind != kSkippable[at + i]) return false;
  }
  return true;
}

Zstd* state_of(DecodeLayer& layer) {
  if (layer.state != nullptr) return static_cast<Zstd*>(layer.state);
  void* const at = decode_alloc(layer.memory, sizeof(Zstd));
  if (at == nullptr) return nullptr;
  auto* const zstd = ::new (at) Zstd;
  layer.state = zstd;
  zstd->context = ZSTD_createDCtx_advanced({decode_alloc, decode_free, layer.memory});
  if (zstd->context == nullptr) return nullptr;
  (void)ZSTD_DCtx_setParameter(zstd->context, ZSTD_d_windowLogMax, kWindowLogMax);
  return zstd;
}

LayerState run(DecodeLayer& layer, std::string_view* in, char** out, const char* end) {
  using Phase = DecodeLayer::Phase;
  Zstd* const zstd = state_of(layer);
  if (zstd == nullptr) return layer.fail(nullptr);
  for (;;) {
    if (layer.phase != Phase::within) {
      if (in->empty()) return LayerState::hungry;
      if (in->front() == '\0' && layer.phase != Phase::first) {
        layer.phase = Phase::padding;
        in->remove_prefix(1);
        continue;
      }
      if (layer.phase == Phase::padding) return layer.fail("bytes behind the end of the stream");
      layer.phase = Phase::within;
      zstd->magic_bytes = 0;
    }
    if (!may_begin(zstd->magic_bytes, *in)) return layer.fail("no frame begins so");
    // The first byte alone: the library reads a frame that it has whole by other rules.
    ZSTD_inBuffer input = {in->data(), zstd->magic_bytes == 0 ? 1 : in->size(), 0};
    ZSTD_outBuffer output = {*out, static_cast<size_t>(end - *out), 0};
    const size_t rc = ZSTD_decompressStream(zstd->context, &output, &input);
    in->remove_prefix(input.pos);
    *out += output.pos;
    zstd->magic_bytes = std::min(zstd->magic_bytes + input.pos, kMagicBytes);
    if (ZSTD_isError(rc) != 0) return layer.fail(ZSTD_getErrorName(rc));
    if (rc == 0) {
      layer.phase = Phase::between;
    } else if (*out == end) {
      return LayerState::full;
    } else if (in->empty()) {
      return LayerState::hungry;
    }
  }
}

void close(DecodeLayer& layer) {
  auto* const zstd = static_cast<Zstd*>(layer.state);
  (void)ZSTD_freeDCtx(zstd->context);
  decode_free(layer.memory, zstd);
}

}  // namespace

const DecodeLayer::Library kZstdLibrary = {run, close};

}  // namespace pester::wire

#endif
