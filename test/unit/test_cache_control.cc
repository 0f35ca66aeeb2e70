// SPDX-License-Identifier: MIT
// Claims about Cache-Control and what stands beside it: what is read from which bytes, and that doubt is
// a refusal.
#include "wire/cache_control.h"

#include <string>
#include <utility>
#include <vector>

#include "support/choices.h"
#include "support/cmocka.h"

using namespace pester;
using wire::CacheControl;

namespace {

constexpr int64_t kNow = 784'111'777;  // Sun, 06 Nov 1994 08:49:37 GMT

CacheControl read(std::string_view value) {
  CacheControl control;
  wire::read_cache_control(value, &control);
  return control;
}

// A head of these fields.
struct HeadText {
  wire::BlockPool pool{wire::Allocator::system()};
  wire::ResponseHead head;
  explicit HeadText(const std::vector<std::pair<std::string, std::string>>& fields) {
    for (const auto& [name, value] : fields) {
      wire::Field field{};
      field.name_at = static_cast<uint32_t>(head.text().size());
      field.name_bytes = static_cast<uint32_t>(name.size());
      (void)head.text().append(pool, name.c_str(), name.size() + 1);
      field.value_at = static_cast<uint32_t>(head.text().size());
      field.value_bytes = static_cast<uint32_t>(value.size());
      (void)head.text().append(pool, value.c_str(), value.size() + 1);
      (void)head.fields().append(pool, &field, sizeof field);
      ++head.field_count;
    }
  }
  HeadText(const HeadText&) = delete;
  HeadText& operator=(const HeadText&) = delete;
  ~HeadText() {
    head.release(pool);
    pool.trim();
  }
};

wire::Keeping keeping_of(const std::vector<std::pair<std::string, std::string>>& fields,
                         uint32_t took_s = 0) {
  const HeadText text(fields);
  return wire::read_keeping(text.head, kNow, took_s);
}

void directives_are_found_in_any_case_and_among_others(void**) {
  const CacheControl control =
      read("Public, MAX-AGE=60 ,\tno-STORE,,foo=\"a, private\", stale-if-error=7");
  assert_true(control.no_store);
  assert_false(control.is_private);
  assert_false(control.no_cache);
  assert_false(control.is_malformed);
  assert_int_equal(control.max_age_s, 60);
  assert_int_equal(control.stale_if_error_s, 7);
  assert_true(read("private=\"set-cookie, x\"").is_private);
  assert_true(read("no-cache=\"x\"").no_cache);
  assert_true(read("proxy-revalidate").must_revalidate);
  assert_true(read("s-maxage=5").must_revalidate);
  assert_false(read("no-storer, xno-store, no, store").no_store);
}

void nothing_says_nothing(void**) {
  for (const char* value : {"", " ", ",", " , ,\t", "public"}) {
    const CacheControl control = read(value);
    assert_false(control.no_store || control.no_cache || control.is_private || control.must_revalidate ||
                 control.is_malformed);
    assert_int_equal(control.max_age_s, CacheControl::kNone);
  }
}

void what_is_quoted_hides_its_commas_and_escapes(void**) {
  assert_false(read("a=\"no-store, private\"").no_store);
  assert_false(read(R"(a="x\", no-store, \"")").no_store);
  assert_true(read(R"(a="x\\", no-store)").no_store);
  assert_int_equal(read("max-age=\"10\"").max_age_s, 10);
}

void what_cannot_be_read_is_malformed(void**) {
  for (const char* value : {"\"", "a=\"", "a=\"x", "a=\"x\\", "a=\"x\\\"", "=", "a b", "a=b c",
                            "a=\"b\"c", "@", "a;b", "max-age=1 no-store"}) {
    assert_true(read(value).is_malformed);
  }
  // What stood before is not forgotten.
  assert_true(read("no-store, \"").no_store);
}

void ages_are_bounded_and_the_least_counts(void**) {
  assert_int_equal(read("max-age=99999999999999999999999").max_age_s, CacheControl::kSecondsMax);
  assert_int_equal(read("max-age=2147483649").max_age_s, CacheControl::kSecondsMax);
  assert_int_equal(read("max-age=4294967297").max_age_s, CacheControl::kSecondsMax);
  for (const char* value : {"max-age", "max-age=", "max-age=-1", "max-age=1x", "max-age=\"\""}) {
    assert_int_equal(read(value).max_age_s, 0);
  }
  assert_int_equal(read("max-age=10, max-age=5, max-age=7").max_age_s, 5);
  CacheControl both;
  wire::read_cache_control("max-age=10", &both);
  wire::read_cache_control("max-age=4, private", &both);
  assert_int_equal(both.max_age_s, 4);
  assert_true(both.is_private);
}

void a_plain_answer_may_be_kept_and_shared(void**) {
  for (const auto& fields : std::vector<std::vector<std::pair<std::string, std::string>>>{
           {}, {{"Vary", "accept, x-y"}}, {{"Cache-Control", "max-age=0"}}}) {
    const wire::Keeping keeping = keeping_of(fields);
    assert_true(keeping.may_share && keeping.may_keep);
    assert_int_equal(keeping.age_s, 0);
    assert_int_equal(keeping.most_s, CacheControl::kNone);
  }
}

void what_is_for_one_alone_is_neither(void**) {
  for (const auto& field :
       std::vector<std::pair<std::string, std::string>>{{"Set-Cookie", "a=b"},
                                                        {"vary", "x, *"},
                                                        {"VARY", "*"},
                                                        {"cache-CONTROL", "private"},
                                                        {"Cache-Control", "no-store"},
                                                        {"Cache-Control", "max-age=\"1"}}) {
    const wire::Keeping keeping = keeping_of({{"Cache-Control", "public"}, field});
    assert_false(keeping.may_share || keeping.may_keep);
  }
  for (const char* value : {"no-cache", "must-revalidate", "proxy-revalidate", "s-maxage=9"}) {
    const wire::Keeping keeping = keeping_of({{"Cache-Control", value}});
    assert_true(keeping.may_share);
    assert_false(keeping.may_keep);
  }
}

void the_age_is_the_greater_of_both(void**) {
  assert_int_equal(keeping_of({{"Age", "10"}}).age_s, 10);
  assert_int_equal(keeping_of({{"Age", "10"}}, 3).age_s, 13);
  assert_int_equal(keeping_of({{"Age", "10, 20"}}).age_s, 10);
  assert_int_equal(keeping_of({{"Age", "x"}}).age_s, 0);
  assert_int_equal(keeping_of({{"Age", "99999999999999999999"}}, 9).age_s, CacheControl::kSecondsMax);
  assert_int_equal(keeping_of({{"Date", "Sun, 06 Nov 1994 08:49:00 GMT"}}).age_s, 37);
  assert_int_equal(keeping_of({{"Date", "Sun, 06 Nov 1994 08:49:00 GMT"}, {"Age", "50"}}).age_s, 50);
  assert_int_equal(keeping_of({{"Date", "Sun, 06 Nov 1994 09:49:00 GMT"}}).age_s, 0);  // their clock
  assert_int_equal(keeping_of({{"Date", "Thu, 01 Jan 1970 00:00:00 GMT"}}).age_s, kNow);
}

void the_servers_word_bounds_it(void**) {
  assert_int_equal(keeping_of({{"Cache-Control", "max-age=10, stale-if-error=20"}}).most_s, 30);
  assert_int_equal(keeping_of({{"Cache-Control", "stale-if-error=20"}}).most_s, 20);
  assert_int_equal(keeping_of({{"Cache-Control", "stale-if-error=20"},
                               {"Date", "Sun, 06 Nov 1994 08:49:00 GMT"},
                               {"Expires", "Sun, 06 Nov 1994 08:50:00 GMT"}})
                       .most_s,
                   80);
  assert_int_equal(keeping_of({{"Cache-Control", "stale-if-error=20"},
                               {"Date", "Sun, 06 Nov 1994 08:49:00 GMT"},
                               {"Expires", "0"}})
                       .most_s,
                   20);
  assert_int_equal(
      keeping_of({{"Cache-Control", "max-age=2147483648, stale-if-error=2147483648"}}).most_s,
      CacheControl::kSecondsMax);
}

// Bytes of all kinds: nothing beyond the text is read (AddressSanitizer), and a plain no-store in front
// is never lost by what comes behind it.
void any_bytes_are_read_in_bounds(void**) {
  static constexpr char kBytes[] = "\"\\=,, \t;aA019-max-age=private\x00\xff";
  pester::test::Choices choices{7};
  for (int i = 0; i < 100'000; ++i) {
    const size_t size = choices.below(24);
    std::vector<char> bytes(size);
    for (char& c : bytes) c = kBytes[choices.below(sizeof kBytes - 1)];
    (void)read({bytes.data(), bytes.size()});
    std::string text = "no-store,";
    text.append(bytes.data(), bytes.size());
    assert_true(read(text).no_store);
  }
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(directives_are_found_in_any_case_and_among_others),
      cmocka_unit_test(nothing_says_nothing),
      cmocka_unit_test(what_is_quoted_hides_its_commas_and_escapes),
      cmocka_unit_test(what_cannot_be_read_is_malformed),
      cmocka_unit_test(ages_are_bounded_and_the_least_counts),
      cmocka_unit_test(a_plain_answer_may_be_kept_and_shared),
      cmocka_unit_test(what_is_for_one_alone_is_neither),
      cmocka_unit_test(the_age_is_the_greater_of_both),
      cmocka_unit_test(the_servers_word_bounds_it),
      cmocka_unit_test(any_bytes_are_read_in_bounds),
  };
  return cmocka_run_group_tests_name("cache_control", tests, nullptr, nullptr) != 0;
}
