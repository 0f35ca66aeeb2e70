// SPDX-License-Identifier: MIT
#include "uv/cookies.h"

#include <cstring>
#include <ctime>

#include "core/text.h"
#include "uv/client.h"
#include "uv/follow.h"
#include "wire/request_writer.h"

namespace pester::uv {

namespace {

// Puts three texts, one behind the other, at byte `at` of the head.
bool insert(wire::BlockPool& pool, size_t at, std::string_view before, std::string_view text,
            std::string_view behind, wire::Bytes* head) {
  const size_t bytes = before.size() + text.size() + behind.size();
  if (!head->reserve(pool, bytes)) return false;
  char* out = head->data() + at;
  std::memmove(out + bytes, out, head->size() - at);
  head->set_size(head->size() + bytes);
  for (const std::string_view piece : {before, text, behind}) {
    if (!piece.empty()) std::memcpy(out, piece.data(), piece.size());
    out += piece.size();
  }
  return true;
}

}  // namespace

wire::CookieJar* cookies_of(const Request& request) {
  const Rare* const rare = request.rare;
  if (rare != nullptr && rare->no_cookies) return nullptr;
  if (rare != nullptr && rare->cookies != nullptr) return rare->cookies;
  return request.client->options.cookies;
}

bool cookies_add_field(const Request& request, const core::Lane& lane, wire::BlockPool& pool,
                       wire::Bytes* head) {
  constexpr std::string_view kLine = "\r\n";
  wire::CookieJar* const jar = cookies_of(request);
  const bool kept_away = request.rare != nullptr && request.rare->no_cookie_field;
  // RFC 9110 §9.3.8: a TRACE comes back as it was sent, to whoever asked for it.
  if (jar == nullptr || kept_away || core::begins_with(head->view(), "TRACE ")) return true;
  const std::string_view own = wire::find_head_field(head->view(), "cookie");
  const bool any_own = own.data() != nullptr;
  const size_t at = any_own ? static_cast<size_t>(own.data() + own.size() - head->data())
                            : head->size() - kLine.size();  // before the empty line
  wire::Bytes text;
  bool ok = jar->write(wire::cookie_place(follow_url(request, lane)), own, time(nullptr), pool, &text);
  if (ok && !text.empty()) {
    ok = any_own ? insert(pool, at, {}, text.view(), {}, head)
                 : insert(pool, at, "Cookie: ", text.view(), kLine, head);
  }
  text.release(pool);
  return ok;
}

bool cookies_keep(const Connection& connection, const core::Lane& lane) {
  const auto& request = static_cast<const Request&>(*lane.request);
  wire::CookieJar* const jar = cookies_of(request);
  if (jar == nullptr) return true;
  const wire::ResponseHead& head = connection.response.head;
  const wire::CookiePlace from = wire::cookie_place(follow_url(request, lane));
  const int64_t now_s = time(nullptr);
  core::Why why;  // of one that is refused: the jar goes on without it
  size_t seen = 0;
  for (size_t i = 0; i < head.field_count; ++i) {
    if (!wire::equals_ignoring_case(head.name(i), "set-cookie")) continue;
    if (++seen > wire::CookieJar::kSetMax) break;
    if (jar->set(head.value(i), from, now_s, &why) == wire::CookieJar::Kept::no_memory) return false;
  }
  return true;
}

}  // namespace pester::uv
