// SPDX-License-Identifier: MIT
// The strict reading of a URL: one pass over a copy of it that checks every byte and marks where the
// parts begin and end. Refuses to know how the normal form is written: that is url.cc.
#ifndef PESTER_WIRE_URL_SCAN_H_
#define PESTER_WIRE_URL_SCAN_H_

#include <cstdint>
#include <string_view>

#include "core/why.h"
#include "wire/idna.h"
#include "wire/url.h"

namespace pester::wire {

// What the scan of a copy of the text found. All pointers go into that copy, which ends in a NUL, so
// that no loop has to look for the end.
struct UrlScan {
  UrlScan(const char* copy, size_t size, core::Why* reason)
      : base(copy), end(copy + size), why(reason) {}

  const char* base;
  const char* end;
  core::Why* why;
  const char* userinfo = nullptr;  // nullptr: none
  const char* userinfo_end = nullptr;
  const char* zone = nullptr;  // nullptr: none
  const char* zone_end = nullptr;
  const char* authority;  // behind userinfo
  const char* authority_end;
  const char* host;  // without brackets, zone and trailing dot
  const char* host_end;
  const char* path_end;
  const char* target_end;
  uint32_t port = 0;  // 0: the default one
  core::Scheme scheme = core::Scheme::http;
  HostKind kind = HostKind::name;
  bool rebuild = false;        // the normal form is not what was written
  bool dots = false;           // the path has dot segments
  bool international = false;  // the host is in `ascii`, without a trailing dot, not where it was marked
  size_t ascii_bytes = 0;
  char ascii[kAsciiHostBytes];  // set with `international` only

  [[nodiscard]] uint32_t default_port() const { return scheme == core::Scheme::https ? 443 : 80; }
  // The bytes of the text given that the copy has between two marks.
  [[nodiscard]] std::string_view given(const char* text, const char* from, const char* to) const {
    return {text + (from - base), static_cast<size_t>(to - from)};
  }
  // As it is looked up, but for the case of its letters.
  [[nodiscard]] std::string_view host_name() const {
    return international ? std::string_view(ascii, ascii_bytes)
                         : std::string_view(host, static_cast<size_t>(host_end - host));
  }
  [[nodiscard]] bool has_path() const { return path_end != authority_end; }
  [[nodiscard]] bool has_query() const { return target_end != path_end; }
};

// Fills `scan`, of whose copy *end is NUL: 0, PESTER_EURL or PESTER_ESCHEME. Only after 0 are all marks
// set.
[[nodiscard]] int scan_url(UrlScan& scan);
// The same from `at` on, where an authority begins: for URLs of other schemes, which are the caller's.
[[nodiscard]] int scan_behind_scheme(UrlScan& scan, const char* at);

}  // namespace pester::wire

#endif
