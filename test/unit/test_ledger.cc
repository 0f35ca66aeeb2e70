// SPDX-License-Identifier: MIT
// Claims about the way to a budget: it is the budget itself, or the functions of whoever shares it,
// which are called once for each question.
#include "core/ledger.h"

#include <initializer_list>

#include "support/cmocka.h"

using pester::core::Budget;
using pester::core::Instant;
using pester::core::Ledger;
using pester::core::LedgerCalls;
using pester::core::Payment;

namespace {

constexpr Instant kStart = {7'123'456'789'012};

// A budget behind functions, which counts how often they are called.
struct Desk {
  Budget budget{{.ratio = 1'000, .floor_per_second = 0}};
  int calls = 0;

  static Budget& ask(void* data) {
    auto& desk = *static_cast<Desk*>(data);
    ++desk.calls;
    return desk.budget;
  }
  static constexpr LedgerCalls kCalls = {
      [](void* data, Instant now) { ask(data).began(now); },
      [](void* data, Instant now) { return ask(data).reserve(now); },
      [](void* data, Payment paid, Instant now) { ask(data).refund(paid, now); },
      [](void* data, Instant now) { return ask(data).balance(now); },
      [](void* data, Instant now) { return ask(data).retry_after(now); },
  };
  Ledger ledger() { return {&kCalls, this}; }
};

void no_budget_is_false(void**) {
  Budget budget{{}};
  assert_false(static_cast<bool>(Ledger()));
  assert_true(static_cast<bool>(Ledger(&budget)));
}

void it_answers_as_its_budget_does(void**) {
  Budget whole{{.ratio = 1'000, .floor_per_second = 0}};
  Desk desk;
  const Ledger ledgers[] = {Ledger(&whole), desk.ledger()};
  for (const Ledger& ledger : ledgers) {
    Budget own{{.ratio = 1'000, .floor_per_second = 0}};
    for (int i = 0; i < 2; ++i) {
      own.began(kStart);
      ledger.began(kStart);
    }
    Payment paid;
    for (int i = 0; i < 3; ++i) {
      const Payment expected = own.reserve(kStart);
      const Payment got = ledger.reserve(kStart);
      assert_int_equal(got.bucket, expected.bucket);
      if (got) paid = got;
    }
    assert_int_equal(ledger.retry_after(kStart).ns, own.retry_after(kStart).ns);
    own.refund(paid, kStart);
    ledger.refund(paid, kStart);
    assert_int_equal(ledger.balance(kStart), own.balance(kStart));
    assert_int_equal(ledger.balance(kStart), 1'000);
  }
  for (const Budget* led : {&whole, &desk.budget}) {
    assert_int_equal(led->counts().begun, 2);
    assert_int_equal(led->counts().reserved, 2);
    assert_int_equal(led->counts().refunded, 1);
    assert_int_equal(led->counts().refused, 1);
  }
}

void each_question_is_one_call(void**) {
  Desk desk;
  const Ledger ledger = desk.ledger();
  ledger.began(kStart);
  assert_int_equal(desk.calls, 1);
  const Payment paid = ledger.reserve(kStart);
  assert_int_equal(desk.calls, 2);
  ledger.refund(paid, kStart);
  assert_int_equal(desk.calls, 3);
  (void)ledger.balance(kStart);
  assert_int_equal(desk.calls, 4);
  (void)ledger.retry_after(kStart);
  assert_int_equal(desk.calls, 5);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(no_budget_is_false),
      cmocka_unit_test(it_answers_as_its_budget_does),
      cmocka_unit_test(each_question_is_one_call),
  };
  return cmocka_run_group_tests_name("ledger", tests, nullptr, nullptr) != 0;
}
