// SPDX-License-Identifier: MIT
// What the shell keeps of a streamed answer so that its body can go on in another response: the last
// bytes that the user has, and how much there is in all. Refuses to decide whether it is tried.
#ifndef PESTER_UV_RESUME_H_
#define PESTER_UV_RESUME_H_

#include <string_view>

#include "uv/connection.h"
#include "wire/resume.h"

namespace pester::uv {

// In a block of its own, of requests whose answer can go on.
struct Resume {
  char tail[wire::kResumeOverlapMax];
  uint32_t tail_bytes = 0;
  uint64_t total = 0;  // bytes of the whole, once a rest was found fit
  wire::Overlap overlap{{}};
};

// At the head that the user is told of: makes ready, or leaves it (memory being out, or the answer not
// being of the kind).
void resume_prepare(Request& request);
// The user gets these bytes, as they came. Of a decoded body, uv/decoding keeps them.
void resume_keep(Request& request, std::string_view span);
// What the request's head needs more, when it asks for the rest; false when memory is out.
[[nodiscard]] bool resume_add_fields(const Request& request, wire::BlockPool& pool, wire::Bytes* head);
// Sets lane.rest_fits, and the record's detail if it does not.
void resume_check_head(const Connection& connection, core::Lane& lane);
// Takes off the span what the user has already; 0, or why it does not fit (`why`). What is left is to be
// counted by who takes it.
[[nodiscard]] int resume_take(Request& request, std::string_view* span, core::Why* why);
// The response has ended: 0, or why that is not the end of the body.
[[nodiscard]] int resume_end(const Request& request, core::Why* why);

}  // namespace pester::uv

#endif
