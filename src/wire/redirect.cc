// SPDX-License-Identifier: MIT
#include "wire/redirect.h"

#include <cerrno>
#include <cstring>
#include <initializer_list>

#include "core/text.h"
#include "wire/known_header.h"

namespace pester::wire {

namespace {

using core::begins_with;
using core::part;

constexpr std::string_view kLocation = "location";

bool is_letter(char c) {
  return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

// Of "scheme:", without the colon; 0 when the reference is a relative one (RFC 3986 §3.1).
size_t scheme_bytes(std::string_view text) {
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == ':') return i;
    const bool later = (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
    if (!is_letter(c) && (i == 0 || !later)) return 0;
  }
  return 0;
}

// What stands before the reference's own text (RFC 3986 §5.2.2).
struct Start {
  std::string_view a, b;
};

Start start_of(const Url& base, std::string_view location) {
  const std::string_view origin = part(base.text, 0, base.text.size() - base.target.size());
  const std::string_view path = part(base.target, 0, base.target.find('?'));
  if (scheme_bytes(location) != 0) return {};
  if (begins_with(location, "//")) return {base.scheme == core::Scheme::https ? "https:" : "http:", {}};
  if (begins_with(location, "/")) return {origin, {}};
  if (begins_with(location, "?")) return {origin, path};
  if (location.empty() || location[0] == '#') return {base.text, {}};
  return {origin, part(path, 0, path.rfind('/') + 1)};
}

// Where its path or query begins: a host is left as it is.
size_t path_at(std::string_view location) {
  const size_t scheme = scheme_bytes(location);
  const size_t at = scheme != 0 ? scheme + 1 : 0;
  if (!begins_with(part(location, at), "//")) return at;
  const size_t end = location.find_first_of("/?#", at + 2);
  return end == std::string_view::npos ? location.size() : end;
}

bool must_encode(char c) {
  return c == ' ' || static_cast<unsigned char>(c) >= 0x80;
}

size_t encoded_bytes(std::string_view text) {
  size_t bytes = 0;
  for (const char c : text) bytes += must_encode(c) ? 3 : 1;
  return bytes;
}

char* encode(std::string_view text, char* out) {
  constexpr char kHex[] = "0123456789ABCDEF";
  for (const char c : text) {
    if (!must_encode(c)) {
      *out++ = c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    *out++ = '%';
    *out++ = kHex[byte >> 4];
    *out++ = kHex[byte & 15];
  }
  return out;
}

char* put(std::string_view text, char* out) {
  if (!text.empty()) std::memcpy(out, text.data(), text.size());
  return out + text.size();
}

// Two of them that differ lead nowhere.
int find_location(const ResponseHead& head, std::string_view* location, core::Why* why) {
  *location = head.find(kLocation);
  for (size_t i = 0; i < head.field_count; ++i) {
    if (!equals_ignoring_case(head.name(i), kLocation) || head.value(i) == *location) continue;
    why->clear();
    why->add("Location: given twice, and not the same");
    return PESTER_EURL;
  }
  return 0;
}

}  // namespace

bool is_redirect(const ResponseHead& head) {
  switch (head.status) {
    case 301:
    case 302:
    case 303:
    case 307:
    case 308:
      return !head.find(kLocation).empty();
    default:
      return false;
  }
}

int resolve_location(const Url& base, const ResponseHead& head, BlockPool& pool, Block* storage,
                     Url* url, core::Why* why) {
  std::string_view location;
  if (const int error = find_location(head, &location, why); error != 0) return error;
  const Start start = start_of(base, location);
  const size_t raw = path_at(location);
  const std::string_view rest = part(location, raw);
  const size_t bytes = start.a.size() + start.b.size() + raw + encoded_bytes(rest);
  if (bytes > kUrlBytesMax) {
    why->clear();
    why->add("Location: longer than 65536 bytes");
    return PESTER_EURL;
  }
  *storage = pool.take(bytes + url_storage_bytes({nullptr, bytes}));
  if (storage->at == nullptr) return -ENOMEM;
  char* const text = static_cast<char*>(storage->at);
  char* out = put(start.b, put(start.a, text));
  encode(rest, put(part(location, 0, raw), out));
  core::Why inner;
  const int error = parse_url({text, bytes}, text + bytes, url, &inner);
  if (error != 0) {
    why->clear();
    why->add("Location: ");
    why->add(inner.view());
  }
  return error;
}

NextMethod next_method(uint16_t status, std::string_view method) {
  constexpr uint16_t kMoved = 301, kFound = 302, kSeeOther = 303;
  if (status == kSeeOther) return {method != "HEAD" && method != "GET"};
  return {(status == kMoved || status == kFound) && method == "POST"};
}

namespace {

bool is_one_of(std::string_view name, std::initializer_list<std::string_view> lower_names) {
  for (const std::string_view lower : lower_names) {
    if (equals_ignoring_case(name, lower)) return true;
  }
  return false;
}

bool is_in(std::string_view name, std::string_view list) {
  for (size_t at = 0; at < list.size();) {
    const std::string_view one(list.data() + at);
    if (one.size() == name.size() && equals_ignoring_case(name, one)) return true;
    at += one.size() + 1;
  }
  return false;
}

bool is_of_body(std::string_view name) {
  constexpr std::string_view kContent = "content-";
  if (name.size() > kContent.size() && matches(part(name, 0, kContent.size()), kContent)) return true;
  return is_one_of(name,
                   {"transfer-encoding", "trailer", "expect", "digest", "repr-digest", "want-digest"});
}

bool is_dropped(const NextHead& next, std::string_view name) {
  if (next.drop_body && is_of_body(name)) return true;
  if (next.drop_authorization && equals_ignoring_case(name, "authorization")) return true;
  if (!next.drop_credentials) return false;
  return is_one_of(name, {"authorization", "cookie", "cookie2", "proxy-authorization"}) ||
         is_in(name, next.strip);
}

struct Out {
  char* at;
  size_t bytes = 0;

  void put(std::string_view text) {
    if (at != nullptr) at = wire::put(text, at);
    bytes += text.size();
  }
};

}  // namespace

size_t write_next_head(const NextHead& next, char* room) {
  Out out{room};
  const std::string_view method =
      next.method.empty() ? part(next.previous, 0, next.previous.find(' ')) : next.method;
  out.put(method);
  out.put(" ");
  out.put(next.url->target);
  out.put(" HTTP/1.1\r\n");
  for (size_t at = next.previous.find('\n') + 1; at < next.previous.size();) {
    const size_t end = next.previous.find('\n', at) + 1;
    const std::string_view line = part(next.previous, at, end - at);
    at = end;
    const std::string_view name = part(line, 0, line.find(':'));
    if (equals_ignoring_case(name, "host")) {
      out.put("Host: ");
      out.put(next.url->authority);
      out.put("\r\n");
    } else if (line.size() == 2 || !is_dropped(next, name)) {
      out.put(line);
    }
  }
  return out.bytes;
}

}  // namespace pester::wire
