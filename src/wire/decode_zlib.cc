// SPDX-License-Identifier: MIT
// gzip (RFC 1952, members one behind the other) and deflate by zlib. "deflate" is a zlib stream (RFC
// 9110 §8.4.1.2), but some servers send bare deflate data, which every browser takes: the first two
// bytes tell.
#define ZLIB_CONST
#include <zlib.h>

#include <algorithm>
#include <climits>
#include <new>

#include "wire/decode_layer.h"

namespace pester::wire {

namespace {

constexpr int kWindowBits = 15;
constexpr int kGzip = 16 + kWindowBits;
constexpr int kBare = -kWindowBits;
constexpr uint8_t kGzipFirst = 0x1f;

struct Zlib {
  z_stream stream;
  uint8_t begin[2];         // of a deflate stream, until it is known which kind it is
  uint8_t begin_bytes = 0;  // of those, held; then, not yet inflated
  bool open = false;
};

// CMF and FLG of RFC 1950 §2.2. Bare data that began so would be a stored block with bits set that every
// writer leaves 0.
bool is_zlib_header(const uint8_t (&begin)[2]) {
  return (begin[0] & 0x0f) == Z_DEFLATED && begin[0] >> 4 <= kWindowBits - 8 &&
         (begin[0] * 256 + begin[1]) % 31 == 0;
}

voidpf zlib_alloc(voidpf data, uInt items, uInt size) {
  return decode_alloc(data, size_t{items} * size);
}
void zlib_free(voidpf data, voidpf block) {
  decode_free(data, block);
}

Zlib* state_of(DecodeLayer& layer) {
  if (layer.state != nullptr) return static_cast<Zlib*>(layer.state);
  void* const at = decode_alloc(layer.memory, sizeof(Zlib));
  if (at == nullptr) return nullptr;
  auto* const zlib = ::new (at) Zlib{};
  zlib->stream.zalloc = zlib_alloc;
  zlib->stream.zfree = zlib_free;
  zlib->stream.opaque = layer.memory;
  layer.state = zlib;
  return zlib;
}

bool open_stream(Zlib& zlib, int window_bits) {
  zlib.open = inflateInit2(&zlib.stream, window_bits) == Z_OK;
  return zlib.open;
}

// Until two bytes are there. False: not yet.
bool see_begin(Zlib& zlib, std::string_view* in) {
  while (zlib.begin_bytes < sizeof zlib.begin && !in->empty()) {
    zlib.begin[zlib.begin_bytes++] = static_cast<uint8_t>(in->front());
    in->remove_prefix(1);
  }
  return zlib.begin_bytes == sizeof zlib.begin;
}

// One call of inflate, on the held beginning or on the input.
int inflate_some(Zlib& zlib, std::string_view* in, char** out, const char* end) {
  z_stream& stream = zlib.stream;
  const bool held = zlib.begin_bytes != 0;
  const auto given = static_cast<uInt>(held ? zlib.begin_bytes : std::min<size_t>(in->size(), INT_MAX));
  stream.next_in = held ? zlib.begin + sizeof zlib.begin - zlib.begin_bytes
                        : reinterpret_cast<const Bytef*>(in->data());
  stream.avail_in = given;
  stream.next_out = reinterpret_cast<Bytef*>(*out);
  stream.avail_out = static_cast<uInt>(end - *out);
  const int rc = inflate(&stream, Z_NO_FLUSH);
  const uInt taken = given - stream.avail_in;
  if (held) {
    zlib.begin_bytes = static_cast<uint8_t>(zlib.begin_bytes - taken);
  } else {
    in->remove_prefix(taken);
  }
  *out = reinterpret_cast<char*>(stream.next_out);
  return rc;
}

const char* reason_of(const Zlib& zlib, int rc) {
  if (rc == Z_NEED_DICT) return "it needs a dictionary";
  return zlib.stream.msg != nullptr ? zlib.stream.msg : "not data of the kind";
}

// Opens what is to be inflated next. Hungry: it is not known yet; full: go on.
LayerState begin(DecodeLayer& layer, Zlib& zlib, std::string_view* in) {
  const bool gzip = layer.coding() == Coding::gzip;
  if (!gzip && !see_begin(zlib, in)) return LayerState::hungry;
  const int window_bits = gzip ? kGzip : is_zlib_header(zlib.begin) ? kWindowBits : kBare;
  if (!open_stream(zlib, window_bits)) return layer.fail("zlib cannot begin");
  layer.phase = DecodeLayer::Phase::within;
  return LayerState::full;
}

// What comes behind a stream: another one, zeros, or what must not be there.
LayerState follow(DecodeLayer& layer, Zlib& zlib, std::string_view in) {
  const auto next = static_cast<uint8_t>(in.front());
  if (next == 0) {
    layer.phase = DecodeLayer::Phase::padding;
  } else if (layer.coding() != Coding::gzip || next != kGzipFirst) {
    return layer.fail("bytes behind the end of the stream");
  } else {
    (void)inflateReset(&zlib.stream);
    layer.phase = DecodeLayer::Phase::within;
  }
  return LayerState::full;
}

LayerState run(DecodeLayer& layer, std::string_view* in, char** out, const char* end) {
  using Phase = DecodeLayer::Phase;
  Zlib* const zlib = state_of(layer);
  if (zlib == nullptr) return layer.fail(nullptr);
  for (;;) {
    if (layer.phase == Phase::within) {
      const int rc = inflate_some(*zlib, in, out, end);
      if (rc == Z_STREAM_END) {
        layer.phase = Phase::between;
      } else if (rc != Z_OK && rc != Z_BUF_ERROR) {
        return layer.fail(reason_of(*zlib, rc));
      } else if (*out == end) {
        return LayerState::full;
      } else if (in->empty() && zlib->begin_bytes == 0) {
        return LayerState::hungry;
      }
      continue;
    }
    if (in->empty()) return LayerState::hungry;
    LayerState state = LayerState::full;
    if (layer.phase == Phase::first) {
      state = begin(layer, *zlib, in);
    } else if (layer.phase == Phase::between) {
      state = follow(layer, *zlib, *in);
    } else if (in->front() != '\0') {
      state = layer.fail("bytes behind the end of the stream");
    } else {
      in->remove_prefix(1);
    }
    if (state != LayerState::full) return state;
  }
}

void close(DecodeLayer& layer) {
  auto* const zlib = static_cast<Zlib*>(layer.state);
  if (zlib->open) (void)inflateEnd(&zlib->stream);
  decode_free(layer.memory, zlib);
}

}  // namespace

const DecodeLayer::Library kZlibLibrary = {run, close};

}  // namespace pester::wire
