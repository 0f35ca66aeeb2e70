// SPDX-License-Identifier: MIT
#include "wire/request_writer.h"

#include <algorithm>
#include <cstring>

#include "core/text.h"
#include "wire/basic_credentials.h"
#include "wire/known_header.h"
#include "wire/request_check.h"

namespace pester::wire {

namespace {

// A default header: written as it is, taken away, or replaced by the user's first of that name.
struct Slot {
  static constexpr int kDefault = -1;
  static constexpr int kNone = -2;
  int use = kDefault;  // or the index of a user's header

  void see(int index, bool removal) {
    if (use == kDefault) use = removal ? kNone : index;
  }
};

struct Plan {
  Slot host, authorization, user_agent, accept, content_length;
};

// Which defaults a request has by itself.
bool has_authorization(const RequestHead& head) {
  return !head.url->userinfo.empty();
}
bool has_user_agent(const RequestHead& head) {
  return !head.user_agent.empty();
}
bool has_content_length(const RequestHead& head) {
  using core::is_literal;
  return head.has_body || is_literal(head.method, "POST") || is_literal(head.method, "PUT") ||
         is_literal(head.method, "PATCH");
}

Plan plan_of(const RequestHead& head) {
  Plan plan;
  int index = -1;
  for (const HeaderIn& header : head.headers) {
    ++index;
    const bool removal = header.value == nullptr;
    switch (known_header(header.name)) {
      case Known::host:
        plan.host.see(index, removal);
        break;
      case Known::authorization:
        if (has_authorization(head)) plan.authorization.see(index, removal);
        break;
      case Known::user_agent:
        if (has_user_agent(head)) plan.user_agent.see(index, removal);
        break;
      case Known::accept:
        plan.accept.see(index, removal);
        break;
      case Known::content_length:
        plan.content_length.use = Slot::kNone;  // the user's stands where the user put it
        break;
      case Known::other:
      case Known::connection:
      case Known::idempotency_key:
      case Known::refused:
        break;
    }
  }
  return plan;
}

// One description of the head serves both passes, so that they cannot disagree.

struct Counter {
  size_t bytes = 0;

  void put(std::string_view text) { bytes += text.size(); }
  void put_credentials(std::string_view userinfo) { bytes += basic_credentials_bytes(userinfo); }
};

struct Writer {
  char* out;

