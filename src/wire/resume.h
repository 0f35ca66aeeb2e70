// SPDX-License-Identifier: MIT
// Whether a body that broke off can go on in another response, and whether that response is its rest:
// Range and If-Range on a strong validator (RFC 9110 §13.1.5, §14.2), and the last bytes that the user
// has asked for once more and compared. Only decides; refuses to know connections, tries and who pays.
// What it counts are bytes of the body as sent, before any content coding is undone.
#ifndef PESTER_WIRE_RESUME_H_
#define PESTER_WIRE_RESUME_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/why.h"
#include "wire/content_range.h"
#include "wire/response_head.h"

namespace pester::wire {

inline constexpr uint32_t kResumeOverlapMax = 64;
inline constexpr size_t kResumeEtagMax = 256;

// Where a body broke off. The views are of the first response's head, or of a copy.
struct ResumePoint {
  uint64_t offset = 0;                      // bytes the user has
  uint64_t total = ContentRange::kUnknown;  // bytes of the whole
  uint32_t overlap = 0;                     // of those before the offset, asked for again
  std::string_view etag;                    // strong, its quotes included
  std::string_view coding;                  // the value of Content-Encoding; empty: none

  // Of the rest's first byte: where the new response must begin.
  [[nodiscard]] uint64_t first() const { return offset - overlap; }
  void break_off(uint64_t at) {
    offset = at;
    overlap = static_cast<uint32_t>(at < kResumeOverlapMax ? at : kResumeOverlapMax);
  }
};

// `"..."` of bytes that an entity tag may have, at most kResumeEtagMax; never weak (RFC 9110 §8.8.3).
[[nodiscard]] bool is_strong_etag(std::string_view text);

// Whether the body of this response could go on in another, and from where: sets the point's etag,
// coding and total. It can when it is a 200 to a GET, with one ETag that is strong, unless the server
// says that it serves no ranges. A request with a Range or an If-Range of the user's own is not to be
// asked about.
[[nodiscard]] bool can_resume(const ResponseHead& head, std::string_view method, ResumePoint* point,
                              core::Why* why);

// "Range: bytes=N-\r\nIf-Range: ETAG\r\n": nothing else can be written, whatever the server's tag was.
[[nodiscard]] size_t resume_fields_bytes(const ResumePoint& point);
// Writes exactly the bytes measured.
void write_resume_fields(const ResumePoint& point, char* out);

// 0: the response is what is left from point.first() on, to the end, of the same representation, and
// *body_bytes is how many bytes its body must have. PESTER_ERESUME: it is something else, and `why` says
// what. A status other than 206 is among that: whether it is one to try again is not decided here.
[[nodiscard]] int check_resume(const ResponseHead& head, const ResumePoint& point, uint64_t* body_bytes,
                               core::Why* why);

// Compares the new body's first bytes with the last ones that the user has.
class Overlap {
 public:
  // `expected`: those bytes; they must outlive it.
  explicit Overlap(std::string_view expected) : left_(expected) {}

  // Takes off the span's beginning what repeats; what is left of it is new. False: it does not repeat.
  [[nodiscard]] bool take(std::string_view* span);
  // All is compared; until then the body must not end.
  [[nodiscard]] bool done() const { return left_.empty(); }

 private:
  std::string_view left_;
};

}  // namespace pester::wire

#endif
