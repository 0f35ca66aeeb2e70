// SPDX-License-Identifier: MIT
// br (RFC 7932) by libbrotlidec. Windows beyond the RFC's 16 MiB stay off.
#ifdef PESTER_HAVE_BROTLI

#include <brotli/decode.h>

#include "wire/decode_layer.h"

namespace pester::wire {

namespace {

LayerState run(DecodeLayer& layer, std::string_view* in, char** out, const char* end) {
  using Phase = DecodeLayer::Phase;
  auto* decoder = static_cast<BrotliDecoderState*>(layer.state);
  if (decoder == nullptr) {
    decoder = BrotliDecoderCreateInstance(decode_alloc, decode_free, layer.memory);
    if (decoder == nullptr) return layer.fail(nullptr);
    layer.state = decoder;
    layer.phase = Phase::within;
  }
  if (layer.phase == Phase::within) {
    size_t left = in->size();
    const auto* next_in = reinterpret_cast<const uint8_t*>(in->data());
    auto room = static_cast<size_t>(end - *out);
    auto* next_out = reinterpret_cast<uint8_t*>(*out);
    const BrotliDecoderResult result =
        BrotliDecoderDecompressStream(decoder, &left, &next_in, &room, &next_out, nullptr);
    in->remove_prefix(in->size() - left);
    *out = reinterpret_cast<char*>(next_out);
    switch (result) {
      case BROTLI_DECODER_RESULT_NEEDS_MORE_INPUT:
        return *out == end ? LayerState::full : LayerState::hungry;
      case BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT:
        return LayerState::full;
      case BROTLI_DECODER_RESULT_ERROR:
        return layer.fail(BrotliDecoderErrorString(BrotliDecoderGetErrorCode(decoder)));
      case BROTLI_DECODER_RESULT_SUCCESS:
        layer.phase = Phase::between;
        break;
    }
  }
  while (!in->empty()) {
    if (in->front() != '\0') return layer.fail("bytes behind the end of the stream");
    in->remove_prefix(1);
    layer.phase = Phase::padding;
  }
  return LayerState::hungry;
}

void close(DecodeLayer& layer) {
  BrotliDecoderDestroyInstance(static_cast<BrotliDecoderState*>(layer.state));
}

}  // namespace

const DecodeLayer::Library kBrotliLibrary = {run, close};

}  // namespace pester::wire

#endif
