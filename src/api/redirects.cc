// SPDX-License-Identifier: MIT
#include "api/redirects.h"

#include <cstring>
#include <new>

#include "api/objects.h"
#include "wire/request_writer.h"

namespace pester::api {

namespace {

constexpr int kMost = 100, kUsual = 10;
constexpr size_t kStripMax = 64;

int refuse(core::Why* why, const char* field, const char* text) {
  why->clear();
  why->add("redirects.").add(field).add(": ").add(text);
  return PESTER_EOPTION;
}

}  // namespace

int read_redirects(const pester_redirects_t* given, pester_redirects_t* read, size_t* bytes,
                   core::Why* why) {
  if (!read_sized(read, given)) return refuse(why, "struct_size", "not initialised");
  if (read->max < PESTER_NONE || read->max > kMost) return refuse(why, "max", "must be from 1 to 100");
  if (read->strip_count > kStripMax) return refuse(why, "strip", "more than 64 names");
  if (read->strip == nullptr && read->strip_count != 0) return refuse(why, "strip", "missing");
  *bytes = sizeof(UserRedirects);
  for (size_t i = 0; i < read->strip_count; ++i) {
    const char* name = read->strip[i];
    if (name == nullptr || !wire::is_field(name, "")) return refuse(why, "strip", "not a header's name");
    *bytes += std::strlen(name) + 1;
  }
  return 0;
}

UserRedirects* keep_redirects(const pester_redirects_t& read, void* room) {
  auto* kept = ::new (room) UserRedirects;
  kept->most = static_cast<uint8_t>(read.max == 0 ? kUsual : read.max == PESTER_NONE ? 0 : read.max);
  kept->asks = read.check != nullptr;
  kept->may_downgrade = read.may_downgrade != 0;
  kept->check = read.check;
  kept->data = read.data;
  char* const names = reinterpret_cast<char*>(kept + 1);
  char* out = names;
  for (size_t i = 0; i < read.strip_count; ++i) {
    for (const char* c = read.strip[i]; *c != '\0'; ++c) {
      *out++ = *c >= 'A' && *c <= 'Z' ? static_cast<char>(*c + ('a' - 'A')) : *c;
    }
    *out++ = '\0';
  }
  kept->strip = {names, static_cast<size_t>(out - names)};
  return kept;
}

void use_redirects(const uv::Redirects& redirects, uv::Request* request) {
  request->redirects_max = redirects.most;
  request->asks_redirect = redirects.asks;
  if (redirects.most != 0) request->attends = true;
}

core::Following ask_redirect(uv::Request& request, const uv::Redirects& redirects,
                             std::string_view url) {
  const auto& user = static_cast<const UserRedirects&>(redirects);
  switch (user.check(&result_of(request), url.data(), user.data)) {
    case PESTER_REDIRECT_FOLLOW:
      return core::Following::follow;
    case PESTER_REDIRECT_DELIVER:
      return core::Following::deliver;
    default:
      return core::Following::refuse;
  }
}

}  // namespace pester::api

void pester_redirects_init_sized(pester_redirects_t* redirects, size_t struct_size) {
  std::memset(redirects, 0, struct_size);
  redirects->struct_size = struct_size;
}
