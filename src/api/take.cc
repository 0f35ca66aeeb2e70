// SPDX-License-Identifier: MIT
// A result that is kept: a copy in one block of its own, which the same readers read.
#include <cstring>
#include <new>

#include "api/objects.h"
#include "uv/collapse.h"

namespace {

using pester::api::RemoteTexts;

struct Taken : pester_result_s {
  pester::uv::Rare rare_room;
  pester::uv::Sharing sharing_room;
  pester::wire::Allocator memory;
};

// Hands out pieces of a block; without one it only counts.
class Pieces {
 public:
  explicit Pieces(char* at) : base_(at) {}
  [[nodiscard]] size_t bytes() const { return used_; }

  // Room for `size` bytes and a NUL, filled from `from` if given.
  char* copy(const void* from, size_t size) {
    constexpr size_t kAlign = alignof(std::max_align_t);
    char* at = base_ != nullptr ? base_ + used_ : nullptr;
    used_ += (size + kAlign) / kAlign * kAlign;
    if (at == nullptr) return nullptr;
    if (from != nullptr && size != 0) std::memcpy(at, from, size);
    at[size] = '\0';
    return at;
  }
  void copy(const pester::wire::Bytes& from, pester::wire::Bytes* to) {
    char* at = copy(from.data(), from.size());
    if (at != nullptr) to->alias(at, from.size());
  }

 private:
  char* base_;
  size_t used_ = 0;
};

void copy_remotes(Pieces& pieces, const pester_result_t& from, Taken* to) {
  const size_t text_bytes = sizeof(RemoteTexts::text[0]);
  char* at = pieces.copy(nullptr, sizeof(RemoteTexts) + from.record_count * text_bytes);
  if (at == nullptr || to == nullptr) return;
  auto* texts = ::new (static_cast<void*>(at)) RemoteTexts();
  texts->room = from.record_count;
  for (uint32_t i = 0; i < from.record_count; ++i) {
    char* out = &texts->text[0][0] + i * text_bytes;
    pester::uv::format_remote(from, i, out);
  }
  to->remotes = texts;
}

void copy_response(Pieces& pieces, const pester_result_t& from, Taken* to) {
  pester::wire::ResponseHead head = from.shown->head;  // its buffers are looked at, not owned
  pester::wire::ResponseHead copied = head;
  pieces.copy(head.text(), &copied.text());
  pieces.copy(head.fields(), &copied.fields());
  const pester_slice_t body = pester_result_body(&from);
  char* kept = pieces.copy(body.data, body.len);
  if (kept == nullptr || to == nullptr) return;
  to->response = *from.shown;
  to->response.head = copied;
  to->response.body.alias(kept, body.len);
  to->shown = &to->response;
}

// The URL that answered, NUL, the method: as a request has them. Returns the URL's size.
size_t copy_line(Pieces& pieces, const pester_result_t& from, char** line) {
  const std::string_view url = pester_result_url(&from);
  const std::string_view method = from.method();
  *line = pieces.copy(nullptr, url.size() + 1 + method.size());
  if (*line == nullptr) return url.size();
  std::memcpy(*line, url.data(), url.size() + 1);
  std::memcpy(*line + url.size() + 1, method.data(), method.size());
  return url.size();
}

// The URLs that the records name.
void copy_targets(Pieces& pieces, const pester_result_t& from, Taken* to) {
  using pester::uv::TargetText;
  if (from.targets == nullptr) return;
  char* at = pieces.copy(from.rare->target_texts, from.target_count * sizeof(TargetText));
  auto* texts = reinterpret_cast<TargetText*>(at);
  for (uint8_t i = 0; i < from.target_count; ++i) {
    const std::string_view url = from.url_of(i);
    const char* copied = pieces.copy(url.data(), url.size());
    if (texts != nullptr) texts[i] = {copied, url.size(), nullptr, 0};
  }
  if (to != nullptr) to->rare_room.target_texts = texts;
}

void copy_all(Pieces& pieces, const pester_result_t& from, Taken* to) {
  char* records = pieces.copy(from.records, from.record_count * sizeof(pester::core::Record));
  char* extras = pieces.copy(from.extras, from.record_count * sizeof(pester::uv::RecordExtra));
  char* line = nullptr;
  const size_t url_bytes = copy_line(pieces, from, &line);
  copy_targets(pieces, from, to);
  pester::wire::Bytes texts;
  pester::wire::Bytes log;
  pieces.copy(from.texts, &texts);
  pester::wire::Bytes hop_urls;
  if (from.rare != nullptr) pieces.copy(from.rare->log, &log);
  if (from.rare != nullptr) pieces.copy(from.rare->hop_urls, &hop_urls);
  copy_remotes(pieces, from, to);
  if (from.shown != nullptr) copy_response(pieces, from, to);
  if (to == nullptr) return;
  to->records = reinterpret_cast<pester::core::Record*>(records);
  to->extras = reinterpret_cast<pester::uv::RecordExtra*>(extras);
  to->record_count = from.record_count;
  to->wire_bytes =
      line + url_bytes + 1 + from.method_bytes + 1;  // none, but the texts before are so found
  to->url_bytes = url_bytes;
  to->method_bytes = from.method_bytes;
  to->texts = texts;
  to->rare_room.log = log;
  to->rare_room.hop_urls = hop_urls;
  to->rare = &to->rare_room;
}

}  // namespace

pester_result_t* pester_result_take(const pester_result_t* result) {
  if (result == nullptr || result->client == nullptr) return nullptr;
  const pester::wire::Allocator& memory = result->client->pool.allocator();
  Pieces counted(nullptr);
  copy_all(counted, *result, nullptr);
  constexpr size_t kAlign = alignof(std::max_align_t);
  constexpr size_t kHead = (sizeof(Taken) + kAlign - 1) / kAlign * kAlign;
  void* at = memory.alloc(kHead + counted.bytes(), memory.data);
  if (at == nullptr) return nullptr;
  auto* taken = ::new (at) Taken();
  taken->memory = memory;
  Pieces pieces(static_cast<char*>(at) + kHead);
  copy_all(pieces, *result, taken);
  taken->id = result->id;
  taken->error = pester_result_error(result);
  taken->stop = result->stop;
  taken->winner = result->winner;
  taken->winner_attempt = result->winner_attempt;
  taken->retry_after_ms = result->retry_after_ms;
  taken->fell_back = result->fell_back;
  taken->follower = result->follower;
  taken->sharing_room.kept_age_ms = pester_result_stale_ms(result);
  taken->sharing_room.kept_error = pester_result_stale_error(result);
  taken->rare_room.sharing = &taken->sharing_room;
  taken->streamed = result->streamed;
  taken->began = result->began;
  taken->ended = {result->began.ns + pester_result_duration_ns(result)};
  return taken;
}

void pester_result_free(pester_result_t* result) {
  if (result == nullptr) return;
  auto* taken = static_cast<Taken*>(result);
  const pester::wire::Allocator memory = taken->memory;
  memory.release(taken, memory.data);
}
