// SPDX-License-Identifier: MIT
// Claims about the way to a budget: without a guard it is the budget itself; with one, each call is made
// inside it, once, and never leaves it held.
#include "core/ledger.h"

#include <initializer_list>

#include "support/cmocka.h"

using pester::core::Budget;
using pester::core::Instant;
using pester::core::Ledger;
using pester::core::LedgerGuard;
using pester::core::Payment;

namespace {

constexpr Instant kStart = {7'123'456'789'012};

// Counts, and tells whether anything nested.
struct Gate {
  int held = 0, turns = 0;
  bool nested = false;

  LedgerGuard guard() {
    return {[](void* data) {
              auto& gate = *static_cast<Gate*>(data);
              gate.nested = gate.nested || gate.held != 0;
              ++gate.held;
              ++gate.turns;
            },
            [](void* data) { --static_cast<Gate*>(data)->held; }, this};
  }
};

void no_budget_is_false(void**) {
  Budget budget{{}};
  assert_false(static_cast<bool>(Ledger()));
  assert_true(static_cast<bool>(Ledger(&budget)));
}

void it_answers_as_its_budget_does(void**) {
  Gate gate;
  for (const LedgerGuard& guard : {LedgerGuard{}, gate.guard()}) {
    Budget own{{.ratio = 1'000, .floor_per_second = 0}}, led{{.ratio = 1'000, .floor_per_second = 0}};
    const Ledger ledger(&led, guard);
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
    assert_int_equal(led.counts().begun, 2);
    assert_int_equal(led.counts().reserved, 2);
    assert_int_equal(led.counts().refunded, 1);
    assert_int_equal(led.counts().refused, 1);
  }
}

void each_call_is_one_turn_in_the_guard(void**) {
  Gate gate;
  Budget budget{{}};
  const Ledger ledger(&budget, gate.guard());
  int turns = 0;
  const auto was_one_turn = [&] { return gate.turns == ++turns && gate.held == 0 && !gate.nested; };
  ledger.began(kStart);
  assert_true(was_one_turn());
  const Payment paid = ledger.reserve(kStart);
  assert_true(was_one_turn());
  ledger.refund(paid, kStart);
  assert_true(was_one_turn());
  (void)ledger.balance(kStart);
  assert_true(was_one_turn());
  (void)ledger.retry_after(kStart);
  assert_true(was_one_turn());
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(no_budget_is_false),
      cmocka_unit_test(it_answers_as_its_budget_does),
      cmocka_unit_test(each_call_is_one_turn_in_the_guard),
  };
  return cmocka_run_group_tests_name("ledger", tests, nullptr, nullptr) != 0;
}
