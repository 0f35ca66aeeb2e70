// SPDX-License-Identifier: MIT
// Cookie jars in the user's hands.
#include <algorithm>
#include <climits>
#include <cstring>
#include <ctime>
#include <new>

#include "api/check.h"
#include "api/cookie_files.h"
#include "api/objects.h"
#include "wire/cookie_file.h"
#include "wire/url.h"

namespace pester::api {

namespace {

using core::Why;
using wire::CookieJar;

pester_cookie_jar_t* handle_of(CookieJar* jar) {
  return reinterpret_cast<pester_cookie_jar_t*>(jar);
}

// The text of a URL, in memory of the jar's: 0, PESTER_EURL, PESTER_ESCHEME, UV_ENOMEM.
class ParsedUrl {
 public:
  explicit ParsedUrl(CookieJar& jar) : pool_(jar.pool()) {}
  ~ParsedUrl() { pool_.give(storage_); }
  ParsedUrl(const ParsedUrl&) = delete;
  ParsedUrl& operator=(const ParsedUrl&) = delete;

  int parse(const char* text, Why* why) {
    storage_ = pool_.take(wire::url_storage_bytes(text));
    if (storage_.at == nullptr) return refuse(why, UV_ENOMEM, "out of memory");
    return wire::parse_url(text, static_cast<char*>(storage_.at), &url_, why);
  }
  [[nodiscard]] wire::CookiePlace place() const { return wire::cookie_place(url_.text); }

 private:
  wire::BlockPool& pool_;
  wire::Block storage_;
  wire::Url url_;
};

int set(CookieJar& jar, const char* text, const char* set_cookie, Why* why) {
  ParsedUrl url(jar);
  if (const int rc = url.parse(text, why); rc != 0) return rc;
  switch (jar.set(set_cookie, url.place(), time(nullptr), why)) {
    case CookieJar::Kept::yes:
    case CookieJar::Kept::expired:
      return 0;
    case CookieJar::Kept::refused:
      return PESTER_ECOOKIE;
    case CookieJar::Kept::no_memory:
      break;
  }
  return refuse(why, UV_ENOMEM, "out of memory");
}

// Into the user's memory, with a NUL.
int give(std::string_view text, char* out, size_t* size) {
  const bool fits = out != nullptr && text.size() < *size;
  *size = text.size() + (fits ? 0 : 1);
  if (!fits) return UV_ENOBUFS;
  if (!text.empty()) std::memcpy(out, text.data(), text.size());
  out[text.size()] = '\0';
  return 0;
}

int get(CookieJar& jar, const char* text, char* value, size_t* size) {
  ParsedUrl url(jar);
  Why why;
  if (const int rc = url.parse(text, &why); rc != 0) return rc;
  wire::Bytes field;
  const bool ok = jar.write(url.place(), {}, time(nullptr), jar.pool(), &field);
  const int rc = ok ? give(field.view(), value, size) : UV_ENOMEM;
  field.release(jar.pool());
  return rc;
}

int write(CookieJar& jar, char* text, size_t* size) {
  wire::LargeBytes lines;
  const bool ok = wire::write_cookie_file(jar, time(nullptr), &lines);
  const int rc = ok ? give(lines.view(), text, size) : UV_ENOMEM;
  lines.release(jar.pool());
  return rc;
}

int read(CookieJar& jar, std::string_view text, int taken, Why* why) {
  if (text.size() > wire::kCookieFileBytesMax) return refuse(why, UV_EFBIG, "longer than 32 MiB");
  const auto session =
      taken == PESTER_COOKIES_WITHOUT_SESSION ? wire::SessionCookies::drop : wire::SessionCookies::keep;
  const wire::CookieFileRead found = wire::read_cookie_file(text, session, time(nullptr), &jar, why);
  if (found.memory_out) return refuse(why, UV_ENOMEM, "out of memory");
  return static_cast<int>(std::min(found.taken, size_t{INT_MAX}));
}

int load(CookieJar& jar, const char* path, int taken, Why* why) {
  wire::LargeBytes text;
  int rc = read_whole_file(path, wire::kCookieFileBytesMax, jar.pool(), &text);
  if (rc != 0) {
    why->add(path).add(": ").add(pester_strerror(rc));
  } else {
    rc = read(jar, text.view(), taken, why);
  }
  text.release(jar.pool());
  return rc;
}

int save(CookieJar& jar, const char* path) {
  wire::LargeBytes lines;
  const bool ok = wire::write_cookie_file(jar, time(nullptr), &lines);
  const int rc = ok ? replace_file(path, lines.view(), jar.pool()) : UV_ENOMEM;
  lines.release(jar.pool());
  return rc;
}

void show(const wire::Cookie& from, pester_cookie_t* out) {
  pester_cookie_t cookie;
  std::memset(&cookie, 0, sizeof cookie);
  cookie.struct_size = out->struct_size;
  cookie.place = &from;
  cookie.name = from.name.data();
  cookie.value = from.value.data();
  cookie.domain = from.domain.data();
  cookie.path = from.path.data();
  cookie.expires_s = from.expires_s == wire::kCookieOfSession ? 0 : from.expires_s;
  cookie.host_only = from.host_only;
  cookie.secure = from.secure;
  cookie.http_only = from.http_only;
  cookie.same_site = static_cast<int>(from.same_site);
  std::memcpy(out, &cookie, std::min(out->struct_size, sizeof cookie));
}

}  // namespace

}  // namespace pester::api

