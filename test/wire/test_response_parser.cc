// SPDX-License-Identifier: MIT
// Claims about the response parser that a list of responses cannot make: memory, views, accessors,
// reuse, and every byte in every place.
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "pester/errors.h"
#include "wire/response_parser.h"

#include "support/cmocka.h"

namespace {

using pester::wire::Allocator;
using pester::wire::BlockPool;
using pester::wire::Item;
using pester::wire::Parsed;
using pester::wire::ParserLimits;
using pester::wire::ResponseHead;
using pester::wire::ResponseParser;

// malloc that counts, and fails from the nth call on.
struct Memory {
  size_t calls = 0;
  size_t fail_at = SIZE_MAX;
  size_t live = 0;
};

void* count_alloc(size_t size, void* data) {
  auto* memory = static_cast<Memory*>(data);
  if (++memory->calls >= memory->fail_at) return nullptr;
  ++memory->live;
  return std::malloc(size);
}
void* count_resize(void* block, size_t size, void* data) {
  auto* memory = static_cast<Memory*>(data);
  if (++memory->calls >= memory->fail_at) return nullptr;
  return std::realloc(block, size);
}
void count_release(void* block, void* data) {
  --static_cast<Memory*>(data)->live;
  std::free(block);
}

Memory memory;
BlockPool pool({count_alloc, count_resize, count_release, &memory});
ResponseHead head;
ResponseParser parser;
ParserLimits limits;

int clean_up(void**) {
  head.release(pool);
  pool.trim();
  const size_t leaked = memory.live;
  memory = {};
  limits = {};
  return leaked != 0;
}

void start(bool no_body = false) {
  parser.start(&head, &pool, &limits, no_body);
}

// Feeds all of it; the last item, the bytes of the body counted.
Item feed_all(std::string_view input, size_t* body_bytes = nullptr) {
  while (true) {
    const Parsed parsed = parser.feed(input);
    input.remove_prefix(parsed.consumed);
    if (body_bytes != nullptr) *body_bytes += parsed.body.size();
    const bool last = parsed.item == Item::need_more || parsed.item == Item::end ||
                      parsed.item == Item::switched || parsed.item == Item::error;
    if (last) return parsed.item;
  }
}

constexpr std::string_view kPlain =
    "HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 5\r\nX-Empty:\r\nX-Two: a\t b \r\n\r\nhello";

void items_come_one_at_a_time_and_count_what_they_use(void**) {
  start();
  assert_false(parser.any_byte());
  std::string_view input = kPlain;
  Parsed parsed = parser.feed(input);
  assert_int_equal(parsed.item, Item::head);
  assert_int_equal(parsed.consumed, kPlain.size() - 5);
  assert_true(parser.head_complete());
  assert_int_equal(parser.body_bytes_left(), 5);
  input.remove_prefix(parsed.consumed);

  parsed = parser.feed(input.substr(0, 3));
  assert_int_equal(parsed.item, Item::body);
  assert_int_equal(parsed.consumed, 3);
  assert_ptr_equal(parsed.body.data(), input.data());
  assert_int_equal(parser.body_bytes_left(), 2);
  assert_int_equal(parser.feed({}).item, Item::need_more);
  input.remove_prefix(3);

  parsed = parser.feed(input);
  assert_int_equal(parsed.item, Item::body);
  assert_int_equal(parsed.body.size(), 2);
  assert_int_equal(parser.message_bytes(), kPlain.size());
  parsed = parser.feed({});
  assert_int_equal(parsed.item, Item::end);
  assert_int_equal(parsed.consumed, 0);
  assert_int_equal(parser.body_bytes_left(), 0);
  assert_int_equal(parser.finish(false), Item::end);
}

void an_empty_feed_changes_nothing(void**) {
  start();
  assert_int_equal(parser.feed({}).item, Item::need_more);
  assert_false(parser.any_byte());
  assert_int_equal(feed_all("HTTP/1.1 100 C\r\n\r\n"), Item::need_more);
  assert_int_equal(parser.feed({}).item, Item::need_more);
  assert_int_equal(head.status, 100);
  assert_int_equal(feed_all("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), Item::need_more);
  assert_int_equal(parser.feed({}).item, Item::need_more);
  assert_int_equal(parser.body_bytes_left(), UINT64_MAX);
  assert_int_equal(feed_all("0\r\n"), Item::need_more);
  assert_int_equal(parser.feed({}).item, Item::need_more);
  assert_int_equal(feed_all("\r\n"), Item::end);
}

void fields_are_found_in_any_case_and_end_in_nul(void**) {
  start();
  assert_int_equal(feed_all(kPlain), Item::end);
  assert_int_equal(head.status, 200);
  assert_int_equal(head.minor_version, 1);
  assert_int_equal(head.field_count, 4);
  assert_string_equal(head.reason().data(), "OK");
  assert_string_equal(head.name(0).data(), "Server");
  assert_string_equal(head.value(0).data(), "x");
  assert_string_equal(head.find("x-two").data(), "a\t b");
  assert_int_equal(head.find("x-two").size(), 4);
  assert_string_equal(head.find("x-empty").data(), "");
  assert_null(head.find("x-three").data());
  assert_null(head.find("serve").data());
}

void the_first_of_equal_names_is_found_and_trailers_are_not(void**) {
  start();
  assert_int_equal(feed_all("HTTP/1.1 200 OK\r\nA: 1\r\na: 2\r\nTransfer-Encoding: chunked\r\n\r\n"
                            "0\r\nT: 3\r\n\r\n"),
                   Item::end);
  assert_string_equal(head.find("a").data(), "1");
  assert_null(head.find("t").data());
  assert_int_equal(head.trailer_count, 1);
  assert_string_equal(head.name(3).data(), "T");
  assert_string_equal(head.value(3).data(), "3");
}

// Which bytes may stand in a name, a value and a reason, from the RFCs in other words.
bool may_stand(unsigned byte, int place) {
  if (place != 0) return byte == '\t' || (byte >= 0x20 && byte != 0x7f);
  if (byte <= 0x20 || byte >= 0x7f) return false;
  return std::strchr("\"(),/:;<=>?@[\\]{}", static_cast<int>(byte)) == nullptr;
}

void every_byte_stands_where_it_may_and_nowhere_else(void**) {
  const char* const kPlaces[] = {"HTTP/1.1 200 OK\r\nX%c: y\r\n\r\n",
                                 "HTTP/1.1 200 OK\r\nX: y%cz\r\n\r\n", "HTTP/1.1 200 O%cK\r\n\r\n",
                                 "HTTP/1.1 200 OK\r\nX: 0123456789abcdef0123456789%c\r\n\r\n"};
  for (int place = 0; place < 4; ++place) {
    for (unsigned byte = 0; byte < 256; ++byte) {
      if (byte == ':' && place == 0) continue;  // ends the name
      char text[128];
      const int size = std::snprintf(text, sizeof text, kPlaces[place], static_cast<int>(byte));
      start();
      const Parsed parsed = parser.feed({text, static_cast<size_t>(size)});
      const bool accepted = parsed.item == Item::head;
      if (accepted != may_stand(byte, place)) std::printf("place %d, byte %#x\n", place, byte);
      assert_int_equal(accepted, may_stand(byte, place));
      if (!accepted) assert_int_equal(parser.error(), PESTER_EPROTOCOL);
    }
  }
}

// Where the byte stands within the wide loads makes no difference.
void a_control_byte_is_found_at_every_offset_of_a_value(void**) {
  for (size_t length = 1; length < 70; ++length) {
    for (size_t at = 0; at < length; ++at) {
      for (const char byte : {'\x00', '\x1f', '\x7f', '\x20', '\t', '\x80'}) {
        char text[160] = "HTTP/1.1 204 OK\r\nX: ";
        const size_t value = std::strlen(text);
        std::memset(text + value, 'v', length);
        text[value + at] = byte;
        std::memcpy(text + value + length, "\r\n\r\n", 4);
        start();
        const Parsed parsed = parser.feed({text, value + length + 4});
        const bool good = byte == ' ' || byte == '\t' || byte == '\x80';
        assert_int_equal(parsed.item, good ? Item::head : Item::error);
      }
    }
  }
}

void a_response_after_the_first_needs_no_allocation(void**) {
  for (int round = 0; round < 100; ++round) {
    start();
    size_t body_bytes = 0;
    assert_int_equal(feed_all(kPlain, &body_bytes), Item::end);
    assert_int_equal(body_bytes, 5);
    if (round == 0) memory.fail_at = memory.calls + 1;
  }
}

void every_failing_allocation_is_an_error_code(void**) {
  char text[8000] = "HTTP/1.1 200 OK\r\n";
  size_t size = std::strlen(text);
  for (int i = 0; i < 150; ++i)
    size += static_cast<size_t>(std::sprintf(text + size, "Field-%d: some value\r\n", i));
  size += static_cast<size_t>(
      std::sprintf(text + size, "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n"));
  for (int i = 0; i < 40; ++i)
    size += static_cast<size_t>(std::sprintf(text + size, "Trailer-%d: v\r\n", i));
  size += static_cast<size_t>(std::sprintf(text + size, "\r\n"));
  size_t failures = 0;
  for (size_t nth = 1;; ++nth) {
    memory.calls = 0;
    memory.fail_at = nth;
    start();
    const Item item = feed_all({text, size});
    memory.fail_at = SIZE_MAX;
    if (item == Item::end) break;
    assert_int_equal(item, Item::error);
    assert_int_equal(parser.error(), -ENOMEM);
    assert_false(parser.why().empty());
    assert_int_equal(parser.feed("more").item, Item::error);
    ++failures;
    head.release(pool);
    pool.trim();
    assert_int_equal(memory.live, 0);
  }
  assert_true(failures >= 6);  // both buffers grow more than once
  assert_int_equal(head.trailer_count, 40);
}

void an_error_lasts_until_start(void**) {
  start();
  assert_int_equal(feed_all("SMTP\r\n"), Item::error);
  assert_false(parser.head_complete());
  assert_int_equal(parser.feed(kPlain).item, Item::error);
  assert_int_equal(parser.finish(true), Item::error);
  assert_int_equal(parser.error(), PESTER_EPROTOCOL);
  start();
  assert_int_equal(parser.error(), 0);
  assert_true(parser.why().empty());
  assert_int_equal(feed_all(kPlain), Item::end);
}

void an_error_in_the_body_keeps_the_head(void**) {
  start();
  assert_int_equal(feed_all("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx"), Item::error);
  assert_true(parser.head_complete());
  assert_false(parser.persistent());
  assert_int_equal(head.status, 200);
  assert_string_equal(head.find("transfer-encoding").data(), "chunked");
}

void informational_heads_are_shown_until_the_next_feed(void**) {
  start();
  const std::string_view input = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 204 N\r\n\r\n";
  Parsed parsed = parser.feed(input);
  assert_int_equal(parsed.item, Item::informational);
  assert_int_equal(head.status, 103);
  assert_string_equal(head.find("link").data(), "</a>");
  assert_false(parser.head_complete());
  parsed = parser.feed(input.substr(parsed.consumed));
  assert_int_equal(parsed.item, Item::head);
  assert_int_equal(head.status, 204);
  assert_int_equal(head.field_count, 0);
  assert_int_equal(parser.message_bytes(), input.size());
}

void start_forgets_upgrades_and_tunnels(void**) {
  start();
  parser.expect_upgrade();
  assert_int_equal(feed_all("HTTP/1.1 101 S\r\n\r\n"), Item::switched);
  start();
  assert_int_equal(feed_all("HTTP/1.1 101 S\r\n\r\n"), Item::error);
  start();
  parser.expect_tunnel();
  assert_int_equal(feed_all("HTTP/1.1 200 OK\r\n\r\n"), Item::switched);
  start();
  assert_int_equal(feed_all("HTTP/1.1 200 OK\r\n\r\n"), Item::need_more);
}

// No limit that a user sets may overflow a counter.
void limits_at_their_largest_do_no_harm(void**) {
  limits = {UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX};
  start();
  assert_int_equal(feed_all(kPlain), Item::end);
  start();
  assert_int_equal(feed_all("HTTP/1.1 200 OK\r\n"), Item::need_more);
  for (int i = 0; i < 65535; ++i) assert_int_equal(feed_all("a:\r\n"), Item::need_more);
  assert_int_equal(head.field_count, 65535);
  assert_int_equal(feed_all("a:\r\n"), Item::error);
  assert_int_equal(parser.error(), PESTER_EHEADSIZE);
}

void limits_of_nothing_refuse_everything(void**) {
  limits = {0, 0, 0, 0, 0};
  start();
  assert_int_equal(feed_all("H"), Item::error);
  assert_int_equal(parser.error(), PESTER_EHEADSIZE);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test_teardown(items_come_one_at_a_time_and_count_what_they_use, clean_up),
      cmocka_unit_test_teardown(an_empty_feed_changes_nothing, clean_up),
      cmocka_unit_test_teardown(fields_are_found_in_any_case_and_end_in_nul, clean_up),
      cmocka_unit_test_teardown(the_first_of_equal_names_is_found_and_trailers_are_not, clean_up),
      cmocka_unit_test_teardown(every_byte_stands_where_it_may_and_nowhere_else, clean_up),
      cmocka_unit_test_teardown(a_control_byte_is_found_at_every_offset_of_a_value, clean_up),
      cmocka_unit_test_teardown(a_response_after_the_first_needs_no_allocation, clean_up),
      cmocka_unit_test_teardown(every_failing_allocation_is_an_error_code, clean_up),
      cmocka_unit_test_teardown(an_error_lasts_until_start, clean_up),
      cmocka_unit_test_teardown(an_error_in_the_body_keeps_the_head, clean_up),
      cmocka_unit_test_teardown(informational_heads_are_shown_until_the_next_feed, clean_up),
      cmocka_unit_test_teardown(start_forgets_upgrades_and_tunnels, clean_up),
      cmocka_unit_test_teardown(limits_at_their_largest_do_no_harm, clean_up),
      cmocka_unit_test_teardown(limits_of_nothing_refuse_everything, clean_up),
  };
  const int failures = cmocka_run_group_tests_name("response_parser", tests, nullptr, nullptr);
  return failures != 0;
}
