// SPDX-License-Identifier: MIT
#include "wire/request_check.h"

#include <array>
#include <cstring>

#include "core/text.h"
#include "wire/basic_credentials.h"
#include "wire/known_header.h"
#include "wire/response_head.h"

namespace pester::wire {

namespace {

using core::Why;

// What a byte may be part of.
enum : uint8_t {
  kToken = 1,  // RFC 9110 §5.6.2
  kValue = 2,  // §5.5: visible ASCII, space, tab, and the bytes beyond ASCII
  kHost = 4    // in a Host header: no list, no path, no user
};

constexpr std::array<uint8_t, 256> make_classes() {
  std::array<uint8_t, 256> classes{};
  const auto mark = [&classes](std::string_view bytes, int bits) {
    for (const char c : bytes) {
      auto& of_byte = classes[static_cast<uint8_t>(c)];
      of_byte = static_cast<uint8_t>(of_byte | bits);
    }
  };
  mark("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", kToken | kHost);
  mark("!#$%&'*+-.^_`|~", kToken);
  mark("-._~%!$&'()*+;=:[]", kHost);
  mark("\t", kValue);
  for (unsigned c = 0x20; c < 0x100; ++c) {
    if (c != 0x7f) classes[c] |= kValue;
  }
  return classes;
}

constexpr std::array<uint8_t, 256> kClasses = make_classes();

constexpr bool is(char c, int bits) {
  return (kClasses[static_cast<uint8_t>(c)] & bits) != 0;
}

size_t run_of(std::string_view text, int bits) {
  size_t at = 0;
  while (at < text.size() && is(text[at], bits)) ++at;
  return at;
}

// Whether all bytes are surely those of a header's value: a quick look at eight at once, which may be in
// doubt. A byte below 0x20 turns negative in it, 0x7f does too; a carry from a neighbour only adds
// doubt.
inline bool surely_value(std::string_view text) {
  constexpr uint64_t kOnes = 0x0101010101010101;
  if (text.size() < 8) return false;
  const char* const last = text.data() + text.size() - 8;
  uint64_t doubt = 0;
  for (const char* p = text.data();; p += 8) {
    if (p > last) p = last;  // overlapping
    uint64_t word;
    std::memcpy(&word, p, 8);
    doubt |= ((word - 0x20 * kOnes) | (word + kOnes)) & ~word;
    if (p == last) return (doubt & (0x80 * kOnes)) == 0;
  }
}

void add_byte(Why* why, char c) {
  const auto byte = static_cast<unsigned char>(c);
  if (byte == '\r') {
    why->add("a carriage return");
  } else if (byte == '\n') {
    why->add("a line feed");
  } else if (byte < 0x20 || byte == 0x7f) {
    why->add("the control byte ").add({&c, 1});
  } else {
    why->add("'").add({&c, 1}).add("'");
  }
  why->add(" is not allowed");
}

// "header X-Name, value at byte 3: ": names are cut short, so that the reason stays readable.
[[gnu::cold, gnu::noinline]] Why& begin_why(Why* why, std::string_view name, std::string_view part,
                                            size_t at) {
  why->clear();
  why->add("header ").add({name.data(), name.size() < 40 ? name.size() : 40});
  return why->add(", ").add(part).add(" at byte ").add(static_cast<int64_t>(at)).add(": ");
}

[[gnu::cold, gnu::noinline]] int refuse(Why* why, std::string_view name, std::string_view reason) {
  begin_why(why, name, "value", 0).add(reason);
  return PESTER_EHEADER;
}

int check_value(std::string_view name, std::string_view value, int bits, Why* why) {
  const size_t good = run_of(value, bits);
  if (good == value.size()) return 0;
  begin_why(why, name, "value", good);
  add_byte(why, value[good]);
  return PESTER_EHEADER;
}

int check_method(std::string_view method, bool may_connect, Why* why) {
  const size_t good = run_of(method, kToken);
  const bool connects = core::is_literal(method, "CONNECT");
  if (good != 0 && good == method.size() && (may_connect || !connects)) return 0;
  why->clear();
  why->add("method at byte ").add(static_cast<int64_t>(good == method.size() ? 0 : good)).add(": ");
  if (method.empty()) {
    why->add("empty");
  } else if (good == method.size()) {
    why->add("CONNECT, without where to");
  } else {
    add_byte(why, method[good]);
  }
  return PESTER_EMETHOD;
}

// `index` is the header's place in the list: a bad name may be unfit to be shown.
int check_name(const HeaderIn& header, size_t index, Why* why) {
  const std::string_view name(header.name == nullptr ? "" : header.name);
  const size_t good = run_of(name, kToken);
  if (good != 0 && good == name.size()) return 0;
  why->clear();
  why->add("header number ").add(static_cast<int64_t>(index + 1)).add(", name at byte ");
  why->add(static_cast<int64_t>(good)).add(": ");
  if (name.empty()) {
    why->add("empty");
  } else {
    add_byte(why, name[good]);
  }
  return PESTER_EHEADER;
}

std::string_view trimmed(std::string_view value) {
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!value.empty() && blank(value.front())) value.remove_prefix(1);
  while (!value.empty() && blank(value.back())) value.remove_suffix(1);
  return value;
}

bool says_number(std::string_view value, uint64_t expected) {
  uint64_t number = 0;
  for (const char c : value) {
    if (c < '0' || c > '9' || number > (UINT64_MAX - 9) / 10) return false;
    number = number * 10 + static_cast<uint64_t>(c - '0');
  }
  return !value.empty() && number == expected;
}

// Checks one header after the other; remembers what may come only once.
class HeaderCheck {
 public:
  HeaderCheck(const RequestHead& head, RequestHeadInfo* info, Why* why)
      : head_(head), info_(info), why_(why) {}

