// SPDX-License-Identifier: MIT
#include "uv/resolve_override.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>

#include "pester/errors.h"

namespace pester::uv {

namespace {

constexpr char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

int refuse(core::Why* why, const char* option, std::string_view text, const char* reason) {
  why->clear();
  why->add(option).add(" \"").add(text).add("\": ").add(reason);
  return PESTER_EOPTION;
}

// Takes the front of `rest` up to the colon that ends it; an IPv6 address may stand in brackets.
bool take_part(std::string_view* rest, std::string_view* part) {
  const char* at = rest->data();
  const char* const end = at + rest->size();
  const char* colon = nullptr;
  if (at != end && *at == '[') {
    const char* close = std::find(at, end, ']');
    if (close == end || close + 1 == end || close[1] != ':') return false;
    *part = {at + 1, static_cast<size_t>(close - at - 1)};
    colon = close + 1;
  } else {
    colon = std::find(at, end, ':');
    if (colon == end) return false;
    *part = {at, static_cast<size_t>(colon - at)};
  }
  *rest = {colon + 1, static_cast<size_t>(end - colon - 1)};
  return true;
}

bool read_port(std::string_view text, uint16_t* port) {
  uint32_t number = 0;
  if (text.empty() || text.size() > 5) return false;
  for (const char c : text) {
    if (c < '0' || c > '9') return false;
    number = number * 10 + static_cast<uint32_t>(c - '0');
  }
  if (number == 0 || number > 65535) return false;
  *port = static_cast<uint16_t>(number);
  return true;
}

std::string_view unbracketed(std::string_view text) {
  if (text.size() >= 2 && text.front() == '[' && text.back() == ']') {
    return {text.data() + 1, text.size() - 2};
  }
  return text;
}

}  // namespace

bool host_matches(std::string_view rule, std::string_view host) {
  if (rule.empty() || rule == "*") return true;
  return std::equal(rule.begin(), rule.end(), host.begin(), host.end(),
                    [](char a, char b) { return lower(a) == lower(b); });
}

bool read_address(std::string_view text, uint32_t scope, Address* address) {
  char copy[INET6_ADDRSTRLEN];
  if (text.empty() || text.size() >= sizeof copy) return false;
  std::memcpy(copy, text.data(), text.size());
  copy[text.size()] = '\0';
  *address = Address{};
  if (inet_pton(AF_INET, copy, &address->v4.sin_addr) == 1) {
    address->v4.sin_family = AF_INET;
    return true;
  }
  if (inet_pton(AF_INET6, copy, &address->v6.sin6_addr) != 1) return false;
  address->v6.sin6_family = AF_INET6;
  address->v6.sin6_scope_id = scope;
  return true;
}

void set_port(Address* address, uint16_t port) {
  if (address->any.sa_family == AF_INET6) {
    address->v6.sin6_port = htons(port);
  } else {
    address->v4.sin_port = htons(port);
  }
}

int parse_resolve_rule(const char* text, ResolveRule* rule, core::Why* why) {
  if (text == nullptr) return refuse(why, "resolve", "", "missing");
  std::string_view rest = text;
  std::string_view port;
  if (!rest.empty() && rest.front() == '+') rest.remove_prefix(1);
  if (!take_part(&rest, &rule->host) || !take_part(&rest, &port) || rule->host.empty()) {
    return refuse(why, "resolve", text, "not of the form HOST:PORT:ADDRESS[,ADDRESS]...");
  }
  if (!read_port(port, &rule->port)) return refuse(why, "resolve", text, "bad port");
  rule->addresses.count = 0;
  for (;;) {
    const char* const end = rest.data() + rest.size();
    const char* const comma = std::find(rest.data(), end, ',');
    const std::string_view one = unbracketed({rest.data(), static_cast<size_t>(comma - rest.data())});
    if (rule->addresses.count == kAddressesMax)
      return refuse(why, "resolve", text, "more than 16 addresses");
    Address& address = rule->addresses.at[rule->addresses.count];
    if (!read_address(one, 0, &address)) return refuse(why, "resolve", text, "bad address");
    set_port(&address, rule->port);
    ++rule->addresses.count;
    if (comma == end) return 0;
    rest = {comma + 1, static_cast<size_t>(end - comma - 1)};
  }
}

int parse_connect_rule(const char* text, ConnectRule* rule, core::Why* why) {
  if (text == nullptr) return refuse(why, "connect_to", "", "missing");
  std::string_view rest = text;
  std::string_view port;
  if (!take_part(&rest, &rule->host) || !take_part(&rest, &port) || !take_part(&rest, &rule->to_host)) {
    return refuse(why, "connect_to", text, "not of the form HOST1:PORT1:HOST2:PORT2");
  }
  if (!port.empty() && !read_port(port, &rule->port))
    return refuse(why, "connect_to", text, "bad PORT1");
  if (!rest.empty() && !read_port(rest, &rule->to_port)) {
    return refuse(why, "connect_to", text, "bad PORT2");
  }
  return 0;
}

}  // namespace pester::uv
