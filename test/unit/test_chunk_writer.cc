// SPDX-License-Identifier: MIT
// Claims about the frame of a chunk, and about fields behind a body.
#include "wire/chunk_writer.h"

#include <cstring>
#include <string>

#include "pester/errors.h"

#include "support/cmocka.h"

using namespace pester::wire;
using pester::core::Why;

namespace {

constexpr size_t kMost = 70'000;
char room[kChunkHeadBytes + kMost + kChunkTailBytes];

std::string framed(size_t count) {
  std::memset(room, '#', sizeof room);
  std::memset(room + kChunkHeadBytes, 'x', count);
  return std::string(frame_chunk(room, count));
}

// Against a writer that takes its time.
void a_chunk_is_size_bytes_and_line_end(void**) {
  constexpr size_t kCounts[] = {1, 9, 10, 15, 16, 255, 256, 4095, 4096, 65'535, 65'536, 70'000};
  for (const size_t count : kCounts) {
    char size[16];
    std::snprintf(size, sizeof size, "%zx\r\n", count);
    assert_true(framed(count) == size + std::string(count, 'x') + "\r\n");
  }
}

void its_bytes_stay_where_they_are(void**) {
  std::memset(room, '#', sizeof room);
  const std::string_view chunk = frame_chunk(room, 300);
  assert_ptr_equal(chunk.data() + chunk.find('\n') + 1, room + kChunkHeadBytes);
  assert_int_equal(*(chunk.data() - 1), '#');  // and nothing in front is touched
}

void the_longest_size_has_room(void**) {
  // The digits alone: the bytes of four gigabytes are not to be had.
  static_assert(kChunkHeadBytes == sizeof "ffffffff\r\n" - 1);
  assert_true(framed(kMost).starts_with("11170\r\n"));
}

int check(const char* name, const char* value, std::string* text) {
  Why why;
  const int rc = check_request_trailer(name, value, &why);
  *text = why.c_str();
  return rc;
}

void a_field_that_says_something_of_the_body_may_follow_it(void**) {
  std::string text;
  for (const char* name : {"X-Checksum", "Server-Timing", "Digest", "ETag", "Signature"}) {
    assert_int_equal(check(name, "value", &text), 0);
    assert_string_equal(text.c_str(), "");
  }
}

// RFC 9110 §6.5.1.
void a_field_that_frames_routes_or_authenticates_may_not(void**) {
  std::string text;
  for (const char* name :
       {"Content-Length", "transfer-encoding", "Host", "Trailer", "TE", "Connection", "Authorization",
        "Cookie", "Content-Type", "Content-Encoding", "Expect", "Cache-Control", "Range", "Upgrade"}) {
    assert_int_equal(check(name, "value", &text), PESTER_EHEADER);
    const std::string expected =
        "trailer " + std::string(name) + ": not a field that may stand behind a body";
    assert_string_equal(text.c_str(), expected.c_str());
  }
}

void a_field_that_would_break_its_line_may_not(void**) {
  std::string text;
  const char* const bad[][2] = {{"", "v"},       {"a b", "v"},   {"a:", "v"},    {"a\r\nb", "v"},
                                {"a", "v\r\nb"}, {"a", "v\x01"}, {nullptr, "v"}, {"a", nullptr}};
  for (const auto& field : bad) {
    assert_int_equal(check(field[0], field[1], &text), PESTER_EHEADER);
    assert_non_null(std::strstr(text.c_str(), "not a field that can be sent"));
  }
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(a_chunk_is_size_bytes_and_line_end),
      cmocka_unit_test(its_bytes_stay_where_they_are),
      cmocka_unit_test(the_longest_size_has_room),
      cmocka_unit_test(a_field_that_says_something_of_the_body_may_follow_it),
      cmocka_unit_test(a_field_that_frames_routes_or_authenticates_may_not),
      cmocka_unit_test(a_field_that_would_break_its_line_may_not),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
