// SPDX-License-Identifier: MIT
#include "wire/multipart.h"

#include <algorithm>

namespace pester::wire {

namespace {

constexpr std::string_view kDashes = "--";
constexpr std::string_view kLineEnd = "%0D%0A";

bool add(BlockPool& pool, std::string_view text, Bytes* out) {
  return out->append(pool, text.data(), text.size());
}

std::string_view escape_of(char c) {
  if (c == '"') return "%22";
  if (c == '\r') return "%0D";
  return c == '\n' ? "%0A" : std::string_view();
}

// A name's line ends become one kind; a file's name is taken as it is.
enum class LineEnds : uint8_t { as_they_are, normalized };

bool add_escaped(BlockPool& pool, std::string_view text, LineEnds line_ends, Bytes* out) {
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    std::string_view written = escape_of(c);
    if (written.empty()) written = {&text[i], 1};
    if (line_ends == LineEnds::normalized && (c == '\r' || c == '\n')) {
      written = kLineEnd;
      if (c == '\r' && i + 1 < text.size() && text[i + 1] == '\n') ++i;
    }
    if (!add(pool, written, out)) return false;
  }
  return true;
}

}  // namespace

void write_boundary(uint64_t high, uint64_t low, char (&out)[kBoundaryBytes]) {
  constexpr char kDigits[] = "0123456789abcdef";
  constexpr size_t kDashCount = 8, kWordDigits = 16;
  std::fill_n(out, kDashCount, '-');
  for (size_t i = 0; i < kWordDigits; ++i) {
    const size_t shift = 4 * (kWordDigits - 1 - i);
    out[kDashCount + i] = kDigits[(high >> shift) & 15];
    out[kDashCount + kWordDigits + i] = kDigits[(low >> shift) & 15];
  }
}

bool add_part_head(BlockPool& pool, std::string_view boundary, std::string_view name,
                   const char* filename, const char* type, Bytes* out) {
  bool ok = add(pool, kDashes, out) && add(pool, boundary, out) &&
            add(pool, "\r\nContent-Disposition: form-data; name=\"", out) &&
            add_escaped(pool, name, LineEnds::normalized, out) && add(pool, "\"", out);
  if (filename != nullptr) {
    ok = ok && add(pool, "; filename=\"", out) &&
         add_escaped(pool, filename, LineEnds::as_they_are, out) && add(pool, "\"", out);
  }
  if (type != nullptr) ok = ok && add(pool, "\r\nContent-Type: ", out) && add(pool, type, out);
  return ok && add(pool, "\r\n\r\n", out);
}

bool add_form_end(BlockPool& pool, std::string_view boundary, Bytes* out) {
  return add(pool, kDashes, out) && add(pool, boundary, out) && add(pool, "--\r\n", out);
}

}  // namespace pester::wire
