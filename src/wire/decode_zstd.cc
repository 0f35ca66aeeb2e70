// SPDX-License-Identifier: MIT
// zstd (RFC 8878, frames one behind the other) by libzstd, with windows of 8 MiB at most (RFC 9659).
#ifdef PESTER_HAVE_ZSTD

// For a context in the client's own memory: in the library since 1.0, if not among what it calls stable.
#define ZSTD_STATIC_LINKING_ONLY
#include <zstd.h>

#include "wire/decode_layer.h"

namespace pester::wire {

namespace {

constexpr int kWindowLogMax = 23;

ZSTD_DCtx* open(DecodeLayer& layer) {
  ZSTD_DCtx* const context = ZSTD_createDCtx_advanced({decode_alloc, decode_free, layer.memory});
  if (context == nullptr) return nullptr;
  layer.state = context;
  layer.phase = DecodeLayer::Phase::within;
  (void)ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, kWindowLogMax);
  return context;
}

LayerState run(DecodeLayer& layer, std::string_view* in, char** out, const char* end) {
  using Phase = DecodeLayer::Phase;
  auto* context = static_cast<ZSTD_DCtx*>(layer.state);
  if (context == nullptr) context = open(layer);
  if (context == nullptr) return layer.fail(nullptr);
  for (;;) {
    if (layer.phase != Phase::within) {
      if (in->empty()) return LayerState::hungry;
      if (in->front() == '\0') {
        layer.phase = Phase::padding;
        in->remove_prefix(1);
        continue;
      }
      if (layer.phase == Phase::padding) return layer.fail("bytes behind the end of the stream");
      layer.phase = Phase::within;
    }
    ZSTD_inBuffer input = {in->data(), in->size(), 0};
    ZSTD_outBuffer output = {*out, static_cast<size_t>(end - *out), 0};
    const size_t rc = ZSTD_decompressStream(context, &output, &input);
    in->remove_prefix(input.pos);
    *out += output.pos;
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
  (void)ZSTD_freeDCtx(static_cast<ZSTD_DCtx*>(layer.state));
}

}  // namespace

const DecodeLayer::Library kZstdLibrary = {run, close};

}  // namespace pester::wire

#endif
