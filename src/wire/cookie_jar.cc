// SPDX-License-Identifier: MIT
// What is kept and what has to go. What goes out is in cookie_field.cc.
#include "wire/cookie_jar.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "core/text.h"
#include "wire/cookie_bucket.h"
#include "wire/response_head.h"
#include "wire/url.h"

namespace pester::wire {

namespace {

using core::part;
using core::Why;
using Kept = CookieJar::Kept;

Kept refuse(Why* why, std::string_view reason) {
  why->clear();
  why->add(reason);
  return Kept::refused;
}

bool refuse_domain(Why* why, std::string_view domain, std::string_view reason) {
  why->clear();
  why->add("Domain ").add(part(domain, 0, 64)).add(reason);
  return false;
}

bool begins_ignoring_case(std::string_view text, std::string_view lower) {
  return equals_ignoring_case(part(text, 0, lower.size()), lower);
}

// §4.1.3, in any case: some servers do not tell "__HOST-" from it.
const char* broken_prefix(const SetCookie& given, const CookieParts& parts) {
  const bool host = begins_ignoring_case(parts.name, "__host-");
  if (!host && !begins_ignoring_case(parts.name, "__secure-")) return nullptr;
  if (!parts.secure) return "its name's prefix needs Secure";
  if (!host) return nullptr;
  if (!given.domain.empty()) return "__Host- goes without Domain";
  return given.path == "/" ? nullptr : "__Host- needs Path=/";
}

bool is_same(const CookieParts& a, const CookieParts& b) {
  return a.name == b.name && a.domain == b.domain && a.host_only == b.host_only && a.path == b.path;
}

// Copies a text and a NUL; `view` is the copy from now on.
char* keep(std::string_view* view, char* out) {
  if (!view->empty()) std::memcpy(out, view->data(), view->size());
  out[view->size()] = '\0';
  *view = {out, view->size()};
  return out + view->size() + 1;
}

}  // namespace

CookieJar* CookieJar::create(const Allocator& memory, const PublicSuffixes& suffixes) {
  void* const at = memory.alloc(sizeof(CookieJar), memory.data);
  return at == nullptr ? nullptr : ::new (at) CookieJar(memory, suffixes);
}

void CookieJar::leave() {
  if (--references_ != 0) return;
  clear();
  pool_.trim();
  const Allocator memory = pool_.allocator();
  this->~CookieJar();
  memory.release(this, memory.data);
}

// §5.7, steps on the domain. A domain that nobody owns is the host's alone or nobody's; and without a
// list there is none that is known to be owned. `room` has kHostBytesMax + 1 bytes.
bool CookieJar::find_domain(const SetCookie& given, const CookiePlace& from, char* room,
                            CookieParts* parts, Why* why) const {
  parts->domain = from.host;
  parts->host_only = true;
  if (given.domain.empty()) return true;
  if (given.domain.size() > kHostBytesMax) return refuse_domain(why, given.domain, " is too long");
  for (size_t i = 0; i < given.domain.size(); ++i) {
    const char c = given.domain[i];
    room[i] = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
  }
  room[given.domain.size()] = '\0';
  const std::string_view domain = {room, given.domain.size()};
  const bool is_host = domain == from.host;
  if (!is_host && (from.is_address || !domain_matches(from.host, domain))) {
    return refuse_domain(why, domain, " is not one of the host");
  }
  const bool owned = !from.is_address && suffixes_.any() && !suffixes_.has(domain);
  if (!is_host && !owned) {
    return refuse_domain(why, domain,
                         suffixes_.any() ? " is a public suffix" : ": no list of public suffixes");
  }
  parts->domain = domain;
  parts->host_only = !owned;
  return true;
}

Kept CookieJar::set(std::string_view field, const CookiePlace& from, int64_t now_s, Why* why) {
  SetCookie given;
  CookieParts parts;
  char room[kHostBytesMax + 1];
  if (!parse_set_cookie(field, now_s, &given, why)) return Kept::refused;
  if (!find_domain(given, from, room, &parts, why)) return Kept::refused;
  parts.name = given.name;
  parts.value = given.value;
  parts.path = given.path.empty() ? default_path(from.path) : given.path;
  parts.expires_s = given.expires_s;
  parts.secure = given.secure;
  parts.http_only = given.http_only;
  parts.same_site = given.same_site;
  if (parts.path.size() > kPathBytesMax) return refuse(why, "its path is longer than 1024 bytes");
  if (given.secure && !from.is_secure) return refuse(why, "Secure, and did not come over TLS");
  if (const char* const reason = broken_prefix(given, parts); reason != nullptr) {
    return refuse(why, reason);
  }
  if (!given.secure && !from.is_secure && would_overlay(parts)) {
    return refuse(why, "there is a Secure one of its name");
  }
  return store(parts, now_s);
}

Kept CookieJar::put(const CookieParts& parts, int64_t now_s, Why* why) {
  const bool fits = parts.name.size() + parts.value.size() <= kCookieBytesMax &&
                    parts.path.size() <= kPathBytesMax && parts.domain.size() <= kHostBytesMax;
  if (!fits) return refuse(why, "too long");
  if (!is_cookie_name(parts.name)) return refuse(why, "the name is none");
  if (!is_cookie_value(parts.value)) return refuse(why, "the value is none");
  if (parts.path.empty() || parts.path.front() != '/' || !is_cookie_text(parts.path)) {
    return refuse(why, "the path is none");
  }
  if (parts.domain.empty() || parts.domain.front() == '.' || !is_cookie_text(parts.domain)) {
    return refuse(why, "the domain is none");
  }
  return store(parts, now_s);
}

// §5.7: who can write to the wire must not put a cookie in front of one that came over TLS.
bool CookieJar::would_overlay(const CookieParts& parts) const {
  for (const Cookie* cookie = oldest_; cookie != nullptr; cookie = cookie->younger) {
    if (cookie->secure && cookie->name == parts.name && path_matches(parts.path, cookie->path) &&
        (domain_matches(cookie->domain, parts.domain) || domain_matches(parts.domain, cookie->domain))) {
      return true;
    }
  }
  return false;
}

Kept CookieJar::store(const CookieParts& parts, int64_t now_s) {
  Cookie* const old = find(parts);
  if (parts.expires_s <= now_s) {
    if (old != nullptr) remove(*old);
    return Kept::expired;
  }
  Cookie* const made = make(parts);
  if (made == nullptr) return Kept::no_memory;
  if (old != nullptr) {
    take_place(*old, made);
  } else {
    make_room(parts.domain, now_s);
    link(made);
  }
  return Kept::yes;
}

Cookie* CookieJar::make(const CookieParts& parts) {
  const size_t bytes = sizeof(Cookie) + parts.name.size() + parts.value.size() + parts.domain.size() +
                       parts.path.size() + 4;
  const Block block = pool_.take(bytes);
  if (block.at == nullptr) return nullptr;
  auto* const cookie = ::new (block.at) Cookie{parts};
  cookie->block_bytes = block.size;
  char* text = reinterpret_cast<char*>(cookie + 1);
  for (std::string_view* view : {&cookie->name, &cookie->value, &cookie->domain, &cookie->path}) {
    text = keep(view, text);
  }
  cookie->used = ++turn_;
  return cookie;
}

Cookie* CookieJar::find(const CookieParts& parts) {
  Cookie* cookie = buckets_[bucket_of(parts.domain, kBuckets)];
  while (cookie != nullptr && !is_same(*cookie, parts)) cookie = cookie->next;
  return cookie;
}

// The order of §5.7: what is over; in a full domain what need not be Secure; what was not used for the
// longest time.
void CookieJar::make_room(std::string_view domain, int64_t now_s) {
  const auto goes_before = [now_s](const Cookie& a, const Cookie& b, bool by_secure) {
    const bool a_over = a.expires_s <= now_s, b_over = b.expires_s <= now_s;
    if (a_over != b_over) return a_over;
    if (by_secure && a.secure != b.secure) return b.secure;
    return a.used < b.used;
  };
  Cookie* goes = nullptr;
  size_t of_domain = 0;
  for (Cookie* c = buckets_[bucket_of(domain, kBuckets)]; c != nullptr; c = c->next) {
    if (c->domain != domain) continue;
    ++of_domain;
    if (goes == nullptr || goes_before(*c, *goes, true)) goes = c;
  }
  if (of_domain >= kPerDomainMax) {
    remove(*goes);
    return;
  }
  if (size_ < kCookiesMax) return;
  goes = oldest_;
  for (Cookie* c = oldest_; c != nullptr; c = c->younger) {
    if (goes_before(*c, *goes, false)) goes = c;
  }
  if (goes != nullptr) remove(*goes);
}

void CookieJar::link(Cookie* cookie) {
  Cookie*& bucket = buckets_[bucket_of(cookie->domain, kBuckets)];
  cookie->next = bucket;
  bucket = cookie;
  cookie->born = cookie->used;
  cookie->older = youngest_;
  (youngest_ != nullptr ? youngest_->younger : oldest_) = cookie;
  youngest_ = cookie;
  ++size_;
}

// It is as old as the one whose place it takes.
void CookieJar::take_place(Cookie& old, Cookie* cookie) {
  Cookie** at = &buckets_[bucket_of(old.domain, kBuckets)];
  while (*at != &old) at = &(*at)->next;
  *at = cookie;
  cookie->next = old.next;
  cookie->born = old.born;
  cookie->older = old.older;
  cookie->younger = old.younger;
  (old.older != nullptr ? old.older->younger : oldest_) = cookie;
  (old.younger != nullptr ? old.younger->older : youngest_) = cookie;
  pool_.give({&old, old.block_bytes});
}

void CookieJar::remove(Cookie& cookie) {
  Cookie** at = &buckets_[bucket_of(cookie.domain, kBuckets)];
  while (*at != &cookie) at = &(*at)->next;
  *at = cookie.next;
  (cookie.older != nullptr ? cookie.older->younger : oldest_) = cookie.younger;
  (cookie.younger != nullptr ? cookie.younger->older : youngest_) = cookie.older;
  --size_;
  pool_.give({&cookie, cookie.block_bytes});
}

void CookieJar::clear() {
  while (oldest_ != nullptr) remove(*oldest_);
}

void CookieJar::clear_session() {
  for (Cookie *cookie = oldest_, *next; cookie != nullptr; cookie = next) {
    next = cookie->younger;
    if (cookie->expires_s == kCookieOfSession) remove(*cookie);
  }
}

}  // namespace pester::wire
