// SPDX-License-Identifier: MIT
#include "wire/url.h"

#include <cstring>

#include "wire/url_scan.h"

namespace pester::wire {

namespace {

// Writes a normal form into the storage that held the copy, reading from the text given.
class Rebuilder {
 public:
  Rebuilder(const UrlScan& scan, const char* text, char* storage)
      : s_(scan), text_(text), begin_(storage), out_(storage) {}

  void run(Url* url) {
    put(s_.scheme == core::Scheme::https ? "https://" : "http://");
    const char* const authority = out_;
    if (s_.kind == HostKind::ipv6) put("[");
    const char* const host = out_;
    put_lower(s_.international ? std::string_view(s_.ascii, s_.ascii_bytes)
                               : between(s_.host, s_.host_end));
    url->host = {host, size_from(host)};
    if (s_.zone != nullptr) {
      put("%25");
      const char* const zone = out_;
      put(between(s_.zone, s_.zone_end));
      url->zone = {zone, size_from(zone)};
    }
    if (s_.kind == HostKind::ipv6) put("]");
    put_port();
    url->authority = {authority, size_from(authority)};
    const char* const target = out_;
    const std::string_view path = between(s_.authority_end, s_.path_end);
    if (path.empty()) put("/");
    s_.dots ? put_without_dots(path) : put(path);
    put(between(s_.path_end, s_.target_end));
    url->target = {target, size_from(target)};
    url->text = {begin_, size_from(begin_)};
    *out_++ = '\0';
    if (s_.zone != nullptr) put_authority_without_zone(url);
  }

 private:
  [[nodiscard]] size_t size_from(const char* p) const { return static_cast<size_t>(out_ - p); }
  // The copy is being overwritten: the same bytes of the text given.
  [[nodiscard]] std::string_view between(const char* begin, const char* end) const {
    return s_.given(text_, begin, end);
  }
  void put(std::string_view bytes) {
    std::memcpy(out_, bytes.data(), bytes.size());
    out_ += bytes.size();
  }
  void put_lower(std::string_view bytes) {
    for (const char c : bytes) *out_++ = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
  }
  void put_port() {
    if (s_.port == 0) return;
    put(":");
    char digits[5];
    size_t at = sizeof digits;
    for (uint32_t rest = s_.port; rest != 0; rest /= 10)
      digits[--at] = static_cast<char>('0' + rest % 10);
    put({digits + at, sizeof digits - at});
  }
  // RFC 3986 §5.2.4. Linear: what ".." takes back was put once.
  void put_without_dots(std::string_view path) {
    const char* const root = out_;
    for (size_t at = 0; at < path.size();) {  // at a '/'
      size_t end = path.find('/', at + 1);
      const bool last = end == std::string_view::npos;
      if (last) end = path.size();
      const std::string_view segment(path.data() + at + 1, end - at - 1);
      const bool up = segment == "..";
      if (!up && segment != ".") {
        put({path.data() + at, end - at});
      } else {
        if (up) take_back_segment(root);
        if (last) put("/");
      }
      at = end;
    }
  }
  void take_back_segment(const char* root) {
    while (out_ != root && *--out_ != '/') {
    }
  }
  // The zone is the client's own name for an interface: a server must not see it (RFC 6874 §4).
  void put_authority_without_zone(Url* url) {
    const char* const authority = out_;
    put("[");
    put(url->host);
    put("]");
    put_port();
    url->authority = {authority, size_from(authority)};
  }

  const UrlScan& s_;
  const char* text_;
  char* begin_;
  char* out_;
};

// The copy is the normal form already, but for what is cut off or put at its end.
void use_copy(const UrlScan& s, char* storage, Url* url) {
  char* target_end = storage + (s.target_end - storage);
  if (!s.has_path()) *target_end++ = '/';
  *target_end = '\0';
  const auto view = [](const char* begin, const char* end) {
    return std::string_view(begin, static_cast<size_t>(end - begin));
  };
  url->host = view(s.host, s.host_end);
  url->authority = view(s.authority, s.authority_end);
  url->target = view(s.authority_end, target_end);
  url->text = view(storage, target_end);
}

}  // namespace

size_t url_storage_bytes(std::string_view text) {
  // Over the text: "25" of a zone, "/", NUL, and an IPv6 authority a second time (at most 53 bytes); or
  // the ASCII form of a host (at most 253 bytes).
  return (text.size() < kUrlBytesMax ? text.size() : kUrlBytesMax) + 64 + kHostBytesMax;
}

int parse_url(std::string_view text, char* storage, Url* url, core::Why* why) {
  if (text.size() > kUrlBytesMax) {
    why->clear();
    why->add("URL at byte 65536: longer than 65536 bytes");
    return PESTER_EURL;
  }
  if (!text.empty()) std::memcpy(storage, text.data(), text.size());
  storage[text.size()] = '\0';
  UrlScan s(storage, text.size(), why);
  if (const int error = scan_url(s); error != 0) return error;

  url->scheme = s.scheme;
  url->host_kind = s.kind;
  url->port = static_cast<uint16_t>(s.port != 0 ? s.port : s.default_port());
  url->zone = {};
  url->userinfo = {};
  url->has_userinfo = s.userinfo != nullptr;
  if (url->has_userinfo) {
    url->userinfo = s.given(text.data(), s.userinfo, s.userinfo_end);
  }
  if (s.rebuild || s.dots || (!s.has_path() && s.has_query())) {
    Rebuilder(s, text.data(), storage).run(url);
  } else {
    use_copy(s, storage, url);
  }
  return 0;
}

}  // namespace pester::wire