  void put(std::string_view text) {
    std::memcpy(out, text.data(), text.size());
    out += text.size();
  }
  void put_credentials(std::string_view userinfo) { out = write_basic_credentials(userinfo, out); }
};

template <class Sink>
void emit_header(Sink& sink, const HeaderIn& header) {
  sink.put(header.name);
  const std::string_view value(header.value);
  sink.put(value.empty() ? ":" : ": ");
  if (!value.empty()) sink.put(value);
  sink.put("\r\n");
}

template <class Sink>
void emit_framing(Sink& sink, uint64_t bytes) {
  if (bytes == kChunkedBody) {
    sink.put("Transfer-Encoding: chunked\r\n");
    return;
  }
  char digits[20];
  size_t at = sizeof digits;
  do {
    digits[--at] = static_cast<char>('0' + bytes % 10);
    bytes /= 10;
  } while (bytes != 0);
  sink.put("Content-Length: ");
  sink.put({digits + at, sizeof digits - at});
  sink.put("\r\n");
}

// The user's headers that do not stand in a default's place.
template <class Sink>
void emit_rest(Sink& sink, const RequestHead& head, const Plan& plan) {
  int index = -1;
  for (const HeaderIn& header : head.headers) {
    ++index;
    const bool placed = index == plan.host.use || index == plan.authorization.use ||
                        index == plan.user_agent.use || index == plan.accept.use;
    if (header.value != nullptr && !placed) emit_header(sink, header);
  }
}

template <class Sink>
[[gnu::always_inline]] inline void emit_by(Sink& sink, const RequestHead& head, const Plan& plan) {
  const auto slot = [&sink, &head](Slot which, auto write_default) {
    if (which.use >= 0) {
      emit_header(sink, head.headers[static_cast<size_t>(which.use)]);
    } else if (which.use == Slot::kDefault) {
      write_default();
    }
  };
  sink.put(head.method);
  sink.put(" ");
  sink.put(head.url->target);
  sink.put(" HTTP/1.1\r\n");
  slot(plan.host, [&sink, &head] {
    sink.put("Host: ");
    sink.put(head.url->authority);
    sink.put("\r\n");
  });
  slot(plan.authorization, [&sink, &head] {
    if (!has_authorization(head)) return;
    sink.put("Authorization: Basic ");
    sink.put_credentials(head.url->userinfo);
    sink.put("\r\n");
  });
  slot(plan.user_agent, [&sink, &head] {
    if (!has_user_agent(head)) return;
    sink.put("User-Agent: ");
    sink.put(head.user_agent);
    sink.put("\r\n");
  });
  slot(plan.accept, [&sink] { sink.put("Accept: */*\r\n"); });
  emit_rest(sink, head, plan);
  if (plan.content_length.use == Slot::kDefault && has_content_length(head)) {
    emit_framing(sink, head.content_length());
  }
  sink.put("\r\n");
}

// Most requests bring no headers: then the plan is a constant, and so is much of the head.
template <class Sink>
void emit(Sink& sink, const RequestHead& head) {
  if (head.headers.empty()) {
    emit_by(sink, head, Plan{});
  } else {
    emit_by(sink, head, plan_of(head));
  }
}

constexpr bool stays_in_form(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '*' ||
         c == '-' || c == '.' || c == '_';
}

}  // namespace

MethodTraits method_traits(std::string_view method) {
  using core::is_literal;
  MethodTraits traits;
  traits.head = is_literal(method, "HEAD");
  traits.connect = is_literal(method, "CONNECT");
  traits.safe = traits.head || is_literal(method, "GET") || is_literal(method, "OPTIONS") ||
                is_literal(method, "TRACE");
  traits.idempotent = traits.safe || is_literal(method, "PUT") || is_literal(method, "DELETE");
  return traits;
}

int measure_request_head(const RequestHead& head, RequestHeadInfo* info, core::Why* why) {
  if (const int error = check_request_head(head, info, why); error != 0) return error;
  Counter counter;
  emit(counter, head);
  info->bytes = counter.bytes;
  if (counter.bytes <= kRequestHeadBytesMax) return 0;
  why->clear();
  why->add("headers: longer than 1048576 bytes together");
  return PESTER_EHEADER;
}

void write_request_head(const RequestHead& head, char* out) {
  Writer writer{out};
  emit(writer, head);
}

size_t form_urlencode(std::string_view text, char* out) {
  constexpr char kHexDigits[] = "0123456789ABCDEF";
  size_t bytes = 0;
  for (const char c : text) {
    const bool plain = c == ' ' || stays_in_form(c);
    if (out != nullptr && plain) out[bytes] = c == ' ' ? '+' : c;
    if (out != nullptr && !plain) {
      const auto byte = static_cast<unsigned char>(c);
      out[bytes] = '%';
      out[bytes + 1] = kHexDigits[byte >> 4];
      out[bytes + 2] = kHexDigits[byte & 15];
    }
    bytes += plain ? 1 : 3;
  }
  return bytes;
}

bool head_has_field(std::string_view head, std::string_view name) {
  return find_head_field(head, name).data() != nullptr;
}

std::string_view find_head_field(std::string_view head, std::string_view name) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  for (size_t at = head.find('\n'); at != std::string_view::npos; at = head.find('\n', at + 1)) {
    const std::string_view line = core::part(head, at + 1);
    if (line.size() <= name.size() || line[name.size()] != ':') continue;
    size_t same = 0;
    while (same < name.size() && lower(line[same]) == lower(name[same])) ++same;
    if (same != name.size()) continue;
    const size_t blank = line.size() > same + 1 && line[same + 1] == ' ' ? 1 : 0;
    const std::string_view rest(line.data() + same + 1 + blank, line.size() - same - 1 - blank);
    return {rest.data(), std::min(rest.find('\r'), rest.size())};
  }
  return {};
}

}  // namespace pester::wire
