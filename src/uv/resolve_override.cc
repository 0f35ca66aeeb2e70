// SPDX-License-Identifier: MIT
// --resolve and --connect-to, taken apart. Refuses to know the system's resolver.
#include "uv/resolve_override.h"

#include <uv.h>

#include <algorithm>
#include <cstring>

#include "pester/errors.h"
#include "uv/name_lookup.h"
#include "wire/idna.h"

namespace pester::uv {

namespace {

int refuse(core::Why* why, const char* option, std::string_view text, const char* reason) {
  why->clear();
  why->add(option).add(" \"").add(text).add("\": ").add(reason);
  return PESTER_EOPTION;
}

// Not substr, which refers to the C++ library's exceptions. `count` may be npos in the first.
std::string_view front_of(std::string_view text, size_t count) {
  return {text.data(), count < text.size() ? count : text.size()};
}
std::string_view behind(std::string_view text, size_t count) {
  return {text.data() + count, text.size() - count};
}

// Takes "HOST:" off the front; HOST may be a bracketed IPv6 address, and loses the brackets.
bool take_host(std::string_view* rest, std::string_view* host) {
  size_t colon = 0;
  if (rest->starts_with('[')) {
    const size_t end = rest->find(']');
    if (end == std::string_view::npos) return false;
    *host = behind(front_of(*rest, end), 1);
    colon = end + 1;
    if (host->empty() || colon >= rest->size() || (*rest)[colon] != ':') return false;
  } else {
    colon = rest->find(':');
    if (colon == std::string_view::npos) return false;
    *host = front_of(*rest, colon);
  }
  rest->remove_prefix(colon + 1);
  return true;
}

bool parse_port(std::string_view text, uint16_t* port) {
  if (text.empty() || text.size() > 5) return false;
  uint32_t number = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return false;
    number = number * 10 + static_cast<uint32_t>(c - '0');
  }
  if (number == 0 || number > 65535) return false;
  *port = static_cast<uint16_t>(number);
  return true;
}

// As parse_port; an empty text is 0.
bool parse_optional_port(std::string_view text, uint16_t* port) {
  *port = 0;
  return text.empty() || parse_port(text, port);
}

// "::1", "[::1]", "fe80::1%eth0", "127.0.0.1"
bool parse_bracketed_address(std::string_view text, Address* address) {
  if (text.size() > 2 && text.starts_with('[') && text.ends_with(']'))
    text = behind(front_of(text, text.size() - 1), 1);
  const size_t percent = text.find('%');
  if (percent == std::string_view::npos) return parse_address(text, {}, address);
  const std::string_view zone = behind(text, percent + 1);
  return !zone.empty() && parse_address(front_of(text, percent), zone, address);
}

std::string_view without_final_dot(std::string_view host) {
  if (host.size() > 1 && host.ends_with('.')) host.remove_suffix(1);
  return host;
}

// Hosts of URLs are lower case, and without a final dot.
std::string_view copy_host(std::string_view host, char* to) {
  for (size_t i = 0; i < host.size(); i++) {
    const char c = host[i];
    to[i] = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return {to, host.size()};
}

// Of a name beyond ASCII its ASCII form, in `room`, as URLs have it. nullptr, or what is wrong.
const char* make_ascii(std::string_view* host, char (&room)[wire::kAsciiHostBytes]) {
  const auto is_ascii = [](char c) { return static_cast<unsigned char>(c) < 0x80; };
  if (std::all_of(host->begin(), host->end(), is_ascii)) return nullptr;
  size_t bytes = 0;
  const char* wrong = wire::idna_to_ascii(*host, room, &bytes);
  if (wrong == nullptr) *host = {room, bytes};
  return wrong;
}

bool is_name_too_long(std::string_view host) {
  return host.size() > kNameBytesMax;
}

wire::HostKind kind_of(std::string_view host) {
  Address address;
  if (!parse_address(host, {}, &address)) return wire::HostKind::name;
  return address.any.sa_family == AF_INET ? wire::HostKind::ipv4 : wire::HostKind::ipv6;
}

}  // namespace

int Overrides::parse(std::span<const char* const> resolve, std::span<const char* const> connect_to,
                     const wire::Allocator& allocator, core::Why* why) {
  why->clear();
  if (resolve.size() > kMax || connect_to.size() > kMax) {
    why->add("more than ").add(static_cast<int64_t>(kMax)).add(" overrides of names");
    return PESTER_EOPTION;
  }
  for (const char* text : resolve) {
    if (text == nullptr) return refuse(why, "resolve", "", "NULL");
    if (const int error = add_resolve(text, allocator, why); error != 0) return error;
  }
  for (const char* text : connect_to) {
    if (text == nullptr) return refuse(why, "connect_to", "", "NULL");
    if (const int error = add_connect_to(text, allocator, why); error != 0) return error;
  }
  return 0;
}

int Overrides::add_resolve(std::string_view text, const wire::Allocator& allocator, core::Why* why) {
  constexpr const char* kOption = "resolve";
  std::string_view rest = text;
  if (rest.starts_with('+')) rest.remove_prefix(1);  // curl: let it expire; ours live with the client
  std::string_view host;
  if (!take_host(&rest, &host) || host.empty() || is_name_too_long(host)) {
    return refuse(why, kOption, text, "no host; it reads HOST:PORT:ADDR[,ADDR]...");
  }
  if (host.starts_with('-')) return refuse(why, kOption, text, "taking an override away is not known");
  char ascii[wire::kAsciiHostBytes];
  if (const char* wrong = make_ascii(&host, ascii); wrong != nullptr) {
    return refuse(why, kOption, text, wrong);
  }
  const size_t colon = rest.find(':');
  if (colon == std::string_view::npos) return refuse(why, kOption, text, "no address");
  uint16_t port = 0;
  if (!parse_port(front_of(rest, colon), &port)) {
    return refuse(why, kOption, text, "the port is not a number from 1 to 65535");
  }
  rest.remove_prefix(colon + 1);
  Interleaver addresses;
  for (bool more = true; more;) {
    const size_t comma = rest.find(',');
    more = comma != std::string_view::npos;
    Address address;
    if (!parse_bracketed_address(front_of(rest, comma), &address)) {
      return refuse(why, kOption, text, "an address is neither IPv4 nor IPv6");
    }
    addresses.add(address);
    if (more) rest.remove_prefix(comma + 1);
  }
  host = without_final_dot(host);
  void* block = allocator.alloc(sizeof(Resolve) + host.size(), allocator.data);
  if (block == nullptr) return UV_ENOMEM;
  auto* made = static_cast<Resolve*>(block);
  *made = Resolve{resolve_, copy_host(host, reinterpret_cast<char*>(made + 1)), port, {}};
  addresses.finish(&made->addresses);
  resolve_ = made;
  return 0;
}

int Overrides::add_connect_to(std::string_view text, const wire::Allocator& allocator, core::Why* why) {
  constexpr const char* kOption = "connect_to";
  constexpr const char* kShape = "it reads HOST1:PORT1:HOST2:PORT2";
  std::string_view rest = text;
  std::string_view from;
  std::string_view to;
  uint16_t from_port = 0;
  uint16_t to_port = 0;
  if (!take_host(&rest, &from)) return refuse(why, kOption, text, kShape);
  const size_t colon = rest.find(':');
  if (colon == std::string_view::npos) return refuse(why, kOption, text, kShape);
  if (!parse_optional_port(front_of(rest, colon), &from_port)) {
    return refuse(why, kOption, text, "PORT1 is not a number from 1 to 65535");
  }
  rest.remove_prefix(colon + 1);
  if (!take_host(&rest, &to)) return refuse(why, kOption, text, kShape);
  if (!parse_optional_port(rest, &to_port)) {
    return refuse(why, kOption, text, "PORT2 is not a number from 1 to 65535");
  }
  if (is_name_too_long(from) || is_name_too_long(to)) {
    return refuse(why, kOption, text, "a host is too long");
  }
  char ascii[2][wire::kAsciiHostBytes];
  const char* wrong = make_ascii(&from, ascii[0]);
  if (wrong == nullptr) wrong = make_ascii(&to, ascii[1]);
  if (wrong != nullptr) return refuse(why, kOption, text, wrong);
  from = without_final_dot(from);
  const size_t percent = to.find('%');
  const std::string_view zone =
      percent == std::string_view::npos ? std::string_view{} : behind(to, percent + 1);
  to = without_final_dot(front_of(to, percent));
  if (!zone.empty() && kind_of(to) != wire::HostKind::ipv6) {
    return refuse(why, kOption, text, "a zone without an IPv6 address");
  }
  const size_t bytes = sizeof(ConnectTo) + from.size() + to.size() + zone.size();
  void* block = allocator.alloc(bytes, allocator.data);
  if (block == nullptr) return UV_ENOMEM;
  auto* made = static_cast<ConnectTo*>(block);
  auto* texts = reinterpret_cast<char*>(made + 1);
  *made = ConnectTo{nullptr, copy_host(from, texts), from_port, {}};
  made->target.host = copy_host(to, texts + from.size());
  made->target.kind = kind_of(to);
  made->target.port = to_port;
  if (!zone.empty()) std::memcpy(texts + from.size() + to.size(), zone.data(), zone.size());
  made->target.zone = {texts + from.size() + to.size(), zone.size()};
  (connect_to_ == nullptr ? connect_to_ : connect_to_last_->next) = made;
  connect_to_last_ = made;
  return 0;
}

void Overrides::release(const wire::Allocator& allocator) {
  while (resolve_ != nullptr) {
    Resolve* next = resolve_->next;
    allocator.release(resolve_, allocator.data);
    resolve_ = next;
  }
  while (connect_to_ != nullptr) {
    ConnectTo* next = connect_to_->next;
    allocator.release(connect_to_, allocator.data);
    connect_to_ = next;
  }
}

void Overrides::redirect(Target* target) const {
  for (const ConnectTo* rule = connect_to_; rule != nullptr; rule = rule->next) {
    if (!rule->from_host.empty() && rule->from_host != target->host) continue;
    if (rule->from_port != 0 && rule->from_port != target->port) continue;
    if (!rule->target.host.empty()) {
      target->host = rule->target.host;
      target->kind = rule->target.kind;
      target->zone = rule->target.zone;
    }
    if (rule->target.port != 0) target->port = rule->target.port;
    return;
  }
}

const Addresses* Overrides::find(const Target& target) const {
  const Addresses* any_host = nullptr;
  for (const Resolve* rule = resolve_; rule != nullptr; rule = rule->next) {
    if (rule->port != target.port) continue;
    if (rule->host == target.host) return &rule->addresses;
    if (any_host == nullptr && rule->host == "*") any_host = &rule->addresses;
  }
  return any_host;
}

}  // namespace pester::uv
