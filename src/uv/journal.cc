// SPDX-License-Identifier: MIT
#include "uv/journal.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <ctime>

#include "core/error.h"
#include "uv/client.h"

namespace pester::uv {

namespace {

const char* failure_text(const Request& request, const core::Record& record, uint32_t index, char* room,
                         size_t size) {
  if (record.error == 0) {
    std::snprintf(room, size, "status %d", record.status);
    return room;
  }
  if (record.error == PESTER_EQUEUE && record.waited_for != core::Wait::none) {
    return core::queue_text(record.waited_for);
  }
  if (const uint32_t detail = request.extras[index].detail; detail != 0) {
    return request.texts.data() + detail;
  }
  const char* text = core::error_text(record.error);
  return text != nullptr ? text : uv_strerror(record.error);
}

// The Go library's word for a call.
const char* label_of(const Request& request) {
  if (request.is_form) return "PostForm";
  if (request.method() == "GET") return "Get";
  if (request.method() == "HEAD") return "Head";
  return request.method() == "POST" ? "Post" : "Do";
}

// A failed attempt in the form of the Go library's log.
void tell_log(Client& client, Request& request, uint32_t index) {
  const core::Record& record = request.records[index];
  char failure[64];
  char line[1024];
  const std::string_view url = request.url_of(record.target);
  const int size = std::snprintf(
      line, sizeof line, "%lld %s [%.*s] %.*s request-%d retry-%u error: %s",
      static_cast<long long>(time(nullptr)), label_of(request), static_cast<int>(request.method_bytes),
      request.method().data(), static_cast<int>(std::min(url.size(), size_t{700})), url.data(),
      record.lane, record.attempt - 1, failure_text(request, record, index, failure, sizeof failure));
  const size_t bytes = std::min(static_cast<size_t>(std::max(size, 0)), sizeof line - 1);
  Rare* const rare = client.options.keep_log ? request_rare(request, client.pool) : nullptr;
  if (rare != nullptr && rare->log.size() + bytes + 1 <= kLogBytesMax) {
    wire::Bytes& log = rare->log;
    if (log.reserve(client.pool, bytes + 2)) {
      (void)log.append(client.pool, line, bytes);
      (void)log.append(client.pool, "\n", 2);  // the NUL is overwritten by the next line
      log.set_size(log.size() - 1);
    }
  }
  if (client.options.log) client.hooks.log(request, index, {line, bytes});
}

}  // namespace

void journal_tell_failures(Client& client, Request& request) {
  for (uint32_t i = 0; i < request.record_count; ++i) {
    core::Record& record = request.records[i];
    const bool failed =
        record.outcome == core::Outcome::failed || record.outcome == core::Outcome::retried;
    if (record.told || !failed || record.ended == core::Record::kNone) continue;
    record.told = true;
    if (client.options.keep_log || client.options.log) tell_log(client, request, i);
  }
}

void journal_tell_ends(Client& client, Request& request) {
  static constexpr const char* kWords[] = {"running", "won",       "retried",
                                           "failed",  "cancelled", "followed"};
  for (uint32_t i = 0; i < request.record_count; ++i) {
    const core::Record& record = request.records[i];
    RecordExtra& extra = request.extras[i];
    if (extra.end_told || record.ended == core::Record::kNone) continue;
    extra.end_told = true;
    char failure[64];
    char text[256];
    const char* word = kWords[static_cast<size_t>(record.outcome)];
    const bool why = record.error != 0 || record.outcome == core::Outcome::retried;
    const bool alone = record.denial != core::Denial::none;
    const int size = std::snprintf(text, sizeof text, "%s%s%s%s%s", word, why ? ": " : "",
                                   why ? failure_text(request, record, i, failure, sizeof failure) : "",
                                   alone ? ", no retry: " : "",
                                   alone ? core::kDenialNames[static_cast<size_t>(record.denial)] : "");
    client.hooks.trace(request, i, Trace::ended,
                       {text, std::min(static_cast<size_t>(size), sizeof text - 1)});
  }
}

void journal_add(Client& client, core::Lane& lane, Trace event, std::string_view text) {
  Request& request = request_of(lane);
  Rare* const rare = request_rare(request, client.pool);
  if (rare == nullptr) return;
  wire::Bytes& traces = rare->traces;
  const TraceEvent head = {static_cast<uint32_t>(lane.record), static_cast<uint32_t>(text.size()),
                           event};
  const size_t bytes = sizeof head + text.size() + 1;
  if (lane.record < 0 || traces.size() + bytes > kTraceBytesMax) return;
  if (!traces.reserve(client.pool, bytes)) return;
  char* out = traces.data() + traces.size();
  std::memcpy(out, &head, sizeof head);
  std::copy(text.begin(), text.end(), out + sizeof head);
  out[bytes - 1] = '\0';
  traces.set_size(traces.size() + bytes);
  client.engine.post(request, shell_work::kTrace);
}

void journal_head(Client& client, core::Lane& lane, const wire::ResponseHead& head) {
  wire::Bytes text;
  char line[64];
  const int size = std::snprintf(line, sizeof line, "HTTP/1.%d %d ", head.minor_version, head.status);
  bool ok = text.append(client.pool, line, static_cast<size_t>(size)) &&
            text.append(client.pool, head.reason().data(), head.reason().size()) &&
            text.append(client.pool, "\r\n", 2);
  for (size_t i = 0; ok && i < head.field_count; ++i) {
    ok = text.append(client.pool, head.name(i).data(), head.name(i).size()) &&
         text.append(client.pool, ": ", 2) &&
         text.append(client.pool, head.value(i).data(), head.value(i).size()) &&
         text.append(client.pool, "\r\n", 2);
  }
  if (ok) journal_add(client, lane, Trace::response, text.view());
  text.release(client.pool);
}

// The user may send and cancel meanwhile, so each event is copied off the buffer's front first.
void journal_tell_traces(Client& client, Request& request) {
  wire::Bytes told = request.rare->traces;
  request.rare->traces = wire::Bytes{};
  for (size_t at = 0; at < told.size();) {
    TraceEvent head;
    std::memcpy(&head, told.data() + at, sizeof head);
    at += sizeof head;
    if (head.record < request.record_count) {
      client.hooks.trace(request, head.record, head.event, {told.data() + at, head.bytes});
    }
    at += head.bytes + 1;
  }
  told.release(client.pool);
}

}  // namespace pester::uv
