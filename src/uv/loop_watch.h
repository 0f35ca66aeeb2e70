// SPDX-License-Identifier: MIT
// How long what is read may have been there already, because the host held up the loop: such time is not
// the server's. Costs a clock reading per turn of the loop, and is begun only where something hangs on
// how long answers take. Refuses to know what is done about it. What the host does in prepare callbacks
// that it started before this one is not seen.
#ifndef PESTER_UV_LOOP_WATCH_H_
#define PESTER_UV_LOOP_WATCH_H_

#include <uv.h>

#include <cstdint>

#include "core/types.h"

namespace pester::uv {

class LoopWatch {
 public:
  LoopWatch() = default;
  LoopWatch(const LoopWatch&) = delete;
  LoopWatch& operator=(const LoopWatch&) = delete;

  // Once; it does not keep the loop alive.
  void begin(uv_loop_t* loop);
  [[nodiscard]] bool is_on() const { return on_; }
  // Of what is read now, from within its callback; 0 below what the loop's clock can tell.
  [[nodiscard]] core::Duration lag() const;
  // `on_gone` is called twice, once for each handle.
  void close(void (*on_gone)(void* data), void* data);

 private:
  uv_prepare_t prepare_;
  uv_check_t check_;
  int64_t polls_ns_ = 0;   // when the loop last began to look for events,
  int64_t looked_ns_ = 0;  // and when it had done so before
  bool on_ = false;
  void (*on_gone_)(void* data) = nullptr;
  void* data_ = nullptr;
};

}  // namespace pester::uv

#endif
