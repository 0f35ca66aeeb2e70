// SPDX-License-Identifier: MIT
// What the claims about guards share: requests that are tried again without a wait, many of them, and
// counts of what became of them.
#ifndef PESTER_TEST_SIM_GUARDS_H_
#define PESTER_TEST_SIM_GUARDS_H_

#include "run.h"

namespace pester::sim {

inline Sent at_once_again() {
  Sent sent = get();
  sent.policy.backoff.kind = core::BackoffKind::none;
  return sent;
}

inline size_t begun(const Run& run, core::Kind kind) {
  size_t count = 0;
  for (const Begun& one : run.begun) count += one.kind == kind;
  return count;
}

inline size_t stopped(const Run& run, core::Stop stop) {
  size_t count = 0;
  for (const Ended& ended : run.shell.ended()) count += ended.stop == stop;
  return count;
}

// So many requests, a millisecond apart.
inline void send_many(Run& run, const Sent& sent, int count, int64_t first_ms = 0) {
  for (int i = 0; i < count; ++i) {
    run.simulation.after(ms(first_ms + i), [&run, sent] { run.shell.submit(sent); });
  }
}

}  // namespace pester::sim

#endif
