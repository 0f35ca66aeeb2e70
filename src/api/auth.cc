// SPDX-License-Identifier: MIT
#include "api/auth.h"

#include <cstring>
#include <new>

#include "api/objects.h"
#include "uv/follow.h"
#include "wire/digest_auth.h"

namespace pester::api {

namespace {

using core::Why;
using Header = wire::HeaderIn;

constexpr size_t kNameMax = 1024, kTokenMax = 65536;

int refuse(Why* why, const char* field, const char* text) {
  why->clear();
  why->add("auth.").add(field).add(": ").add(text);
  return PESTER_EOPTION;
}

std::string_view text_of(const char* text) {
  return text != nullptr ? text : "";
}

int check_auth(const pester_auth_t& auth, Why* why) {
  const std::string_view user = text_of(auth.user);
  const std::string_view password = text_of(auth.password);
  if (auth.scheme < PESTER_AUTH_BASIC || auth.scheme > PESTER_AUTH_ANY) {
    return refuse(why, "scheme", "no such one");
  }
  if (auth.scheme == PESTER_AUTH_BEARER) {
    if (text_of(auth.token).empty()) return refuse(why, "token", "missing");
    if (std::strlen(auth.token) > kTokenMax) return refuse(why, "token", "longer than 65,536 bytes");
    return wire::is_field("a", auth.token) ? 0 : refuse(why, "token", "a byte that no header may have");
  }
  if (auth.user == nullptr) return refuse(why, "user", "missing");
  if (user.size() > kNameMax) return refuse(why, "user", "longer than 1,024 bytes");
  if (password.size() > kNameMax) return refuse(why, "password", "longer than 1,024 bytes");
  const bool basic = auth.scheme != PESTER_AUTH_DIGEST;
  if (!wire::are_credentials({user, {}}, basic)) {
    return refuse(why, "user", basic ? "a control byte or a colon" : "a control byte");
  }
  return wire::are_credentials({{}, password}, false) ? 0 : refuse(why, "password", "a control byte");
}

bool brings_authorization(const pester_request_t& given) {
  for (size_t i = 0; i < given.header_count; ++i) {
    const char* name = given.headers[i].name;
    if (name != nullptr && wire::equals_ignoring_case(name, "authorization")) return true;
  }
  return false;
}

bool waits_for_challenge(const pester_auth_t& auth) {
  return auth.scheme == PESTER_AUTH_DIGEST || auth.scheme == PESTER_AUTH_ANY;
}

// What Authorization says.
bool write_value(const pester_auth_t& auth, wire::BlockPool& pool, wire::Bytes* value) {
  constexpr std::string_view kBearer = "Bearer ";
  if (auth.scheme == PESTER_AUTH_BASIC) {
    return wire::add_basic_credentials({text_of(auth.user), text_of(auth.password)}, pool, value) &&
           value->append(pool, "", 1);
  }
  return value->append(pool, kBearer.data(), kBearer.size()) &&
         value->append(pool, auth.token, std::strlen(auth.token) + 1);
}

// Behind the others.
int add_header(std::string_view value, wire::BlockPool& pool, wire::RequestHead* head,
               wire::Block* block) {
  const size_t count = head->headers.size() + 1;
  const wire::Block longer = pool.take(count * sizeof(Header) + value.size());
  if (longer.at == nullptr) return UV_ENOMEM;
  auto* headers = static_cast<Header*>(longer.at);
  if (count > 1) {
    std::memcpy(static_cast<void*>(headers), head->headers.data(), (count - 1) * sizeof(Header));
  }
  pool.give(*block);
  *block = longer;
  char* const text = reinterpret_cast<char*>(headers + count);
  std::memcpy(text, value.data(), value.size());
  headers[count - 1] = {"Authorization", text};
  head->headers = {headers, count};
  return 0;
}

}  // namespace

int add_authorization(const pester_request_t& given, wire::BlockPool& pool, wire::RequestHead* head,
                      wire::Block* block, Why* why) {
  pester_auth_t auth;
  if (!read_sized(&auth, given.auth)) return refuse(why, "struct_size", "not initialised");
  if (const int rc = check_auth(auth, why); rc != 0) return rc;
  if (head->url->has_userinfo) return refuse(why, "user", "beside a user in the URL");
  if (waits_for_challenge(auth) || brings_authorization(given)) return 0;
  wire::Bytes value;
  const int rc =
      write_value(auth, pool, &value) ? add_header(value.view(), pool, head, block) : int{UV_ENOMEM};
  value.release(pool);
  return rc;
}

int keep_auth(const pester_request_t& given, wire::BlockPool& pool, uv::Request* request) {
  pester_auth_t auth;
  (void)read_sized(&auth, given.auth);  // it was checked
  if (!waits_for_challenge(auth) || brings_authorization(given)) return 0;
  uv::Rare* const rare = uv::request_rare(*request, pool);
  if (rare == nullptr) return UV_ENOMEM;
  const std::string_view user = text_of(auth.user);
  const std::string_view password = text_of(auth.password);
  const wire::Block block = pool.take(sizeof(uv::Auth) + user.size() + password.size());
  if (block.at == nullptr) return UV_ENOMEM;
  auto* kept = ::new (block.at) uv::Auth;
  char* const text = reinterpret_cast<char*>(kept + 1);
  std::memcpy(text, user.data(), user.size());
  std::memcpy(text + user.size(), password.data(), password.size());
  kept->block = block;
  kept->user = {text, user.size()};
  kept->password = {text + user.size(), password.size()};
  kept->willing = {auth.scheme == PESTER_AUTH_ANY, true};
  rare->auth = kept;
  request->composes = true;
  request->attends = true;
  return 0;
}

}  // namespace pester::api

void pester_auth_init_sized(pester_auth_t* auth, int scheme, size_t struct_size) {
  std::memset(auth, 0, struct_size);
  auth->struct_size = struct_size;
  if (struct_size >= sizeof(pester_auth_t)) auth->scheme = scheme;
}
