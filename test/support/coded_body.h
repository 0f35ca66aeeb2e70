// SPDX-License-Identifier: MIT
// Bodies in content codings, for tests: those that other programs made (test/wire/content), and gzip of
// what a test likes. Refuses to know who decodes them.
#ifndef PESTER_TEST_SUPPORT_CODED_BODY_H_
#define PESTER_TEST_SUPPORT_CODED_BODY_H_

#include <zlib.h>

#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

namespace pester::test {

#ifdef PESTER_TEST_CONTENT_DIR
// One of the files.
inline std::string read_content(const std::string& name) {
  std::ifstream file(std::string(PESTER_TEST_CONTENT_DIR "/") + name, std::ios::binary);
  if (!file) std::abort();
  return {std::istreambuf_iterator<char>(file), {}};
}
#endif

inline std::string gzip(const std::string& bytes) {
  z_stream stream{};
  std::string out(compressBound(bytes.size()) + 32, '\0');
  if (deflateInit2(&stream, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY) != Z_OK) std::abort();
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  if (deflate(&stream, Z_FINISH) != Z_STREAM_END) std::abort();
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

// Becomes a few times smaller, far from a hundred times.
inline std::string prose(size_t size) {
  std::string text;
  for (uint32_t n = 1; text.size() < size; n = n * 1664525 + 1013904223) {
    text += std::to_string(n >> 20) + std::string(n >> 28, '-');
  }
  text.resize(size);
  return text;
}

}  // namespace pester::test

#endif
