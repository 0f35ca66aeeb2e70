// SPDX-License-Identifier: MIT
#include "uv/forward_head.h"

#include <cstring>
#include <string_view>

#include "wire/basic_credentials.h"
#include "wire/connect_handshake.h"
#include "wire/request_writer.h"

namespace pester::uv {

namespace {

constexpr std::string_view kLine = "\r\n";
constexpr std::string_view kName = "Proxy-Authorization";
constexpr uint16_t kHttpPort = 80;

bool put(wire::Bytes& head, wire::BlockPool& pool, std::string_view text) {
  return head.append(pool, text.data(), text.size());
}

// "http://host:port", the zone of an address left out: it is this host's own.
size_t write_origin(const Origin& origin, char* out) {
  constexpr std::string_view kScheme = "http://", kUsual = ":80";
  std::memcpy(out, kScheme.data(), kScheme.size());
  const size_t bytes = kScheme.size() + wire::write_connect_target(origin.host(), origin.host_kind,
                                                                   origin.port, out + kScheme.size());
  return origin.port == kHttpPort ? bytes - kUsual.size() : bytes;
}

// In front of the target, which is a path.
bool insert_origin(wire::Bytes& head, wire::BlockPool& pool, const Origin& origin) {
  char text[8 + wire::kConnectTargetBytesMax];
  const size_t bytes = write_origin(origin, text);
  const size_t target = head.view().find(' ') + 1;
  if (!head.reserve(pool, bytes)) return false;
  char* const at = head.data() + target;
  std::memmove(at + bytes, at, head.size() - target);
  std::memcpy(at, text, bytes);
  head.set_size(head.size() + bytes);
  return true;
}

bool add_credentials(wire::Bytes& head, wire::BlockPool& pool, std::string_view userinfo) {
  const size_t bytes = wire::basic_credentials_bytes(userinfo);
  head.set_size(head.size() - kLine.size());  // the empty line
  if (!put(head, pool, kName) || !put(head, pool, ": Basic ") || !head.reserve(pool, bytes))
    return false;
  wire::write_basic_credentials(userinfo, head.data() + head.size());
  head.set_size(head.size() + bytes);
  return put(head, pool, kLine) && put(head, pool, kLine);
}

}  // namespace

bool make_forwarded(wire::Bytes& head, wire::BlockPool& pool, const Origin& origin) {
  if (!insert_origin(head, pool, origin)) return false;
  const std::string_view userinfo = origin.route->proxy.userinfo;
  if (userinfo.empty() || wire::head_has_field(head.view(), kName)) return true;
  return add_credentials(head, pool, userinfo);
}

}  // namespace pester::uv
