// SPDX-License-Identifier: MIT
#include "uv/resume.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "uv/client.h"
#include "uv/decoding.h"
#include "wire/request_writer.h"

namespace pester::uv {

namespace {

// What has come of the body, before any coding is undone.
uint64_t bytes_of(const Response& response) {
  return response.decoded() ? response.coded_bytes : response.body_bytes;
}

// Where the body broke off; the user's own response tells. It was resumable when it came.
wire::ResumePoint point_of(const Request& request) {
  wire::ResumePoint point;
  core::Why why;
  (void)wire::can_resume(request.response.head, request.method(), &point, &why);
  point.break_off(bytes_of(request.response));
  return point;
}

bool asks_for_a_range(const Request& request) {
  const std::string_view head = {request.wire_bytes, request.wire_head_bytes};
  return wire::head_has_field(head, "range") || wire::head_has_field(head, "if-range");
}

int refuse(core::Why* why, std::string_view reason) {
  why->clear();
  why->add(reason);
  return PESTER_ERESUME;
}

}  // namespace

void resume_prepare(Request& request) {
  wire::ResumePoint point;
  core::Why why;
  request.resumable = false;  // what broke off before anybody heard of it
  if (request.shown == nullptr || asks_for_a_range(request)) return;
  if (!wire::can_resume(request.shown->head, request.method(), &point, &why)) return;
  wire::BlockPool& pool = request.client->pool;
  Rare* const rare = request_rare(request, pool);
  if (rare == nullptr) return;
  void* const room = rare->resume != nullptr ? rare->resume : pool.take(sizeof(Resume)).at;
  if (room == nullptr) return;
  rare->resume = ::new (room) Resume;
  request.resumable = true;
  request.composes = true;
  request.attends = true;
}

void resume_keep(Request& request, std::string_view span) {
  Resume& resume = *request.resume();
  const size_t fresh = std::min(span.size(), sizeof resume.tail);
  const size_t kept = std::min<size_t>(resume.tail_bytes, sizeof resume.tail - fresh);
  std::memmove(resume.tail, resume.tail + resume.tail_bytes - kept, kept);
  std::memcpy(resume.tail + kept, span.data() + span.size() - fresh, fresh);
  resume.tail_bytes = static_cast<uint32_t>(kept + fresh);
}

bool resume_add_fields(const Request& request, wire::BlockPool& pool, wire::Bytes* head) {
  constexpr std::string_view kLine = "\r\n";
  const wire::ResumePoint point = point_of(request);
  const size_t bytes = wire::resume_fields_bytes(point);
  if (!head->reserve(pool, bytes)) return false;
  const size_t at = head->size() - kLine.size();  // over the empty line
  wire::write_resume_fields(point, head->data() + at);
  head->set_size(at + bytes);
  return head->append(pool, kLine.data(), kLine.size());
}

void resume_check_head(const Connection& connection, core::Lane& lane) {
  Request& request = request_of(lane);
  Resume& resume = *request.resume();
  const wire::ResumePoint point = point_of(request);
  uint64_t rest = 0;
  core::Why why;
  lane.rest_fits = wire::check_resume(connection.response.head, point, &rest, &why) == 0;
  if (lane.rest_fits) {
    resume.total = point.first() + rest;
    resume.overlap = wire::Overlap({resume.tail, resume.tail_bytes});
    if (const Decoding* decoding = request.rare->decoding; decoding != nullptr) {
      resume.overlap = wire::Overlap({decoding->tail, decoding->tail_bytes});
    }
  } else if (lane.record >= 0) {
    request.extras[lane.record].detail = request_keep_text(request, request.client->pool, why.view());
  }
}

int resume_take(Request& request, std::string_view* span, core::Why* why) {
  Resume& resume = *request.resume();
  if (!resume.overlap.take(span)) return refuse(why, "the last bytes before the break are others now");
  if (bytes_of(request.response) + span->size() > resume.total)
    return refuse(why, "the rest is longer than it was told");
  return 0;
}

int resume_end(const Request& request, core::Why* why) {
  const Resume& resume = *request.resume();
  if (resume.overlap.done() && bytes_of(request.response) == resume.total) return 0;
  return refuse(why, "the rest is shorter than it was told");
}

}  // namespace pester::uv
