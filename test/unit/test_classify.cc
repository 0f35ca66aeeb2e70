// SPDX-License-Identifier: MIT
// Claims about the retry rules: what the default names, what a user's list makes of it, and which
// lists are refused, naming the culprit.
#include "core/classify.h"

#include <cstring>
#include <initializer_list>

#include "support/cmocka.h"

using pester::core::FailureClass;
using pester::core::kFailureClassCount;
using pester::core::parse_retry_on;
using pester::core::RetryRules;
using pester::core::Why;

namespace {

bool same_rules(const RetryRules& a, const RetryRules& b) {
  return memcmp(a.statuses, b.statuses, sizeof a.statuses) == 0 && a.classes == b.classes;
}

RetryRules parsed(std::string_view list, RetryRules rules = RetryRules::pester()) {
  Why why;
  if (parse_retry_on(list, &rules, &why) != 0) {
    fail_msg("\"%.*s\" refused: %s", static_cast<int>(list.size()), list.data(), why.c_str());
  }
  return rules;
}

// Exactly these statuses and classes, and no other.
void has(const RetryRules& rules, int first, int last, std::initializer_list<FailureClass> classes) {
  for (int status = -10; status < 1'100; ++status) {
    assert_int_equal(rules.retries_status(status), status >= first && status <= last);
  }
  for (int i = 0; i < kFailureClassCount; ++i) {
    bool wanted = false;
    for (const FailureClass one : classes) wanted = wanted || static_cast<int>(one) == i;
    assert_int_equal(rules.retries_class(static_cast<FailureClass>(i)), wanted);
  }
}

constexpr std::initializer_list<FailureClass> kPesterClasses = {
    FailureClass::connect, FailureClass::timeout, FailureClass::reset, FailureClass::dns,
    FailureClass::body};

void the_default_is_pesters(void**) {
  has(RetryRules::pester(), 500, 599, kPesterClasses);
  assert_true(
      same_rules(parsed("5xx,connect,timeout,reset,dns,body", RetryRules{}), RetryRules::pester()));
}

void a_list_without_signs_replaces_the_default(void**) {
  has(parsed("503"), 503, 503, {});
  has(parsed("500-504"), 500, 504, {});
  has(parsed("4xx"), 400, 499, {});
  has(parsed("100-599"), 100, 599, {});
  has(parsed("tls,protocol"), 0, -1, {FailureClass::tls, FailureClass::protocol});
  has(parsed("500-509,510,511-520,timeout"), 500, 520, {FailureClass::timeout});
}

void every_class_has_its_own_name(void**) {
  has(parsed("connect"), 0, -1, {FailureClass::connect});
  has(parsed("dns"), 0, -1, {FailureClass::dns});
  has(parsed("timeout"), 0, -1, {FailureClass::timeout});
  has(parsed("reset"), 0, -1, {FailureClass::reset});
  has(parsed("body"), 0, -1, {FailureClass::body});
  has(parsed("tls"), 0, -1, {FailureClass::tls});
  has(parsed("protocol"), 0, -1, {FailureClass::protocol});
}

void signs_add_to_and_take_from_the_default(void**) {
  RetryRules wanted = RetryRules::pester();
  wanted.set_status(429, true);
  assert_true(same_rules(parsed("+429"), wanted));
  wanted.set_class(FailureClass::body, false);
  assert_true(same_rules(parsed("+429,-body"), wanted));
  has(parsed("-501-599"), 500, 500, kPesterClasses);
  has(parsed("-5xx"), 0, -1, kPesterClasses);
  has(parsed("+4xx"), 400, 599, kPesterClasses);
  has(parsed("-5xx,-connect,-timeout,-reset,-dns,-body,+404"), 404, 404, {});
}

void later_items_win(void**) {
  has(parsed("-5xx,+503"), 503, 503, kPesterClasses);
  has(parsed("+503,-5xx"), 0, -1, kPesterClasses);
}

void case_and_spaces_do_not_matter(void**) {
  assert_true(same_rules(parsed(" 5XX ,\tConnect, TIMEOUT,reset ,Dns,bOdY"), RetryRules::pester()));
  assert_true(same_rules(parsed(" +429 , -BODY "), parsed("+429,-body")));
}

void refused(std::string_view list, std::string_view named) {
  RetryRules rules = RetryRules::pester();
  Why why;
  why.add("what was here before");
  if (parse_retry_on(list, &rules, &why) != PESTER_EOPTION) {
    fail_msg("\"%.*s\" was taken", static_cast<int>(list.size()), list.data());
  }
  if (why.view().find(named) == std::string_view::npos || why.view().find("before") != why.view().npos) {
    fail_msg("\"%s\" does not say \"%.*s\"", why.c_str(), static_cast<int>(named.size()), named.data());
  }
  assert_true(same_rules(rules, RetryRules::pester()));
}

void empty_items_are_refused(void**) {
  refused("", "item 1 \"\" is empty");
  refused("  ", "item 1 \"\" is empty");
  refused(",503", "item 1 \"\" is empty");
  refused("503,", "item 2 \"\" is empty");
  refused("503,,504", "item 2 \"\" is empty");
  refused("+503, ", "item 2 \"\" is empty");
  refused("+", "item 1 \"+\" is neither");
  refused("503,504, -", "item 3 \"-\" has a sign");
}

void signed_and_unsigned_items_do_not_mix(void**) {
  refused("503,+429", "item 2 \"+429\" has a sign");
  refused("+429,503", "item 2 \"503\" has no sign");
  refused("-5xx,+503,body", "item 3 \"body\" has no sign");
}

void what_is_no_status_no_range_and_no_class_is_refused(void**) {
  for (const std::string_view item :
       {"0",       "99",      "099",    "600",         "999",       "5030",      "50",   "5",
        "6xx",     "0xx",     "xx",     "5x",          "5xxx",      "xxx",       "500-", "-500x",
        "599-500", "500-600", "99-200", "500-599-600", "500 - 599", "connected", "con",  "final",
        "none",    "any",     "5*",     "\xff",        "503 504",   "50\x01"}) {
    refused(item, "item 1 \"");
    refused(item, "is neither");
  }
  refused("503,cnnect", "item 2 \"cnnect\" is neither");
  refused("+503,+ 504", "item 2 \"+ 504\" is neither");
  refused("++503", "item 1 \"++503\" is neither");
  refused("503;504", "item 1 \"503;504\" is neither");
}

void a_long_item_is_cut_but_the_reason_is_not(void**) {
  char list[1'000];
  memset(list, 'x', sizeof list);
  refused({list, sizeof list}, "xxx...\" is neither a status, a range, a class nor a failure");
  memset(list, '\x01', sizeof list);
  refused({list, sizeof list}, "item 1 \"\\x01\\x01");
}

void what_is_final_can_never_be_retried(void**) {
  RetryRules rules;
  rules.set_class(FailureClass::final, true);
  rules.set_class(FailureClass::none, true);
  assert_false(rules.retries_class(FailureClass::final));
  assert_false(rules.retries_class(FailureClass::none));
}

void statuses_outside_the_range_are_never_retried(void**) {
  const RetryRules rules = parsed("1xx,2xx,3xx,4xx,5xx");
  for (const int status : {INT32_MIN, -1, 0, 99, 600, 611, 999, INT32_MAX}) {
    assert_false(rules.retries_status(status));
  }
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(the_default_is_pesters),
      cmocka_unit_test(a_list_without_signs_replaces_the_default),
      cmocka_unit_test(every_class_has_its_own_name),
      cmocka_unit_test(signs_add_to_and_take_from_the_default),
      cmocka_unit_test(later_items_win),
      cmocka_unit_test(case_and_spaces_do_not_matter),
      cmocka_unit_test(empty_items_are_refused),
      cmocka_unit_test(signed_and_unsigned_items_do_not_mix),
      cmocka_unit_test(what_is_no_status_no_range_and_no_class_is_refused),
      cmocka_unit_test(a_long_item_is_cut_but_the_reason_is_not),
      cmocka_unit_test(what_is_final_can_never_be_retried),
      cmocka_unit_test(statuses_outside_the_range_are_never_retried),
  };
  const int failures = cmocka_run_group_tests_name("classify", tests, nullptr, nullptr);
  return failures != 0;
}
