// SPDX-License-Identifier: MIT
// Any bytes as a coded body. The claims: fed whole or in parts, with much room or little, it comes to
// the same text, or fails both times with one text beginning the other; it never gives more than its
// bounds, and never stands still.
//
// The input: how many codings there are beyond the first, a byte for each of five, the size of the
// parts, the room for a piece; then the body.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "wire/content_decoder.h"

namespace {

using namespace pester::wire;

constexpr size_t kHeadBytes = 8;
constexpr uint64_t kMost = 65536;

void must(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "not so: %s\n", what);
  std::abort();
}

Codings codings_of(const uint8_t* head) {
  constexpr Coding kKnown[] = {Coding::gzip, Coding::deflate,
#ifdef PESTER_HAVE_BROTLI
                               Coding::brotli,
#endif
#ifdef PESTER_HAVE_ZSTD
                               Coding::zstd
#endif
  };
  Codings codings;
  codings.count = static_cast<uint8_t>(1 + head[0] % kCodingsMax);
  for (size_t i = 0; i < codings.count; ++i) codings.at[i] = kKnown[head[1 + i] % std::size(kKnown)];
  return codings;
}

struct Decoded {
  std::string text;
  int error = 0;
};

Decoded decode(const Codings& codings, std::string_view body, size_t step, size_t room, uint32_t ratio) {
  BlockPool pool(Allocator::system());
  ContentDecoder decoder;
  must(decoder.open(codings, pool, {kMost, ratio}), "there is memory");
  pester::core::Why why;
  Decoded decoded;
  std::string out(room, '\0');
  bool more = false;
  while ((more || !body.empty()) && decoded.error == 0) {
    std::string_view part = body.substr(0, step);
    const size_t given = part.size();
    const auto piece = decoder.next(&part, out.data(), room, &why);
    must(piece.bytes <= room, "no more is written than there is room");
    must(piece.error != 0 || piece.more || part.empty(), "who stops takes all");
    must(piece.error != 0 || piece.bytes != 0 || given != 0 || !piece.more, "it goes on");
    body.remove_prefix(given - part.size());
    decoded.text.append(out.data(), piece.bytes);
    decoded.error = piece.error;
    more = piece.more;
  }
  must(decoded.text.size() <= kMost, "it stays within its bounds");
  if (decoded.error == 0) decoded.error = decoder.finish(&why);
  must((decoded.error == 0) == why.empty(), "an error has a reason");
  decoder.close(pool);
  pool.trim();
  return decoded;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < kHeadBytes) return 0;
  const Codings codings = codings_of(data);
  const std::string_view body(reinterpret_cast<const char*>(data) + kHeadBytes, size - kHeadBytes);
  const Decoded whole = decode(codings, body, body.size(), 16384, 0);
  const Decoded split = decode(codings, body, size_t{1} + data[6], size_t{1} + data[7], 0);
  must((whole.error == 0) == (split.error == 0), "both fail or neither");
  const size_t common = std::min(whole.text.size(), split.text.size());
  must(whole.text.compare(0, common, split.text, 0, common) == 0, "one begins the other");
  must(whole.error != 0 || whole.text.size() == split.text.size(), "both are whole");
  (void)decode(codings, body, body.size(), 16384, 100);
  return 0;
}
