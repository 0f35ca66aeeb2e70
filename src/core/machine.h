// SPDX-License-Identifier: MIT
// State machines as data: rows of (state, signal, next state, action) that the compiler turns into a
// dense table. A duplicate row, or a live state without a `cancel` and a `deadline` row, does not
// compile. Refuses to know what any state means.
#ifndef PESTER_CORE_MACHINE_H_
#define PESTER_CORE_MACHINE_H_

#include <cstddef>
#include <cstdint>

#include "core/assert.h"

namespace pester::core {

template <class State, class Signal, class Action>
struct Row {
  State from;
  Signal on;
  State to;
  Action action;
};

// Not constexpr on purpose: reached while a table is built, it stops the compiler at the culprit.
void a_row_stands_twice();
void a_live_state_cannot_be_cancelled();
void a_live_state_has_no_deadline();

// State, Signal and Action are enums; State and Signal end in kCount, Signal has cancel and deadline,
// Action has `bug`, which marks the pairs that nobody listed. The last state before kCount is the dead
// one: it swallows everything.
template <class State, class Signal, class Action>
class Table {
 public:
  static constexpr size_t kStates = static_cast<size_t>(State::kCount);
  static constexpr size_t kSignals = static_cast<size_t>(Signal::kCount);
  using Line = Row<State, Signal, Action>;

  template <size_t N>
  consteval explicit Table(const Line (&rows)[N]) {
    for (size_t s = 0; s < kStates; ++s) {
      for (size_t g = 0; g < kSignals; ++g) cells_[s][g] = {static_cast<State>(s), Action::bug};
    }
    for (const Line& row : rows) {
      Cell& cell = at(row.from, row.on);
      if (cell.action != Action::bug) a_row_stands_twice();
      cell = {row.to, row.action};
    }
    for (size_t s = 0; s + 1 < kStates; ++s) {
      if (at(static_cast<State>(s), Signal::cancel).action == Action::bug)
        a_live_state_cannot_be_cancelled();
      if (at(static_cast<State>(s), Signal::deadline).action == Action::bug)
        a_live_state_has_no_deadline();
    }
    for (size_t g = 0; g < kSignals; ++g) {
      Cell& cell = cells_[kStates - 1][g];
      if (cell.action == Action::bug) cell.action = Action::nothing;
    }
  }

  // The one place that writes `state`. An unlisted pair is a bug in Pester: test builds abort, a release
  // build leaves the state alone and says so.
  Action step(State& state, Signal signal) const {
    const Cell cell = cells_[static_cast<size_t>(state)][static_cast<size_t>(signal)];
    PESTER_ASSERT(cell.action != Action::bug);
    state = cell.to;
    return cell.action;
  }
  [[nodiscard]] bool allows(State state, Signal signal) const {
    return cells_[static_cast<size_t>(state)][static_cast<size_t>(signal)].action != Action::bug;
  }

 private:
  struct Cell {
    State to;
    Action action;
  };
  constexpr Cell& at(State state, Signal signal) {
    return cells_[static_cast<size_t>(state)][static_cast<size_t>(signal)];
  }
  Cell cells_[kStates][kSignals] = {};
};

}  // namespace pester::core

#endif
