// SPDX-License-Identifier: MIT
// multipart/form-data as browsers send it (RFC 7578; WHATWG HTML, "multipart/form-data encoding
// algorithm"): what stands before, between and behind the parts. Refuses to know what is in a part.
#ifndef PESTER_WIRE_MULTIPART_H_
#define PESTER_WIRE_MULTIPART_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "wire/memory.h"

namespace pester::wire {

inline constexpr size_t kBoundaryBytes = 8 + 32;  // dashes, and 128 bits in hexadecimal

// Out of 128 random bits: no part has it, but by a chance that nobody lives to see.
void write_boundary(uint64_t high, uint64_t low, char (&out)[kBoundaryBytes]);

// Appends what stands before the bytes of a part. `filename` and `type` may be nullptr: there is none.
// Double quotes and line ends in the names are written as %22, %0D and %0A; line ends of a name are
// CR LF. False: memory is out.
[[nodiscard]] bool add_part_head(BlockPool& pool, std::string_view boundary, std::string_view name,
                                 const char* filename, const char* type, Bytes* out);
// Behind the bytes of each part.
inline constexpr std::string_view kPartEnd = "\r\n";
// Behind the last one.
[[nodiscard]] bool add_form_end(BlockPool& pool, std::string_view boundary, Bytes* out);

}  // namespace pester::wire

#endif
