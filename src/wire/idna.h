// SPDX-License-Identifier: MIT
// International host names in the form that DNS, TLS and HTTP know: IDNA2008, non-transitional, by
// libidn2 where it is built in. Refuses to know URLs; whether the result is a host is the URL's to say.
#ifndef PESTER_WIRE_IDNA_H_
#define PESTER_WIRE_IDNA_H_

#include <cstddef>
#include <string_view>

namespace pester::wire {

#ifdef PESTER_HAVE_IDN2
inline constexpr bool kHasIdna = true;
#else
inline constexpr bool kHasIdna = false;
#endif

inline constexpr size_t kAsciiHostBytes = 256;  // room for any name that DNS could carry, and a NUL

// Writes the ASCII form of a name in UTF-8, mapped as UTS #46 says (case, width, what is ignored), and
// its size. nullptr, or why there is none (static). The result may still be no host: what is mapped to a
// slash is a slash.
[[nodiscard]] const char* idna_to_ascii(std::string_view host, char (&out)[kAsciiHostBytes],
                                        size_t* bytes);

}  // namespace pester::wire

#endif
