// SPDX-License-Identifier: MIT
#include "wire/cookie_file.h"

#include <algorithm>
#include <charconv>
#include <iterator>

#include "core/text.h"
#include "wire/url.h"

namespace pester::wire {

namespace {

using core::begins_with;
using core::part;
using core::Why;

constexpr std::string_view kHttpOnly = "#HttpOnly_";
constexpr size_t kFields = 7;

enum class Line : uint8_t { cookie, nothing, malformed };

// "FALSE" is the only word for no; anything else but "TRUE" is no word.
bool read_flag(std::string_view text, bool* flag) {
  *flag = text == "TRUE";
  return *flag || text == "FALSE";
}

// 0 stands for the session.
bool read_expiry(std::string_view text, int64_t* expires_s) {
  const char* const end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, *expires_s);
  if (text.empty() || read.ec != std::errc() || read.ptr != end) return false;
  if (*expires_s == 0) *expires_s = kCookieOfSession;
  return true;
}

// Lower case, into `room` of kHostBytesMax + 1 bytes, with a NUL.
bool read_domain(std::string_view text, char* room, std::string_view* domain) {
  if (!text.empty() && text.front() == '.') text.remove_prefix(1);
  // Written again, one that begins with '#' would be a comment, or the mark of HttpOnly.
  if (text.empty() || text.front() == '#' || text.size() > kHostBytesMax) return false;
  std::transform(text.begin(), text.end(), room,
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
  room[text.size()] = '\0';
  *domain = {room, text.size()};
  return true;
}

// The fields of a line; how many there are, at most one more than there may be.
size_t split(std::string_view line, std::string_view (&fields)[kFields + 1]) {
  size_t count = 0;
  while (count <= kFields) {
    const size_t tab = std::min(line.find('\t'), line.size());
    fields[count++] = part(line, 0, tab);
    if (tab == line.size()) break;
    line = part(line, tab + 1);
  }
  return count;
}

Line read_line(std::string_view line, char* room, CookieParts* parts) {
  parts->http_only = begins_with(line, kHttpOnly);
  if (parts->http_only) line.remove_prefix(kHttpOnly.size());
  if (line.empty() || (line.front() == '#' && !parts->http_only)) return Line::nothing;
  std::string_view fields[kFields + 1];
  const size_t count = split(line, fields);
  if (count != kFields && count != kFields - 1)
    return Line::malformed;  // an empty value may lack its tab
  bool below = false;
  if (!read_domain(fields[0], room, &parts->domain) || !read_flag(fields[1], &below) ||
      !read_flag(fields[3], &parts->secure) || !read_expiry(fields[4], &parts->expires_s)) {
    return Line::malformed;
  }
  parts->host_only = !below;
  parts->path = fields[2].empty() ? std::string_view("/") : fields[2];
  parts->name = fields[5];
  parts->value = fields[6];
  return Line::cookie;
}

std::string_view take_line(std::string_view* text) {
  const size_t end = std::min(text->find('\n'), text->size());
  std::string_view line = part(*text, 0, end);
  *text = part(*text, end + 1);
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  return line;
}

CookieJar::Kept put_line(Line kind, const CookieParts& parts, int64_t now_s, CookieJar* jar, Why* why) {
  why->clear();
  if (kind == Line::malformed) {
    why->add("not the seven fields of a cookie");
    return CookieJar::Kept::refused;
  }
  if (!parts.host_only && jar->suffixes().any() && jar->suffixes().has(parts.domain)) {
    why->add(part(parts.domain, 0, 64)).add(" is a public suffix");
    return CookieJar::Kept::refused;
  }
  return jar->put(parts, now_s, why);
}

void tell_line(size_t number, const Why& reason, Why* why) {
  why->clear();
  why->add("line ").add(static_cast<int64_t>(number)).add(": ").add(reason.view());
}

bool append(BlockPool& pool, LargeBytes* out, std::string_view text) {
  return out->append(pool, text.data(), text.size());
}

bool append_line(BlockPool& pool, const Cookie& cookie, LargeBytes* out) {
  char digits[24];
  const int64_t expiry = cookie.expires_s == kCookieOfSession ? 0 : cookie.expires_s;
  const char* const end = std::to_chars(digits, digits + sizeof digits, expiry).ptr;
  const std::string_view pieces[] = {cookie.http_only ? kHttpOnly : "",
                                     cookie.host_only ? "" : ".",
                                     cookie.domain,
                                     cookie.host_only ? "\tFALSE\t" : "\tTRUE\t",
                                     cookie.path,
                                     cookie.secure ? "\tTRUE\t" : "\tFALSE\t",
                                     {digits, static_cast<size_t>(end - digits)},
                                     "\t",
                                     cookie.name,
                                     "\t",
                                     cookie.value,
                                     "\n"};
  return std::all_of(std::begin(pieces), std::end(pieces),
                     [&pool, out](std::string_view piece) { return append(pool, out, piece); });
}

}  // namespace

CookieFileRead read_cookie_file(std::string_view text, SessionCookies session, int64_t now_s,
                                CookieJar* jar, Why* why) {
  CookieFileRead read;
  Why reason;
  char room[kHostBytesMax + 1];
  why->clear();
  for (size_t number = 1; !text.empty(); ++number) {
    CookieParts parts;
    const Line kind = read_line(take_line(&text), room, &parts);
    if (kind == Line::nothing) continue;
    if (session == SessionCookies::drop && parts.expires_s == kCookieOfSession && kind == Line::cookie)
      continue;
    switch (put_line(kind, parts, now_s, jar, &reason)) {
      case CookieJar::Kept::yes:
        ++read.taken;
        break;
      case CookieJar::Kept::expired:
        break;
      case CookieJar::Kept::refused:
        if (read.refused++ == 0) tell_line(number, reason, why);
        break;
      case CookieJar::Kept::no_memory:
        read.memory_out = true;
        return read;
    }
  }
  return read;
}

bool write_cookie_file(CookieJar& jar, int64_t now_s, LargeBytes* out) {
  constexpr std::string_view kBegin =
      "# Netscape HTTP Cookie File\n# Written by pester. Domain, below it too, path, Secure, expiry (0: "
      "with the session), name, value.\n\n";
  if (!append(jar.pool(), out, kBegin)) return false;
  for (const Cookie* cookie = jar.first(); cookie != nullptr; cookie = cookie->younger) {
    if (cookie->expires_s > now_s && !append_line(jar.pool(), *cookie, out)) return false;
  }
  return true;
}

}  // namespace pester::wire
