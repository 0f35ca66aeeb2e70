// SPDX-License-Identifier: MIT
// The cookies that servers set, kept and given back by the rules of RFC 6265bis §5.7 and §5.8, with
// memory of their own. Refuses to know clients, files and clocks: the time comes in, as seconds since
// 1970.
#ifndef PESTER_WIRE_COOKIE_JAR_H_
#define PESTER_WIRE_COOKIE_JAR_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/why.h"
#include "wire/cookie_match.h"
#include "wire/memory.h"
#include "wire/public_suffix.h"
#include "wire/set_cookie.h"

namespace pester::wire {

struct CookieParts {
  std::string_view name, value;
  std::string_view domain;  // lower case, without a leading dot
  std::string_view path;    // begins with '/'
  int64_t expires_s = kCookieOfSession;
  bool host_only = true;  // for the domain itself, for none below it
  bool secure = false;
  bool http_only = false;
  SameSite same_site = SameSite::unset;
};

// One block, its texts behind it, each with a NUL that its size does not count.
struct Cookie : CookieParts {
  Cookie* next = nullptr;                       // in its bucket
  Cookie *older = nullptr, *younger = nullptr;  // by the time it was first set
  uint64_t born = 0, used = 0;                  // turns of the jar
  size_t block_bytes = 0;
};

class CookieJar {
 public:
  static constexpr size_t kCookiesMax = 3000;
  static constexpr size_t kPerDomainMax = 180;
  static constexpr size_t kPathBytesMax = kCookieAttributeBytesMax;
  static constexpr size_t kSentMax = 150;         // in one request
  static constexpr size_t kFieldBytesMax = 8190;  // of the Cookie field's value
  static constexpr size_t kSetMax = 50;           // of one response, for whoever reads it

  // With one reference, the caller's; nullptr when memory is out.
  [[nodiscard]] static CookieJar* create(const Allocator& memory, const PublicSuffixes& suffixes);
  CookieJar(const CookieJar&) = delete;
  CookieJar& operator=(const CookieJar&) = delete;
  void join() { ++references_; }
  // Gives back a reference; with the last one it is gone.
  void leave();

  enum class Kept : uint8_t { yes, expired, refused, no_memory };
  // The value of a Set-Cookie field that came from there. `expired`: what it named is gone. `refused`:
  // `why` says for what.
  [[nodiscard]] Kept set(std::string_view field, const CookiePlace& from, int64_t now_s, core::Why* why);
  // A cookie that was kept before, in a file: all but its texts is believed.
  [[nodiscard]] Kept put(const CookieParts& parts, int64_t now_s, core::Why* why);

  // Appends to `out` what of a Cookie field's value the jar has to give: the cookies with the longest
  // paths first, then the oldest. `own` is what the field has already: a name in it is not given again,
  // and it counts against the limit. False when memory is out.
  [[nodiscard]] bool write(const CookiePlace& to, std::string_view own, int64_t now_s, BlockPool& pool,
                           Bytes* out);

  [[nodiscard]] size_t size() const { return size_; }
  // By the time they were set, the expired included; on by `younger`.
  [[nodiscard]] const Cookie* first() const { return oldest_; }
  void clear();
  void clear_session();

  [[nodiscard]] BlockPool& pool() { return pool_; }
  [[nodiscard]] const PublicSuffixes& suffixes() const { return suffixes_; }

 private:
  static constexpr size_t kBuckets = 64;

  CookieJar(const Allocator& memory, const PublicSuffixes& suffixes)
      : pool_(memory), suffixes_(suffixes) {}
  ~CookieJar() = default;

  [[nodiscard]] bool find_domain(const SetCookie& given, const CookiePlace& from, char* room,
                                 CookieParts* parts, core::Why* why) const;
  [[nodiscard]] bool would_overlay(const CookieParts& parts) const;
  [[nodiscard]] Kept store(const CookieParts& parts, int64_t now_s);
  [[nodiscard]] Cookie* make(const CookieParts& parts);
  [[nodiscard]] Cookie* find(const CookieParts& parts);
  void make_room(std::string_view domain, int64_t now_s);
  void link(Cookie* cookie);
  void take_place(Cookie& old, Cookie* cookie);
  void remove(Cookie& cookie);

  BlockPool pool_;
  PublicSuffixes suffixes_;
  // By the last two labels of the domain: what can match a host is in one bucket.
  Cookie* buckets_[kBuckets] = {};
  Cookie *oldest_ = nullptr, *youngest_ = nullptr;
  size_t size_ = 0;
  uint64_t turn_ = 0;
  uint32_t references_ = 1;
};

}  // namespace pester::wire

#endif
