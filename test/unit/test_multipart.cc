// SPDX-License-Identifier: MIT
// Claims about the bytes between the parts of a form, held against what Firefox and Chromium send for
// the same names (WHATWG HTML, "multipart/form-data encoding algorithm").
#include "wire/multipart.h"

#include <cstring>
#include <string>

#include "support/cmocka.h"

using namespace pester::wire;

namespace {

BlockPool* pool;

std::string head_of(std::string_view name, const char* filename, const char* type) {
  Bytes out;
  if (!add_part_head(*pool, "B", name, filename, type, &out)) return "no memory";
  const std::string text(out.view());
  out.release(*pool);
  return text;
}

std::string named(std::string_view name) {
  const std::string head = head_of(name, nullptr, nullptr);
  constexpr std::string_view kBefore = "--B\r\nContent-Disposition: form-data; name=\"";
  constexpr std::string_view kBehind = "\"\r\n\r\n";
  if (!head.starts_with(kBefore) || !head.ends_with(kBehind)) return head;
  return head.substr(kBefore.size(), head.size() - kBefore.size() - kBehind.size());
}

void a_part_has_a_name_a_file_name_and_a_type(void**) {
  assert_string_equal(head_of("a", nullptr, nullptr).c_str(),
                      "--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n");
  assert_string_equal(head_of("a", "f.txt", "text/plain").c_str(),
                      "--B\r\nContent-Disposition: form-data; name=\"a\"; filename=\"f.txt\"\r\n"
                      "Content-Type: text/plain\r\n\r\n");
  assert_string_equal(head_of("a", "", nullptr).c_str(),
                      "--B\r\nContent-Disposition: form-data; name=\"a\"; filename=\"\"\r\n\r\n");
}

void quotes_and_line_ends_of_a_name_are_escaped(void**) {
  assert_string_equal(named("say \"hi\"").c_str(), "say %22hi%22");
  assert_string_equal(named("a\r\nb").c_str(), "a%0D%0Ab");
  assert_string_equal(named("a\nb").c_str(), "a%0D%0Ab");
  assert_string_equal(named("a\rb").c_str(), "a%0D%0Ab");
  assert_string_equal(named("\n\r").c_str(), "%0D%0A%0D%0A");
  assert_string_equal(named("").c_str(), "");
}

// A browser does not escape the escape either: the server that decodes gets what it deserves.
void nothing_else_of_a_name_is(void**) {
  assert_string_equal(named("a%22\\;\t/\xc3\xa9").c_str(), "a%22\\;\t/\xc3\xa9");
}

void line_ends_of_a_file_name_stay_what_they_are(void**) {
  assert_non_null(
      std::strstr(head_of("a", "x\ny\"z\r", nullptr).c_str(), "; filename=\"x%0Ay%22z%0D\"\r\n"));
}

// Whatever the name: one line for it, so that nobody adds a header or a part.
void no_name_adds_a_line(void**) {
  const std::string nasty = "\"\r\n\r\n--B\r\nContent-Disposition: form-data; name=\"x\"\r\n";
  const std::string head = head_of(nasty, nasty.c_str(), nullptr);
  size_t lines = 0;
  for (size_t at = 0; (at = head.find('\n', at)) != std::string::npos; ++at) ++lines;
  assert_int_equal(lines, 3);
}

void a_form_ends_with_two_dashes(void**) {
  Bytes out;
  assert_true(add_form_end(*pool, "B", &out));
  assert_true(out.view() == "--B--\r\n");
  out.release(*pool);
}

// RFC 2046 §5.1.1: at most 70 characters of a few kinds.
void a_boundary_is_dashes_and_digits(void**) {
  char boundary[kBoundaryBytes];
  write_boundary(0x0123456789abcdef, 0xfedcba9876543210, boundary);
  assert_true(std::string_view(boundary, sizeof boundary) == "--------0123456789abcdeffedcba9876543210");
  static_assert(kBoundaryBytes <= 70);
}

int begin(void**) {
  pool = new BlockPool(Allocator::system());
  return 0;
}
int end(void**) {
  pool->trim();
  delete pool;
  return 0;
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(a_part_has_a_name_a_file_name_and_a_type),
      cmocka_unit_test(quotes_and_line_ends_of_a_name_are_escaped),
      cmocka_unit_test(nothing_else_of_a_name_is),
      cmocka_unit_test(line_ends_of_a_file_name_stay_what_they_are),
      cmocka_unit_test(no_name_adds_a_line),
      cmocka_unit_test(a_form_ends_with_two_dashes),
      cmocka_unit_test(a_boundary_is_dashes_and_digits),
  };
  return cmocka_run_group_tests(tests, begin, end) != 0;
}