namespace api = pester::api;
using pester::core::Why;
using pester::wire::CookieJar;

void pester_cookie_jar_options_init_sized(pester_cookie_jar_options_t* options, size_t struct_size) {
  std::memset(options, 0, struct_size);
  options->struct_size = struct_size;
}
void pester_cookie_init_sized(pester_cookie_t* cookie, size_t struct_size) {
  std::memset(cookie, 0, struct_size);
  cookie->struct_size = struct_size;
}

int pester_cookie_jar_new(pester_cookie_jar_t** out, const pester_cookie_jar_options_t* options) {
  pester_cookie_jar_options_t given;
  if (out == nullptr || (!api::read_sized(&given, options) && options != nullptr)) return UV_EINVAL;
  auto memory = pester::wire::Allocator::system();
  if (const pester_allocator_t* a = given.allocator; a != nullptr) {
    if (a->alloc == nullptr || a->resize == nullptr || a->release == nullptr) return PESTER_EOPTION;
    memory = {a->alloc, a->resize, a->release, a->data};
  }
  const pester::wire::PublicSuffixes own = {given.is_public_suffix, given.data};
  CookieJar* jar = CookieJar::create(memory, own.any() ? own : pester::wire::built_in_suffixes());
  if (jar == nullptr) return UV_ENOMEM;
  *out = api::handle_of(jar);
  return 0;
}

void pester_cookie_jar_free(pester_cookie_jar_t* jar) {
  if (jar != nullptr) api::jar_of(jar)->leave();
}

int pester_cookie_jar_set(pester_cookie_jar_t* jar, const char* url, const char* set_cookie,
                          char* error_text, size_t error_text_size) {
  if (jar == nullptr || url == nullptr || set_cookie == nullptr) return UV_EINVAL;
  Why why;
  const int rc = api::set(*api::jar_of(jar), url, set_cookie, &why);
  if (rc != 0) api::write_error_text(error_text, error_text_size, why);
  return rc;
}

int pester_cookie_jar_get(pester_cookie_jar_t* jar, const char* url, char* value, size_t* size) {
  if (jar == nullptr || url == nullptr || size == nullptr) return UV_EINVAL;
  return api::get(*api::jar_of(jar), url, value, size);
}

int pester_cookie_jar_next(const pester_cookie_jar_t* jar, pester_cookie_t* cookie) {
  if (jar == nullptr || cookie == nullptr) return 0;
  const auto* before = static_cast<const pester::wire::Cookie*>(cookie->place);
  const auto* next = before == nullptr ? api::jar_of(jar)->first() : before->younger;
  if (next == nullptr) return 0;
  api::show(*next, cookie);
  return 1;
}

size_t pester_cookie_jar_count(const pester_cookie_jar_t* jar) {
  return jar == nullptr ? 0 : api::jar_of(jar)->size();
}
void pester_cookie_jar_clear(pester_cookie_jar_t* jar) {
  if (jar != nullptr) api::jar_of(jar)->clear();
}
void pester_cookie_jar_clear_session(pester_cookie_jar_t* jar) {
  if (jar != nullptr) api::jar_of(jar)->clear_session();
}

int pester_cookie_jar_read(pester_cookie_jar_t* jar, const char* text, size_t len, int taken,
                           char* error_text, size_t error_text_size) {
  if (jar == nullptr || (text == nullptr && len != 0)) return UV_EINVAL;
  Why why;
  const int rc = api::read(*api::jar_of(jar), {text, len}, taken, &why);
  api::write_error_text(error_text, error_text_size, why);
  return rc;
}

int pester_cookie_jar_write(pester_cookie_jar_t* jar, char* text, size_t* size) {
  if (jar == nullptr || size == nullptr) return UV_EINVAL;
  return api::write(*api::jar_of(jar), text, size);
}

int pester_cookie_jar_load(pester_cookie_jar_t* jar, const char* path, int taken, char* error_text,
                           size_t error_text_size) {
  if (jar == nullptr || path == nullptr) return UV_EINVAL;
  Why why;
  const int rc = api::load(*api::jar_of(jar), path, taken, &why);
  api::write_error_text(error_text, error_text_size, why);
  return rc;
}

int pester_cookie_jar_save(pester_cookie_jar_t* jar, const char* path) {
  if (jar == nullptr || path == nullptr) return UV_EINVAL;
  return api::save(*api::jar_of(jar), path);
}