  int check(const HeaderIn& header) {
    if (const int error = check_name(header, index_++, why_); error != 0) return error;
    const std::string_view name(header.name);
    const Known known = known_header(name);
    if (header.value == nullptr) return check_removal(name, known);
    const std::string_view value(header.value);
    if (!surely_value(value)) {
      if (const int error = check_value(name, value, kValue, why_); error != 0) return error;
    }
    switch (known) {
      case Known::refused:
        return refuse(why_, name, "not a header that a request may set");
      case Known::host:
        if (host_++ != 0) return refuse(why_, name, "a second one");
        return check_value(name, value, kHost, why_);
      case Known::content_length:
        if (length_++ != 0) return refuse(why_, name, "a second one");
        if (!says_number(trimmed(value), head_.content_length())) {
          return refuse(why_, name, "not the length of the body");
        }
        return 0;
      case Known::connection:
        return check_connection(name, trimmed(value));
      case Known::idempotency_key:
        info_->idempotency_key = true;
        return 0;
      case Known::authorization:
      case Known::user_agent:
      case Known::accept:
      case Known::other:
        return 0;
    }
    return 0;
  }

 private:
  int check_removal(std::string_view name, Known known) {
    if (known == Known::host) return refuse(why_, name, "HTTP/1.1 cannot do without");
    if (known == Known::content_length && head_.has_body) {
      return refuse(why_, name, "a body cannot do without");
    }
    return 0;
  }

  int check_connection(std::string_view name, std::string_view value) {
    if (connection_++ != 0) return refuse(why_, name, "a second one");
    const bool close = value.size() == 5 && matches(value, "close");
    if (!close && !(value.size() == 10 && matches(value, "keep-alive"))) {
      return refuse(why_, name, "neither \"close\" nor \"keep-alive\"");
    }
    info_->close = close;
    return 0;
  }

  const RequestHead& head_;
  RequestHeadInfo* info_;
  Why* why_;
  size_t index_ = 0;
  int host_ = 0;
  int length_ = 0;
  int connection_ = 0;
};

}  // namespace

int check_request_head(const RequestHead& head, RequestHeadInfo* info, Why* why) {
  *info = {};
  if (const int error = check_method(head.method, head.may_connect, why); error != 0) return error;
  if (!surely_value(head.user_agent)) {
    if (const int error = check_value("User-Agent", head.user_agent, kValue, why); error != 0)
      return error;
  }
  if (!head.url->userinfo.empty()) {
    if (!check_basic_credentials(head.url->userinfo, why)) return PESTER_EHEADER;
  }
  if (head.headers.size() > kRequestHeadersMax) {
    why->clear();
    why->add("header number 257: more than 256 headers");
    return PESTER_EHEADER;
  }
  HeaderCheck check(head, info, why);
  for (const HeaderIn& header : head.headers) {
    if (const int error = check.check(header); error != 0) return error;
  }
  return 0;
}

bool is_field(std::string_view name, std::string_view value) {
  return !name.empty() && run_of(name, kToken) == name.size() && run_of(value, kValue) == value.size();
}

bool may_add_field(std::string_view name) {
  const bool asks_for_part =
      equals_ignoring_case(name, "range") || equals_ignoring_case(name, "if-range");
  return !name.empty() && run_of(name, kToken) == name.size() && known_header(name) == Known::other &&
         !asks_for_part;
}

}  // namespace pester::wire
