// SPDX-License-Identifier: MIT
#include "wire/socks5_handshake.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>

#include "core/assert.h"
#include "core/text.h"
#include "pester/errors.h"

namespace pester::wire {

namespace {

constexpr unsigned char kVersion = 5, kPasswordVersion = 1;
constexpr unsigned char kNoAuthentication = 0, kPassword = 2, kNothingAcceptable = 0xff;
constexpr unsigned char kConnect = 1;
constexpr unsigned char kIpv4 = 1, kName = 3, kIpv6 = 4;
constexpr size_t kReplyStart = 5;  // up to the first byte of the address, which may be a length

// RFC 1928 §6.
std::string_view reply_text(unsigned char code) {
  constexpr std::string_view kTexts[] = {"",
                                         "general failure",
                                         "not allowed by its rules",
                                         "network unreachable",
                                         "host unreachable",
                                         "connection refused",
                                         "TTL expired",
                                         "command not supported",
                                         "address type not supported"};
  return code < std::size(kTexts) ? kTexts[code] : std::string_view("unknown reply");
}

// What it refuses now it refuses later.
bool is_denied(unsigned char code) {
  constexpr unsigned char kRules = 2, kCommand = 7, kAddressType = 8;
  return code == kRules || code == kCommand || code == kAddressType;
}

}  // namespace

void Socks5Handshake::start(const ProxyTarget& target) {
  target_ = target;
  if (target.kind != HostKind::name) {
    char text[INET6_ADDRSTRLEN];
    const size_t size = core::copy_text(target.host, text, sizeof text - 1);
    text[size] = '\0';
    const bool is_v4 = target.kind == HostKind::ipv4;
    const int ok = inet_pton(is_v4 ? AF_INET : AF_INET6, text, address_);
    PESTER_ASSERT(ok == 1);  // the URL's parser took it for one
    if (ok == 1) address_bytes_ = is_v4 ? 4 : 16;
  }
  put(kVersion);
  put(target.userinfo.empty() ? 1 : 2);
  put(kNoAuthentication);
  if (!target.userinfo.empty()) put(kPassword);
  expect(Phase::method, 2);
}

void Socks5Handshake::use_address(const unsigned char* bytes, size_t count, uint16_t port) {
  PESTER_ASSERT(phase_ == Phase::method && (count == 4 || count == 16));
  std::memcpy(address_, bytes, count);
  address_bytes_ = static_cast<uint8_t>(count);
  target_.port = port;
}

void Socks5Handshake::put(std::string_view bytes) {
  std::memcpy(out_ + out_size_, bytes.data(), bytes.size());
  out_size_ += bytes.size();
}

// The proxy answers only what it has got whole: the output was sent.
void Socks5Handshake::begin_output() {
  out_size_ = 0;
  sent_ = 0;
}

ProxyStep Socks5Handshake::expect(Phase phase, size_t bytes) {
  phase_ = phase;
  wanted_ = bytes;
  if (phase != Phase::address) in_size_ = 0;
  return ProxyStep::more;
}

ProxyStep Socks5Handshake::feed(std::string_view input, size_t* taken) {
  *taken = 0;
  for (;;) {
    // An answer to what was not sent yet is none.
    if (*taken != input.size() && !output().empty()) {
      return fail(PESTER_EPROXY, "bytes before they were asked for");
    }
    const size_t count = std::min(wanted_ - in_size_, input.size() - *taken);
    std::memcpy(in_ + in_size_, input.data() + *taken, count);
    in_size_ += count;
    *taken += count;
    if (in_size_ != wanted_) return ProxyStep::more;
    const ProxyStep step = take_answer();
    if (step != ProxyStep::more) return step;
    if (*taken == input.size()) return ProxyStep::more;
  }
}

ProxyStep Socks5Handshake::end() {
  // Some cut their refusal short.
  if (phase_ == Phase::reply && in_size_ >= 2 && in_[1] != 0) return take_reply();
  return fail(PESTER_EPROXY, phase_ == Phase::method && in_size_ == 0 ? "the end, before it answered"
                                                                      : "the end, within the handshake");
}

ProxyStep Socks5Handshake::take_answer() {
  switch (phase_) {
    case Phase::method:
      return take_method();
    case Phase::verdict:
      return take_verdict();
    case Phase::reply:
      return take_reply();
    case Phase::address:
    case Phase::done:
      break;
  }
  phase_ = Phase::done;
  return ProxyStep::done;
}

ProxyStep Socks5Handshake::take_method() {
  if (in_[0] != kVersion) return fail(PESTER_EPROXY, "it does not speak SOCKS 5");
  const bool offered = !target_.userinfo.empty();
  if (in_[1] == kNothingAcceptable) {
    return fail(PESTER_EPROXYAUTH,
                offered ? "it wants another authentication than a password" : "it asks for credentials");
  }
  if (in_[1] == kNoAuthentication) {
    write_request();
    return expect(Phase::reply, kReplyStart);
  }
  if (in_[1] != kPassword || !offered) {
    return fail(PESTER_EPROXY, "it chose an authentication that was not offered");
  }
  write_password();
  return expect(Phase::verdict, 2);
}

ProxyStep Socks5Handshake::take_verdict() {
  if (in_[0] != kPasswordVersion) return fail(PESTER_EPROXY, "malformed answer to the password");
  if (in_[1] != 0) return fail(PESTER_EPROXYAUTH, "it does not accept the credentials");
  write_request();
  return expect(Phase::reply, kReplyStart);
}

ProxyStep Socks5Handshake::take_reply() {
  if (in_[0] != kVersion) return fail(PESTER_EPROXY, "malformed reply");
  if (in_[1] != 0) {
    error_ = is_denied(in_[1]) ? PESTER_EPROXYDENIED : PESTER_EPROXY;
    why_.clear();
    why_.add("the SOCKS proxy could not connect: ").add(reply_text(in_[1]));
    why_.add(" (").add(int64_t{in_[1]}).add(")");
    return ProxyStep::failed;
  }
  // What it is bound to is of no use here, but it is to be read.
  size_t address = 0;
  if (in_[3] == kIpv4) address = 4;
  if (in_[3] == kIpv6) address = 16;
  if (in_[3] == kName) address = 1 + size_t{in_[4]};
  if (address == 0) return fail(PESTER_EPROXY, "a reply with an unknown type of address");
  return expect(Phase::address, 4 + address + 2);
}

ProxyStep Socks5Handshake::fail(int error, std::string_view reason) {
  error_ = error;
  why_.clear();
  why_.add("the SOCKS proxy: ").add(reason);
  return ProxyStep::failed;
}

void Socks5Handshake::write_password() {
  begin_output();
  put(kPasswordVersion);
  char decoded[kProxyUserinfoBytesMax];
  size_t size = decode_proxy_user(target_.userinfo, decoded);
  put(static_cast<unsigned char>(size));
  put({decoded, size});
  size = decode_proxy_password(target_.userinfo, decoded);
  put(static_cast<unsigned char>(size));
  put({decoded, size});
}

void Socks5Handshake::write_request() {
  begin_output();
  put(kVersion);
  put(kConnect);
  put(0);
  if (address_bytes_ == 0) {
    put(kName);
    put(static_cast<unsigned char>(target_.host.size()));
    put(target_.host);
  } else {
    put(address_bytes_ == 4 ? kIpv4 : kIpv6);
    put({reinterpret_cast<const char*>(address_), address_bytes_});
  }
  put(static_cast<unsigned char>(target_.port >> 8));
  put(static_cast<unsigned char>(target_.port & 0xff));
}

}  // namespace pester::wire
