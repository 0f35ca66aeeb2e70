// SPDX-License-Identifier: MIT
// What a jar gives back: which cookies go where, in which order, and how many (RFC 6265bis §5.8.3).
#include <algorithm>

#include "core/text.h"
#include "wire/cookie_bucket.h"
#include "wire/cookie_jar.h"
#include "wire/text_scan.h"

namespace pester::wire {

namespace {

using core::part;

bool goes_to(const Cookie& cookie, const CookiePlace& to) {
  if (cookie.secure && !to.is_secure) return false;
  const bool host = cookie.host_only || to.is_address ? cookie.domain == to.host
                                                      : domain_matches(to.host, cookie.domain);
  return host && path_matches(to.path, cookie.path);
}

// The best so far, in order.
struct Chosen {
  Cookie* at[CookieJar::kSentMax];
  size_t count = 0;

  static bool is_before(const Cookie& a, const Cookie& b) {
    if (a.path.size() != b.path.size()) return a.path.size() > b.path.size();
    return a.born < b.born;
  }
  void add(Cookie* cookie) {
    size_t place = count;
    while (place != 0 && is_before(*cookie, *at[place - 1])) --place;
    if (place == CookieJar::kSentMax) return;
    count = std::min(count + 1, CookieJar::kSentMax);
    for (size_t i = count - 1; i > place; --i) at[i] = at[i - 1];
    at[place] = cookie;
  }
};

// Whether a Cookie field's value has a cookie of that name.
bool has_cookie(std::string_view own, std::string_view name) {
  while (!own.empty()) {
    while (!own.empty() && (is_blank(own.front()) || own.front() == ';')) own.remove_prefix(1);
    const std::string_view pair = part(own, 0, own.find(';'));
    std::string_view there = part(pair, 0, pair.find('='));
    while (!there.empty() && is_blank(there.back())) there.remove_suffix(1);
    if (there.size() != pair.size() && there == name) return true;
    own.remove_prefix(pair.size());
  }
  return false;
}

bool append_cookie(const Cookie& cookie, bool first, BlockPool& pool, Bytes* out) {
  return out->reserve(pool, cookie.name.size() + cookie.value.size() + 3) &&
         (first || out->append(pool, "; ", 2)) &&
         out->append(pool, cookie.name.data(), cookie.name.size()) && out->append(pool, "=", 1) &&
         out->append(pool, cookie.value.data(), cookie.value.size());
}

}  // namespace

bool CookieJar::write(const CookiePlace& to, std::string_view own, int64_t now_s, BlockPool& pool,
                      Bytes* out) {
  Chosen chosen;
  Cookie* next = nullptr;
  for (Cookie* c = buckets_[bucket_of(to.host, kBuckets)]; c != nullptr; c = next) {
    next = c->next;
    if (c->expires_s <= now_s) {
      remove(*c);
    } else if (goes_to(*c, to)) {
      chosen.add(c);
    }
  }
  size_t bytes = own.size();
  for (size_t i = 0; i < chosen.count; ++i) {
    Cookie& cookie = *chosen.at[i];
    if (has_cookie(own, cookie.name)) continue;
    const bool first = bytes == 0;
    bytes += cookie.name.size() + 1 + cookie.value.size() + (first ? 0 : 2);
    if (bytes > kFieldBytesMax) break;
    if (!append_cookie(cookie, first, pool, out)) return false;
    cookie.used = ++turn_;
  }
  return true;
}

}  // namespace pester::wire
