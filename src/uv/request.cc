// SPDX-License-Identifier: MIT
#include "uv/request.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "core/assert.h"
#include "core/text.h"
#include "uv/collapse.h"
#include "uv/connection.h"
#include "uv/decoding.h"
#include "uv/follow.h"
#include "uv/origins.h"
#include "uv/resume.h"
#include "uv/upgrade.h"
#include "uv/upload.h"
#include "uv/way.h"
#include "wire/cookie_jar.h"

namespace pester::uv {

namespace {

constexpr size_t kAlign = alignof(std::max_align_t);
constexpr size_t kTextsMax = 65536;

constexpr size_t aligned(size_t size) {
  return (size + kAlign - 1) / kAlign * kAlign;
}

// At the limit the oldest record that is over and told makes room.
bool drop_oldest(Request& request) {
  for (uint32_t i = 0; i < request.record_count; ++i) {
    if (request.records[i].outcome == core::Outcome::running || !request.records[i].told) continue;
    const uint32_t behind = request.record_count - i - 1;
    if (request.rare != nullptr)
      request.rare->attempts_dropped += core::is_attempt(request.records[i].kind);
    std::memmove(request.records + i, request.records + i + 1, behind * sizeof(core::Record));
    std::memmove(request.extras + i, request.extras + i + 1, behind * sizeof(RecordExtra));
    --request.record_count;
    for (int l = 0; l < request.lane_count; ++l) {
      int32_t& at = request.lanes[l].record;
      if (at == static_cast<int32_t>(i)) {
        at = -1;
      } else if (at > static_cast<int32_t>(i)) {
        --at;
      }
    }
    return true;
  }
  return false;
}

void give_records(Request& request, wire::BlockPool& pool) {
  if (request.records_bytes != 0) pool.give({request.records, request.records_bytes});
}

bool grow_records(Request& request, wire::BlockPool& pool) {
  if (request.record_count >= kRecordsMax) return drop_oldest(request);
  const uint32_t room = std::min(request.record_room * 2u + 2, kRecordsMax);
  const size_t records_bytes = aligned(room * sizeof(core::Record));
  const wire::Block block = pool.take(records_bytes + room * sizeof(RecordExtra));
  if (block.at == nullptr) return false;
  auto* records = static_cast<core::Record*>(block.at);
  auto* extras = reinterpret_cast<RecordExtra*>(static_cast<char*>(block.at) + records_bytes);
  std::memcpy(static_cast<void*>(records), request.records, request.record_count * sizeof(core::Record));
  std::memcpy(static_cast<void*>(extras), request.extras, request.record_count * sizeof(RecordExtra));
  give_records(request, pool);
  request.records_bytes = static_cast<uint32_t>(block.size);
  request.records = records;
  request.extras = extras;
  request.record_room = static_cast<uint16_t>(room);
  return true;
}

[[gnu::noinline]] void give_rare(Request& request, wire::BlockPool& pool) {
  Rare& rare = *request.rare;
  rare.log.release(pool);
  rare.traces.release(pool);
  if (rare.cookies != nullptr) rare.cookies->leave();
  follow_release(request, pool);
  pool.give(rare.redirects_block);
  if (rare.resume != nullptr) pool.give({rare.resume, sizeof(Resume)});
  if (rare.decoding != nullptr) decoding_free(rare.decoding, pool);
  if (rare.fixed_fallback != nullptr) {
    rare.fixed_fallback->release(pool);
    pool.give({rare.fixed_fallback, sizeof(Response)});
  }
  if (rare.upload != nullptr) upload_release(*rare.upload, pool);
  way_free(pool, rare.way);
  if (rare.sharing != nullptr) sharing_release(*rare.sharing, pool);
  if (rare.upgrade != nullptr) pool.give(rare.upgrade->block);
  pool.give({&rare, sizeof rare});
}

}  // namespace

Rare* request_rare(Request& request, wire::BlockPool& pool) {
  if (request.rare != nullptr) return request.rare;
  const wire::Block block = pool.take(sizeof(Rare));
  if (block.at != nullptr) request.rare = ::new (block.at) Rare;
  return request.rare;
}

void Response::release(wire::BlockPool& pool) {
  head.release(pool);
  body.release(pool);
  body_bytes = 0;
  any = false;
}

void* request_block(wire::BlockPool& pool, size_t size, uint8_t lanes, size_t bytes, wire::Block* block,
                    char** extra, core::Lane** lane_room, core::Record** record_room,
                    RecordExtra** extra_room) {
  const size_t lanes_at = aligned(size);
  const size_t records_at = aligned(lanes_at + lanes * sizeof(core::Lane));
  const size_t extras_at = aligned(records_at + lanes * sizeof(core::Record));
  const size_t bytes_at = extras_at + lanes * sizeof(RecordExtra);
  *block = pool.take(bytes_at + bytes);
  if (block->at == nullptr) return nullptr;
  auto* base = static_cast<char*>(block->at);
  *lane_room = reinterpret_cast<core::Lane*>(base + lanes_at);
  for (uint8_t i = 0; i < lanes; ++i) ::new (static_cast<void*>(*lane_room + i)) core::Lane;
  *record_room = reinterpret_cast<core::Record*>(base + records_at);
  *extra_room = reinterpret_cast<RecordExtra*>(base + extras_at);
  *extra = base + bytes_at;
  return base;
}

void request_release(Request& request, wire::BlockPool& pool) {
  request.response.release(pool);
  request.texts.release(pool);
  give_records(request, pool);
  if (request.rare != nullptr) give_rare(request, pool);
  pool.give({&request, request.block_bytes});
}

void request_show(Request& request, Response* response) {
  request.shown = response;
  if (request.shown_by != nullptr) request.shown_by->shown_to = nullptr;
  request.shown_by = nullptr;
}

void request_leave_origins(Request& request) {
  if (request.rare != nullptr) follow_leave_origins(request);
  if (request.targets == nullptr) {
    --static_cast<Origin*>(request.origin)->requests;
    return;
  }
  for (uint8_t i = 0; i < request.target_count; ++i) {
    --static_cast<Origin*>(request.targets[i].origin)->requests;
  }
}

bool request_add_record(Request& request, wire::BlockPool& pool, core::Lane& lane) {
  if (request.record_count == request.record_room && !grow_records(request, pool)) return false;
  const uint32_t index = request.record_count++;
  ::new (static_cast<void*>(request.records + index)) core::Record;
  ::new (static_cast<void*>(request.extras + index)) RecordExtra;
  lane.record = static_cast<int32_t>(index);
  return true;
}

void format_remote(const Request& request, uint32_t record, char* out) {
  const Address& remote = request.extras[record].remote;
  out[0] = '\0';
  if (remote.any.sa_family == 0) return;
  if (!is_unix(remote) || remote.local.text == 0) {
    format_address(remote, out);
    return;
  }
  const std::string_view text = request.text(remote.local.text);
  out[core::copy_text(text, out, kAddressTextBytes - 1)] = '\0';
}

uint32_t request_keep_text(Request& request, wire::BlockPool& pool, std::string_view text) {
  wire::Bytes& texts = request.texts;
  if (text.empty() || texts.size() + text.size() + 2 > kTextsMax) return 0;
  if (texts.empty() && !texts.append(pool, "", 1)) return 0;  // offset 0 means none
  const size_t at = texts.size();
  if (!texts.reserve(pool, text.size() + 1)) return 0;
  std::memcpy(texts.data() + at, text.data(), text.size());
  texts.data()[at + text.size()] = '\0';
  texts.set_size(at + text.size() + 1);
  return static_cast<uint32_t>(at);
}

}  // namespace pester::uv
