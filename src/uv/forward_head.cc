// SPDX-License-Identifier: MIT
#include "uv/forward_head.h"

#include "core/text.h"
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
bool put_origin(wire::Bytes& head, wire::BlockPool& pool, const Origin& origin) {
  char text[wire::kConnectTargetBytesMax];
  const size_t size = wire::write_connect_target(origin.host(), origin.host_kind, origin.port, text);
  std::string_view authority(text, size);
  constexpr std::string_view kUsual = ":80";
  if (origin.port == kHttpPort) authority.remove_suffix(kUsual.size());
  return put(head, pool, "http://") && put(head, pool, authority);
}

bool put_credentials(wire::Bytes& head, wire::BlockPool& pool, std::string_view userinfo) {
  const size_t bytes = wire::basic_credentials_bytes(userinfo);
  head.set_size(head.size() - kLine.size());  // the empty line
  if (!put(head, pool, kName) || !put(head, pool, ": Basic ") || !head.reserve(pool, bytes))
    return false;
  wire::write_basic_credentials(userinfo, head.data() + head.size());
  head.set_size(head.size() + bytes);
  return put(head, pool, kLine) && put(head, pool, kLine);
}

}  // namespace

bool append_forwarded(wire::Bytes& head, wire::BlockPool& pool, std::string_view plain,
                      const Origin& origin) {
  const size_t target = plain.find(' ') + 1;
  if (!put(head, pool, core::part(plain, 0, target)) || !put_origin(head, pool, origin) ||
      !put(head, pool, core::part(plain, target))) {
    return false;
  }
  const std::string_view userinfo = origin.route->proxy.userinfo;
  if (userinfo.empty() || wire::head_has_field(plain, kName)) return true;
  return put_credentials(head, pool, userinfo);
}

}  // namespace pester::uv
