// SPDX-License-Identifier: MIT
// The bytes that HTTP's texts are made of, and ways to run over them quickly. What is run over must be
// followed by kScanPadding NUL bytes: they end every run, so that no step asks for the end. Refuses to
// know lines.
#ifndef PESTER_WIRE_TEXT_SCAN_H_
#define PESTER_WIRE_TEXT_SCAN_H_

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace pester::wire {

inline constexpr size_t kScanPadding = 16;

// tchar of RFC 9110 §5.6.2.
inline constexpr std::array<bool, 256> kTokenBytes = [] {
  std::array<bool, 256> is = {};
  for (unsigned c = '0'; c <= '9'; ++c) is[c] = true;
  for (unsigned c = 'A'; c <= 'Z'; ++c) is[c] = is[c + 'a' - 'A'] = true;
  for (const char c : std::string_view("!#$%&'*+-.^_`|~")) is[static_cast<unsigned char>(c)] = true;
  return is;
}();

inline bool is_token_byte(char c) {
  return kTokenBytes[static_cast<unsigned char>(c)];
}

// HTAB, SP, VCHAR and obs-text: what a value, a reason and a quoted text may hold (RFC 9110 §5.5).
inline bool is_text_byte(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (byte >= 0x20 && byte != 0x7f) || byte == '\t';
}

inline bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

// The first byte that is no token byte. Names of fields are letters and '-', nearly all: sixteen of those
// at a time, and what is left one by one.
inline const char* skip_token(const char* at) {
#if defined(__SSE2__)
  while (true) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    const __m128i lower = _mm_or_si128(bytes, _mm_set1_epi8(0x20));
    const __m128i place = _mm_sub_epi8(lower, _mm_set1_epi8('a'));  // in the alphabet
    const __m128i letter = _mm_cmpeq_epi8(_mm_min_epu8(place, _mm_set1_epi8('z' - 'a')), place);
    const __m128i dash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('-'));
    const unsigned others = ~static_cast<unsigned>(_mm_movemask_epi8(_mm_or_si128(letter, dash)));
    const int known = std::countr_zero(others);  // 16 when all are, since the upper bits are set
    at += known;
    if (known == 16) continue;
    if (*at == ':') return at;
    break;
  }
#endif
  while (is_token_byte(*at)) ++at;
  return at;
}

inline uint64_t load_word(const char* at) {
  uint64_t word = 0;
  std::memcpy(&word, at, sizeof word);
  return word;
}

// The first byte that is no text byte.
inline const char* skip_text(const char* at) {
#if defined(__SSE2__)
  while (true) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    const __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1f)), bytes);
    const __m128i tab = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\t'));
    const __m128i del = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x7f));
    const int marks = _mm_movemask_epi8(_mm_or_si128(_mm_andnot_si128(tab, low), del));
    if (marks != 0) return at + std::countr_zero(static_cast<unsigned>(marks));
    at += 16;
  }
#else
  // Eight at a time: a byte below 0x20 borrows, DEL is zero after the exclusive or. A mark may be false
  // above a true one only, and the steps behind the loop look again.
  constexpr uint64_t kOnes = 0x0101010101010101;
  while (true) {
    const uint64_t word = load_word(at);
    const uint64_t del = word ^ (kOnes * 0x7f);
    const uint64_t marks = ((word - kOnes * 0x20) & ~word) | ((del - kOnes) & ~del);
    if ((marks & (kOnes * 0x80)) == 0) {
      at += 8;
      continue;
    }
    for (int i = 0; i < 8; ++i, ++at) {
      if (!is_text_byte(*at)) return at;
    }
  }
#endif
}

// Equal but for ASCII case? `text` must hold text bytes only and `lower` be of letters and '-': then
// bit 5 is all the difference that case makes.
template <size_t kSizeAndNul>
bool is_word(std::string_view text, const char (&lower)[kSizeAndNul]) {
  constexpr size_t kSize = kSizeAndNul - 1;
  constexpr uint64_t kBit = 0x2020202020202020;
  if (text.size() != kSize) return false;
  uint64_t difference = 0;
  if constexpr (kSize < 8) {
    for (size_t i = 0; i < kSize; ++i) difference |= static_cast<uint64_t>((text[i] | 0x20) ^ lower[i]);
  } else {
    for (size_t i = 0; i + 8 <= kSize; i += 8) {
      difference |= (load_word(text.data() + i) | kBit) ^ load_word(lower + i);
    }
    constexpr size_t kLast = kSize - 8;  // overlaps the word before
    difference |= (load_word(text.data() + kLast) | kBit) ^ load_word(lower + kLast);
  }
  return difference == 0;
}

}  // namespace pester::wire

#endif
