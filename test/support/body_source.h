// SPDX-License-Identifier: MIT
// A source of a request's body with a temper: it gives a text in pieces, has nothing at times, fails, is
// too short or too long, as a test says; and counts what it was asked. Refuses to know who asks.
#ifndef PESTER_TEST_SUPPORT_BODY_SOURCE_H_
#define PESTER_TEST_SUPPORT_BODY_SOURCE_H_

#include <pester.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <string>

namespace pester::test {

struct BodySource {
  std::string text;
  size_t piece = SIZE_MAX;  // at most so much at a time
  int64_t at_end = 0;       // what it answers then
  int rewind_error = 0;
  size_t at = 0;
  int reads = 0, rewinds = 0, ended = 0;
  size_t capacity_least = SIZE_MAX, capacity_most = 0;
  pester_request_id_t id = 0;
  // Called before each read; what is not 0 is the read's answer.
  std::function<int64_t()> before;
  pester_body_source_t source;

  BodySource() { pester_body_source_init(&source); }
  // Not of a known length, and not to be rewound, unless that is said.
  const pester_body_source_t* give(std::string body) {
    text = std::move(body);
    source.read = read;
    source.done = done;
    source.data = this;
    return &source;
  }
  void rewindable() { source.rewind = rewind; }
  void has_length() { source.length = static_cast<int64_t>(text.size()); }

  static int64_t read(pester_request_id_t id, char* buffer, size_t capacity, void* data) {
    auto& self = *static_cast<BodySource*>(data);
    ++self.reads;
    self.id = id;
    self.capacity_least = std::min(self.capacity_least, capacity);
    self.capacity_most = std::max(self.capacity_most, capacity);
    if (self.before) {
      if (const int64_t answer = self.before(); answer != 0) return answer;
    }
    const size_t count = std::min({capacity, self.piece, self.text.size() - self.at});
    if (count == 0) return self.at_end;
    std::memcpy(buffer, self.text.data() + self.at, count);
    self.at += count;
    return static_cast<int64_t>(count);
  }
  static int rewind(void* data) {
    auto& self = *static_cast<BodySource*>(data);
    ++self.rewinds;
    self.at = 0;
    return self.rewind_error;
  }
  static void done(void* data) { ++static_cast<BodySource*>(data)->ended; }
};

// What a chunked body comes to; its trailer lines behind the text, if `trailers` is given. "broken" when
// the frame is wrong.
inline std::string unchunk(const std::string& wire, std::string* trailers = nullptr) {
  std::string body;
  for (size_t at = 0;;) {
    const size_t line = wire.find("\r\n", at);
    if (line == std::string::npos) return "broken";
    char* end = nullptr;
    const size_t size = std::strtoul(wire.c_str() + at, &end, 16);
    if (end != wire.c_str() + line || line == at) return "broken";
    at = line + 2;
    if (size == 0) {
      if (wire.size() < at + 2 || wire.substr(wire.size() - 2) != "\r\n") return "broken";
      if (trailers != nullptr) *trailers = wire.substr(at, wire.size() - at - 2);
      return body;
    }
    if (wire.size() < at + size + 2 || wire.compare(at + size, 2, "\r\n") != 0) return "broken";
    body.append(wire, at, size);
    at += size + 2;
  }
}

}  // namespace pester::test

#endif
