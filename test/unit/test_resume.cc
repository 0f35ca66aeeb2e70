// SPDX-License-Identifier: MIT
// Claims about going on with a body that broke off: what may, what is asked, what is taken for the rest,
// and the forged, shifted and changed answers that other clients spliced in.
#include "wire/resume.h"

#include <algorithm>
#include <cstring>
#include <initializer_list>
#include <string_view>

#include "pester/errors.h"
#include "wire/response_parser.h"

#include "support/cmocka.h"

using pester::core::Why;
using namespace pester::wire;

namespace {

constexpr uint64_t kUnknown = ContentRange::kUnknown;
constexpr uint64_t kNone = 12'345'678;

BlockPool pool(Allocator::system());
ResponseHead head;
ResponseParser parser;
const ParserLimits limits;
Why why;

int clean_up(void**) {
  head.release(pool);
  pool.trim();
  return 0;
}

// The texts one behind the other, with a NUL; good until the fourth call from here.
std::string_view join(std::initializer_list<std::string_view> texts) {
  static char rooms[4][1'024];
  static size_t calls = 0;
  char* const room = rooms[calls++ % 4];
  size_t size = 0;
  for (const std::string_view text : texts) {
    assert_true(text.size() < sizeof rooms[0] - size);
    size += text.copy(room + size, text.size());
  }
  room[size] = '\0';
  return {room, size};
}

// `lines`: the status line's rest and the fields, each with its CRLF.
const ResponseHead& parse(std::string_view lines) {
  parser.start(&head, &pool, &limits, false);
  const std::string_view text = join({"HTTP/1.1 ", lines, "\r\n"});
  if (parser.feed(text).item != Item::head) fail_msg("no head: %s", text.data());
  return head;
}

void goes_on(std::string_view lines, std::string_view etag, std::string_view coding, uint64_t total) {
  ResumePoint point;
  if (!can_resume(parse(lines), "GET", &point, &why)) fail_msg("refused: %s", why.c_str());
  assert_true(point.etag == etag && point.coding == coding && point.total == total);
}

void does_not(std::string_view lines, const char* reason, std::string_view method = "GET") {
  ResumePoint point;
  assert_false(can_resume(parse(lines), method, &point, &why));
  assert_string_equal(why.c_str(), reason);
  assert_true(point.etag.empty() && point.total == kUnknown);
}

// 600 of 1000 bytes have come.
ResumePoint broken(uint64_t total = 1'000) {
  ResumePoint point;
  point.total = total;
  point.etag = "\"v1\"";
  point.break_off(600);
  return point;
}

void is_rest(const ResumePoint& point, std::string_view lines, uint64_t bytes) {
  uint64_t body_bytes = kNone;
  if (check_resume(parse(lines), point, &body_bytes, &why) != 0) fail_msg("refused: %s", why.c_str());
  assert_true(body_bytes == bytes);
}

void is_not(const ResumePoint& point, std::string_view lines, const char* reason) {
  uint64_t body_bytes = kNone;
  assert_int_equal(check_resume(parse(lines), point, &body_bytes, &why), PESTER_ERESUME);
  assert_string_equal(why.c_str(), reason);
  assert_true(body_bytes == kNone);
}

void asks(const ResumePoint& point, std::string_view fields) {
  char text[1'024];
  memset(text, '#', sizeof text);
  assert_int_equal(resume_fields_bytes(point), fields.size());
  write_resume_fields(point, text);
  assert_memory_equal(text, fields.data(), fields.size());
  assert_true(text[fields.size()] == '#');
}

// ---- what may go on

void a_get_answered_with_a_strong_etag_may_go_on(void**) {
  goes_on("200 OK\r\nETag: \"a\"\r\nContent-Length: 10\r\n", "\"a\"", "", 10);
  goes_on("200\r\netag: \"\"\r\nAccept-Ranges: bytes\r\nContent-Length: 0\r\n", "\"\"", "", 0);
}

void of_an_unknown_length_too(void**) {
  goes_on("200 OK\r\nETag: \"a\"\r\nTransfer-Encoding: chunked\r\n", "\"a\"", "", kUnknown);
  goes_on("200 OK\r\nETag: \"a\"\r\n", "\"a\"", "", kUnknown);
}

void in_a_coding_that_is_kept(void**) {
  goes_on("200 OK\r\nETag: \"a\"\r\nContent-Encoding: gzip\r\n", "\"a\"", "gzip", kUnknown);
  goes_on("200 OK\r\nETag: \"a\"\r\nContent-Encoding: Identity\r\n", "\"a\"", "", kUnknown);
  does_not("200 OK\r\nETag: \"a\"\r\nContent-Encoding: gzip\r\nContent-Encoding: br\r\n",
           "more than one Content-Encoding");
}

void only_a_get_and_only_a_200(void**) {
  for (const char* method : {"HEAD", "POST", "get", ""}) {
    does_not("200 OK\r\nETag: \"a\"\r\n", "only a GET goes on where it broke off", method);
  }
  for (const char* status : {"206", "203", "404", "500"}) {
    does_not(join({status, " x\r\nETag: \"a\"\r\n"}), "only a 200 goes on where it broke off");
  }
}

void without_a_strong_etag_it_does_not(void**) {
  does_not("200 OK\r\n", "no ETag");
  does_not("200 OK\r\nLast-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n", "no ETag");
  does_not("200 OK\r\nETag: \"a\"\r\nETag: \"a\"\r\n", "more than one ETag");
  for (const char* etag : {"W/\"a\"", "w/\"a\"", "a", "", "\"", "\"a", "a\"", "'a'", "\"a\", \"b\"",
                           "\"a b\"", "\"a\tb\"", "\"a\"b\"", "*", "\"a\"x"}) {
    does_not(join({"200 OK\r\nETag: ", etag, "\r\n"}), "no strong ETag");
  }
}

void where_no_ranges_are_served_it_does_not(void**) {
  does_not("200 OK\r\nETag: \"a\"\r\nAccept-Ranges: none\r\n",
           "the server says that it serves no ranges");
  does_not("200 OK\r\nETag: \"a\"\r\nAccept-Ranges: None\r\n",
           "the server says that it serves no ranges");
}

void a_tag_has_a_bound_and_may_hold_any_byte_that_rfc_9110_lets_it(void**) {
  char longest[kResumeEtagMax + 1];
  memset(longest, 'x', sizeof longest);
  longest[0] = longest[kResumeEtagMax - 1] = longest[kResumeEtagMax] = '"';
  assert_true(is_strong_etag({longest, kResumeEtagMax}));
  longest[kResumeEtagMax - 1] = 'x';
  assert_false(is_strong_etag({longest, kResumeEtagMax + 1}));
  for (int byte = 0; byte < 256; ++byte) {
    const char text[] = {'"', static_cast<char>(byte), '"'};
    const bool good = byte == 0x21 || (byte >= 0x23 && byte <= 0x7e) || byte >= 0x80;
    assert_int_equal(is_strong_etag({text, 3}), good);
  }
}

// ---- what is asked

void the_last_64_bytes_are_asked_for_again(void**) {
  ResumePoint point = broken();
  assert_int_equal(point.first(), 536);
  asks(point, "Range: bytes=536-\r\nIf-Range: \"v1\"\r\n");
  point.break_off(10);
  assert_int_equal(point.overlap, 10);
  asks(point, "Range: bytes=0-\r\nIf-Range: \"v1\"\r\n");
  point.break_off(0);
  assert_int_equal(point.overlap, 0);
  point.break_off(UINT64_MAX);
  asks(point, "Range: bytes=18446744073709551551-\r\nIf-Range: \"v1\"\r\n");
}

// ---- what is taken for the rest

void the_rest_is_taken(void**) {
  is_rest(broken(),
          "206 x\r\nContent-Range: bytes 536-999/1000\r\nETag: \"v1\"\r\nContent-Length: 464\r\n", 464);
  is_rest(broken(), "206 x\r\nContent-Range: bytes 536-999/1000\r\n", 464);
  is_rest(broken(),
          "206 x\r\nTransfer-Encoding: chunked\r\nContent-Range: Bytes 536-999/1000\r\nETag: \"v1\"\r\n",
          464);
}

void a_length_that_only_one_of_the_two_knows_will_do(void**) {
  is_rest(broken(), "206 x\r\nContent-Range: bytes 536-999/*\r\nETag: \"v1\"\r\n", 464);
  is_rest(broken(kUnknown), "206 x\r\nContent-Range: bytes 536-1999/2000\r\nETag: \"v1\"\r\n", 1'464);
  is_not(broken(), "206 x\r\nContent-Range: bytes 536-998/*\r\nETag: \"v1\"\r\n",
         "the rest ends at byte 998 in place of 999");
}

// undici #5119. Taken as it came, a body cut twice would pass for whole.
void a_length_that_neither_knows_will_not(void**) {
  is_not(broken(kUnknown), "206 x\r\nContent-Range: bytes 536-999/*\r\nETag: \"v1\"\r\n",
         "nobody says how long the whole is");
}

void what_broke_off_behind_its_last_byte_can_be_found_whole(void**) {
  ResumePoint point = broken(kUnknown);
  is_rest(point, "206 x\r\nContent-Range: bytes 536-599/600\r\nETag: \"v1\"\r\n", 64);
  is_not(point, "206 x\r\nContent-Range: bytes 536-598/599\r\nETag: \"v1\"\r\n",
         "the whole is shorter than what came of it");
}

// undici #3356: the beginning came twice.
void a_200_is_not_the_rest(void**) {
  is_not(broken(), "200 OK\r\nETag: \"v1\"\r\nContent-Length: 1000\r\n",
         "200 in place of 206: all of it anew, for it has changed or ranges are not served");
  is_not(broken(), "200 OK\r\nContent-Range: bytes 536-999/1000\r\nETag: \"v1\"\r\n",
         "200 in place of 206: all of it anew, for it has changed or ranges are not served");
}

void other_statuses_are_named(void**) {
  is_not(broken(), "412 x\r\n", "412 in place of 206: it has changed");
  is_not(broken(), "416 x\r\nContent-Range: bytes */500\r\n",
         "416 in place of 206: from byte 536 of 500");
  is_not(broken(), "416 x\r\nContent-Range: bytes 1-2/500\r\n", "416 in place of 206");
  is_not(broken(), "416 x\r\n", "416 in place of 206");
  is_not(broken(), "503 x\r\n", "503 in place of 206");
  is_not(broken(), "302 x\r\nContent-Range: bytes 536-999/1000\r\n", "302 in place of 206");
}

// undici #3826: by one.
void a_range_that_is_shifted_or_cut_is_not_the_rest(void**) {
  is_not(broken(), "206 x\r\nContent-Range: bytes 535-999/1000\r\n",
         "the rest begins at byte 535 in place of 536");
  is_not(broken(), "206 x\r\nContent-Range: bytes 537-999/1000\r\n",
         "the rest begins at byte 537 in place of 536");
  is_not(broken(), "206 x\r\nContent-Range: bytes 600-999/1000\r\n",
         "the rest begins at byte 600 in place of 536");
  is_not(broken(), "206 x\r\nContent-Range: bytes 0-999/1000\r\n",
         "the rest begins at byte 0 in place of 536");
  is_not(broken(), "206 x\r\nContent-Range: bytes 536-998/1000\r\n",
         "the rest ends at byte 998 in place of 999");
}

// undici #4970: a 206 that lies about what it is a part of.
void a_range_of_another_whole_is_not_the_rest(void**) {
  is_not(broken(), "206 x\r\nContent-Range: bytes 536-1000/1001\r\nETag: \"v1\"\r\n",
         "the whole is now 1001 bytes in place of 1000");
  is_not(broken(), "206 x\r\nContent-Range: bytes 536-999/1001\r\nETag: \"v1\"\r\n",
         "the whole is now 1001 bytes in place of 1000");
  is_not(broken(), "206 x\r\nContent-Range: bytes 536-898/899\r\nETag: \"v1\"\r\n",
         "the whole is now 899 bytes in place of 1000");
  is_not(broken(), "206 x\r\nContent-Range: bytes 536-999/1000\r\nETag: \"v2\"\r\n",
         "it has changed: ETag \"v2\" in place of \"v1\"");
  is_not(broken(), "206 x\r\nContent-Range: bytes 536-999/1000\r\nETag: W/\"v1\"\r\n",
         "it has changed: ETag W/\"v1\" in place of \"v1\"");
  is_not(broken(), "206 x\r\nContent-Range: bytes 536-999/1000\r\nETag: \"v1\"\r\nETag: \"v1\"\r\n",
         "206 with more than one ETag");
}

void there_is_one_good_content_range(void**) {
  is_not(broken(), "206 x\r\nETag: \"v1\"\r\n", "206 without Content-Range");
  is_not(broken(), "206 x\r\nContent-Range: bytes 536-999/1000\r\nContent-Range: bytes 536-999/1000\r\n",
         "206 with more than one Content-Range");
  is_not(broken(), "206 x\r\nContent-Range: bytes */1000\r\n", "bad Content-Range: bytes */1000");
  is_not(broken(), "206 x\r\nContent-Range: bytes 536-999/99999999999999999999\r\n",
         "bad Content-Range: bytes 536-999/99999999999999999999");
  is_not(broken(), "206 x\r\nContent-Range: items 536-999/1000\r\n",
         "bad Content-Range: items 536-999/1000");
}

constexpr std::string_view kGood = "206 x\r\nContent-Range: bytes 536-999/1000\r\n";

// undici #5610.
void several_ranges_are_not_the_rest(void**) {
  for (const char* type :
       {"multipart/byteranges; boundary=x", "Multipart/ByteRanges", "multipart/byteranges\t;b=c"}) {
    is_not(broken(), join({kGood, "Content-Type: ", type, "\r\n"}),
           "multipart/byteranges in place of one range");
  }
  is_rest(broken(), join({kGood, "Content-Type: multipart/byteranges2\r\n"}), 464);
}

void a_length_that_is_not_the_ranges_is_a_lie(void**) {
  for (const char* length : {"463", "465", "1000", "0"}) {
    is_not(broken(), join({kGood, "Content-Length: ", length, "\r\n"}),
           join({"Content-Length ", length, " of a range of 464 bytes"}).data());
  }
}

void the_coding_stays_the_same(void**) {
  ResumePoint plain = broken();
  is_rest(plain, join({kGood, "Content-Encoding: identity\r\n"}), 464);
  is_not(plain, join({kGood, "ETag: \"v1\"\r\nContent-Encoding: gzip\r\n"}),
         "Content-Encoding gzip in place of none");
  ResumePoint zipped = broken();
  zipped.coding = "gzip";
  is_rest(zipped, join({kGood, "Content-Encoding: GZip\r\n"}), 464);
  is_not(zipped, join({kGood, "Content-Encoding: br\r\n"}), "Content-Encoding br in place of gzip");
  is_not(zipped, join({kGood, "Content-Encoding: gzip, br\r\n"}),
         "Content-Encoding gzip, br in place of gzip");
  is_not(zipped, join({kGood, "Content-Encoding: gzip\r\nContent-Encoding: br\r\n"}),
         "206 with more than one Content-Encoding");
}

void a_coding_that_is_not_said_again_is_vouched_for_by_the_etag_alone(void**) {
  ResumePoint zipped = broken();
  zipped.coding = "gzip";
  is_rest(zipped, join({kGood, "ETag: \"v1\"\r\n"}), 464);
  is_not(zipped, kGood, "Content-Encoding none in place of gzip");
}

// ---- the overlap

void the_overlap_is_taken_off_however_it_is_cut(void**) {
  constexpr std::string_view kOld = "the end of what came";
  constexpr std::string_view kBody = "the end of what came, and the rest";
  for (size_t cut = 1; cut <= kBody.size(); ++cut) {
    Overlap overlap(kOld);
    char fresh[64];
    size_t fresh_bytes = 0;
    for (size_t at = 0; at < kBody.size(); at += cut) {
      std::string_view span = kBody.substr(at, cut);
      assert_int_equal(overlap.done(), at >= kOld.size());
      assert_true(overlap.take(&span));
      fresh_bytes += span.copy(fresh + fresh_bytes, span.size());
    }
    assert_true(overlap.done());
    assert_true(std::string_view(fresh, fresh_bytes) == ", and the rest");
  }
}

void a_single_byte_that_differs_is_found(void**) {
  char body[kResumeOverlapMax + 8];
  char old[kResumeOverlapMax];
  memset(body, 'x', sizeof body);
  memset(old, 'x', sizeof old);
  for (size_t at = 0; at < sizeof body; ++at) {
    body[at] = 'y';
    for (const size_t cut : {size_t{1}, size_t{7}, sizeof body}) {
      Overlap overlap({old, sizeof old});
      bool same = true;
      for (size_t from = 0; from < sizeof body && same; from += cut) {
        std::string_view span(body + from, std::min(cut, sizeof body - from));
        same = overlap.take(&span);
      }
      assert_int_equal(same, at >= sizeof old);
    }
    body[at] = 'x';
  }
}

void an_empty_overlap_is_done_at_once(void**) {
  Overlap overlap({});
  assert_true(overlap.done());
  std::string_view span = "new";
  assert_true(overlap.take(&span));
  assert_true(span == "new");
  std::string_view empty;
  assert_true(overlap.take(&empty));
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(a_get_answered_with_a_strong_etag_may_go_on),
      cmocka_unit_test(of_an_unknown_length_too),
      cmocka_unit_test(in_a_coding_that_is_kept),
      cmocka_unit_test(only_a_get_and_only_a_200),
      cmocka_unit_test(without_a_strong_etag_it_does_not),
      cmocka_unit_test(where_no_ranges_are_served_it_does_not),
      cmocka_unit_test(a_tag_has_a_bound_and_may_hold_any_byte_that_rfc_9110_lets_it),
      cmocka_unit_test(the_last_64_bytes_are_asked_for_again),
      cmocka_unit_test(the_rest_is_taken),
      cmocka_unit_test(a_length_that_only_one_of_the_two_knows_will_do),
      cmocka_unit_test(a_length_that_neither_knows_will_not),
      cmocka_unit_test(what_broke_off_behind_its_last_byte_can_be_found_whole),
      cmocka_unit_test(a_200_is_not_the_rest),
      cmocka_unit_test(other_statuses_are_named),
      cmocka_unit_test(a_range_that_is_shifted_or_cut_is_not_the_rest),
      cmocka_unit_test(a_range_of_another_whole_is_not_the_rest),
      cmocka_unit_test(there_is_one_good_content_range),
      cmocka_unit_test(several_ranges_are_not_the_rest),
      cmocka_unit_test(a_length_that_is_not_the_ranges_is_a_lie),
      cmocka_unit_test(the_coding_stays_the_same),
      cmocka_unit_test(a_coding_that_is_not_said_again_is_vouched_for_by_the_etag_alone),
      cmocka_unit_test(the_overlap_is_taken_off_however_it_is_cut),
      cmocka_unit_test(a_single_byte_that_differs_is_found),
      cmocka_unit_test(an_empty_overlap_is_done_at_once),
  };
  const int failures = cmocka_run_group_tests_name("resume", tests, nullptr, clean_up);
  return failures != 0;
}
