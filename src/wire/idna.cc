// SPDX-License-Identifier: MIT
#include "wire/idna.h"

#include <cstring>

#ifdef PESTER_HAVE_IDN2
#include <idn2.h>
#endif

namespace pester::wire {

#ifdef PESTER_HAVE_IDN2

namespace {

constexpr size_t kNameBytesMax = 1024;  // in UTF-8; what is longer has no ASCII form of 253 bytes

const char* reason_of(int error) {
  switch (error) {
    case IDN2_MALLOC:
      return "out of memory";
    case IDN2_ENCODING_ERROR:
    case IDN2_ICONV_FAIL:
      return "not UTF-8";
    case IDN2_TOO_BIG_DOMAIN:
      return "longer than 253 bytes in its ASCII form";
    case IDN2_TOO_BIG_LABEL:
    case IDN2_PUNYCODE_BIG_OUTPUT:
      return "a label longer than 63 bytes in its ASCII form";
    default:
      return "not a name that IDNA2008 allows";
  }
}

}  // namespace

// libidn2's memory is malloc's, and given back at once. Not IDN2_USE_STD3_ASCII_RULES: by that it drops
// what a host may not have ("a/b" in wide letters becomes "ab") instead of refusing it; so the caller
// reads the result by its own rules.
const char* idna_to_ascii(std::string_view host, char (&out)[kAsciiHostBytes], size_t* bytes) {
  char name[kNameBytesMax + 1];
  if (host.size() > kNameBytesMax) return reason_of(IDN2_TOO_BIG_DOMAIN);
  if (!host.empty()) std::memcpy(name, host.data(), host.size());
  name[host.size()] = '\0';
  char* ascii = nullptr;
  const int flags = IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL;
  if (const int error = idn2_to_ascii_8z(name, &ascii, flags); error != IDN2_OK) return reason_of(error);
  const size_t size = std::strlen(ascii);
  const bool fits = size < sizeof out;
  if (fits) std::memcpy(out, ascii, size + 1);
  idn2_free(ascii);
  if (!fits) return reason_of(IDN2_TOO_BIG_DOMAIN);
  for (const char c : std::string_view(out, size)) {
    if (static_cast<unsigned char>(c) >= 0x80) return reason_of(IDN2_DISALLOWED);
  }
  *bytes = size;
  return nullptr;
}

#else

const char* idna_to_ascii(std::string_view, char (&)[kAsciiHostBytes], size_t*) {
  return "not ASCII; write an international name in its xn-- form";
}

#endif

}  // namespace pester::wire
