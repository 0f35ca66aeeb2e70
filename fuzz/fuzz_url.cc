// SPDX-License-Identifier: MIT
// Any bytes as a URL, and what was accepted of them as a request's head: the normal form is a fixed
// point of the same origin, no byte gets out that could end a line, and the head is exactly one request.
#include <arpa/inet.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "wire/request_writer.h"
#include "wire/url.h"

namespace {

using namespace pester;
using namespace pester::wire;

#define CLAIM(condition)                                              \
  do {                                                                \
    if (!(condition)) {                                               \
      std::fprintf(stderr, "%d: not so: %s\n", __LINE__, #condition); \
      std::abort();                                                   \
    }                                                                 \
  } while (false)

void is_visible(std::string_view text) {
  for (const char c : text) CLAIM(c > 0x20 && c < 0x7f && c != '\\');
}

// The system's idea of addresses and ours agree, so no name is secretly an address.
void host_is_what_it_seems(const Url& url) {
  const std::string host(url.host);
  in_addr v4;
  in6_addr v6;
  CLAIM((inet_pton(AF_INET, host.c_str(), &v4) == 1) == (url.host_kind == HostKind::ipv4));
  CLAIM((inet_pton(AF_INET6, host.c_str(), &v6) == 1) == (url.host_kind == HostKind::ipv6));
  CLAIM((inet_aton(host.c_str(), &v4) == 1) == (url.host_kind == HostKind::ipv4));
  CLAIM(!host.empty() && host.size() <= kHostBytesMax);
  for (const char c : host) CLAIM(!(c >= 'A' && c <= 'Z') && c != '@' && c != '/' && c != '%');
  CLAIM(url.zone.empty() || url.host_kind == HostKind::ipv6);
}

void parts_make_the_whole(const Url& url) {
  CLAIM(url.text.data()[url.text.size()] == '\0');
  CLAIM(url.port != 0);
  const bool https = url.scheme == core::Scheme::https;
  std::string authority =
      url.host_kind == HostKind::ipv6 ? "[" + std::string(url.host) + "]" : std::string(url.host);
  std::string full = authority;
  if (!url.zone.empty()) full = "[" + std::string(url.host) + "%25" + std::string(url.zone) + "]";
  if (url.port != (https ? 443 : 80)) {
    authority += ":" + std::to_string(url.port);
    full += ":" + std::to_string(url.port);
  }
  CLAIM(url.authority == authority);
  CLAIM(url.target.front() == '/');
  CLAIM(url.text == (https ? "https://" : "http://") + full + std::string(url.target));
  const std::string path = std::string(url.target.substr(0, url.target.find('?'))) + "/";
  CLAIM(path.find("/./") == std::string::npos && path.find("/../") == std::string::npos);
}

void is_a_fixed_point(const Url& url) {
  std::vector<char> storage(url_storage_bytes(url.text));
  Url again;
  core::Why why;
  if (url.text.size() > kUrlBytesMax) return;  // grew by its '/' or "%25"
  CLAIM(parse_url(url.text, storage.data(), &again, &why) == 0);
  CLAIM(again.text == url.text && again.scheme == url.scheme && again.host == url.host);
  CLAIM(again.port == url.port && again.zone == url.zone && again.host_kind == url.host_kind);
  CLAIM(again.authority == url.authority && again.target == url.target && !again.has_userinfo);
}

// One request line, whole lines, one empty line at the end.
void is_one_request(std::string_view head, const Url& url) {
  CLAIM(head.size() > 4 && head.find("\r\n\r\n") == head.size() - 4);
  size_t lines = 0;
  for (size_t i = 0; i < head.size(); ++i) {
    const auto byte = static_cast<unsigned char>(head[i]);
    CLAIM((byte >= 0x20 && byte != 0x7f) || byte == '\r' || byte == '\n' || byte == '\t');
    CLAIM((byte == '\n') == (i != 0 && head[i - 1] == '\r'));
    lines += byte == '\n';
  }
  CLAIM(head.compare(0, 4, "GET ") == 0);
  const std::string_view first = head.substr(0, head.find("\r\n"));
  CLAIM(first == "GET " + std::string(url.target) + " HTTP/1.1");
  CLAIM(lines == (url.userinfo.empty() ? 6u : 7u));  // request line, four or five headers, the empty one
}

// `text` as the value of a header too, and as the user agent.
void head_is_one_request(const Url& url, std::string_view text) {
  const std::string value(text.substr(0, 64).data(), text.size() < 64 ? text.size() : 64);
  for (const bool agent : {false, true}) {
    const HeaderIn headers[] = {{"X-Fuzz", agent ? "1" : value.c_str()}};
    RequestHead head;
    head.method = "GET";
    head.url = &url;
    head.headers = headers;
    head.user_agent = agent && !value.empty() ? std::string_view(value) : "fuzz";
    RequestHeadInfo info;
    core::Why why;
    const int error = measure_request_head(head, &info, &why);
    if (error != 0) {
      CLAIM(error == PESTER_EHEADER && why.view().find(" at byte ") != std::string_view::npos);
      continue;
    }
    std::vector<char> out(info.bytes);
    write_request_head(head, out.data());
    is_one_request({out.data(), out.size()}, url);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::vector<char> exact(data, data + size);  // the sanitizer watches its end
  const std::string_view text(exact.data(), exact.size());
  std::vector<char> storage(url_storage_bytes(text));
  Url url;
  core::Why why;
  const int error = parse_url(text, storage.data(), &url, &why);
  if (error != 0) {
    CLAIM(error == PESTER_EURL || error == PESTER_ESCHEME);
    CLAIM(why.view().find(" at byte ") != std::string_view::npos);
    return 0;
  }
  is_visible(url.text);
  is_visible(url.authority);
  is_visible(url.userinfo);
  host_is_what_it_seems(url);
  parts_make_the_whole(url);
  is_a_fixed_point(url);
  head_is_one_request(url, text);
  return 0;
}
