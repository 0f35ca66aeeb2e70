// SPDX-License-Identifier: MIT
#include "uv/own_head.h"

#include <algorithm>
#include <charconv>

#include "core/text.h"
#include "uv/client.h"
#include "uv/cookies.h"
#include "uv/follow.h"
#include "uv/forward_head.h"
#include "uv/resume.h"
#include "uv/upload.h"
#include "uv/way.h"
#include "wire/request_writer.h"

namespace pester::uv {

namespace {

constexpr size_t kNumberBytes = 20;

// The how many of the request's attempts this is, in the order of their start; follow-ups are their
// attempt's.
uint64_t ordinal_of(const Request& request, const core::Lane& lane) {
  uint64_t count = request.rare != nullptr ? request.rare->attempts_dropped : 0;
  for (int32_t i = 0; i <= lane.record; ++i) count += core::is_attempt(request.records[i].kind);
  return count;
}

// Until nobody waits for the answer any more; never() without a deadline.
core::Duration remaining(const Request& request, const core::Lane& lane, core::Now now) {
  core::Instant end = core::Instant::never();
  const core::Duration total = request.policy->total_timeout;
  if (!total.is_never()) end = request.began + total;
  if (lane.attempt_deadline.armed()) end = std::min(end, lane.attempt_deadline.at);
  if (end.is_never()) return core::Duration::never();
  return {std::max(end.ns - now.mono.ns, int64_t{0})};
}

// Behind the other fields, unless the request brought one of that name itself.
bool add_number(wire::Bytes& head, wire::BlockPool& pool, std::string_view name, uint64_t value) {
  if (wire::head_has_field(head.view(), name)) return true;
  char digits[kNumberBytes];
  const char* const end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  const auto count = static_cast<size_t>(end - digits);
  constexpr std::string_view kColon = ": ", kLine = "\r\n";
  if (!head.reserve(pool, name.size() + kColon.size() + count + 2 * kLine.size())) return false;
  head.set_size(head.size() - kLine.size());  // the empty line
  return head.append(pool, name.data(), name.size()) &&
         head.append(pool, kColon.data(), kColon.size()) && head.append(pool, digits, count) &&
         head.append(pool, kLine.data(), kLine.size()) && head.append(pool, kLine.data(), kLine.size());
}

}  // namespace

bool compose_head(Connection& connection, const core::Lane& lane, core::Now now) {
  Client& client = *connection.client;
  auto& request = static_cast<Request&>(*lane.request);
  const ClientOptions& options = client.options;
  wire::Bytes& head = connection.own_head;
  std::string_view plain = {request.wire_bytes, request.wire_head_bytes};
  const auto& origin = *static_cast<const Origin*>(connection.origin);
  const bool forwarded = is_forwarded(origin);
  const Hop* const hop = follow_hop(request, lane);
  const bool has_auth = request.rare != nullptr && request.rare->auth != nullptr;
  if (hop != nullptr) {
    plain = hop->head;
  } else if (lane.target != 0 && request.rare != nullptr) {
    const TargetText& target = request.rare->target_texts[lane.target];
    plain = {target.head, target.head_bytes};
  } else if (!forwarded && request.upload() == nullptr && !lane.resuming && !has_auth &&
             options.attempt_header.empty() && options.deadline_header.empty() &&
             cookies_of(request) == nullptr) {
    return true;
  }
  if (!head.append(client.pool, plain.data(), plain.size())) return false;
  if (!options.attempt_header.empty() &&
      !add_number(head, client.pool, options.attempt_header, ordinal_of(request, lane))) {
    return false;
  }
  if (has_auth && !follow_add_credentials(request, lane, client.pool, &head)) return false;
  if (lane.resuming && !resume_add_fields(request, client.pool, &head)) return false;
  const core::Duration left = remaining(request, lane, now);
  if (!options.deadline_header.empty() && !left.is_never() &&
      !add_number(head, client.pool, options.deadline_header,
                  static_cast<uint64_t>(left.ns / 1'000'000))) {
    return false;
  }
  if (!cookies_add_field(request, lane, client.pool, &head)) return false;
  if (forwarded && !make_forwarded(head, client.pool, origin)) return false;
  const bool has_body = hop == nullptr || hop->has_body;
  if (has_body && request.upload() != nullptr) {
    if (!upload_begin(connection, request)) return false;
    connection.to_send = head.size();
    return true;
  }
  connection.to_send = head.size() + (has_body ? request.body().size() : 0);
  return true;
}

}  // namespace pester::uv
