// SPDX-License-Identifier: MIT
#include "uv/loop_watch.h"

#include <algorithm>

namespace pester::uv {

namespace {

// The loop's own clock counts in these, rounded down.
constexpr int64_t kTickNs = 1'000'000;

int64_t clock_ns() {
  return static_cast<int64_t>(uv_hrtime());
}
// When the latest poll returned, as long as its callbacks run.
int64_t polled_ns(const uv_loop_t* loop) {
  return static_cast<int64_t>(uv_now(loop)) * kTickNs;
}

}  // namespace

void LoopWatch::begin(uv_loop_t* loop) {
  on_ = true;
  polls_ns_ = looked_ns_ = clock_ns();  // nothing that it asks for can have come before
  uv_prepare_init(loop, &prepare_);
  uv_check_init(loop, &check_);
  prepare_.data = check_.data = this;
  uv_prepare_start(&prepare_, [](uv_prepare_t* handle) {
    static_cast<LoopWatch*>(handle->data)->polls_ns_ = clock_ns();
  });
  uv_check_start(&check_, [](uv_check_t* handle) {
    static_cast<LoopWatch*>(handle->data)->looked_ns_ = polled_ns(handle->loop);
  });
  uv_unref(reinterpret_cast<uv_handle_t*>(&prepare_));
  uv_unref(reinterpret_cast<uv_handle_t*>(&check_));
}

// A poll that had to wait tells of what came then; one that had not, of what came since the one before.
// That it took a while is no proof of waiting on a busy machine: it must have taken longer than the
// host.
core::Duration LoopWatch::lag() const {
  const int64_t polled = polled_ns(check_.loop);
  const bool waited = polled - polls_ns_ >= std::max(kTickNs, polls_ns_ - looked_ns_);
  const int64_t lag = clock_ns() - (waited ? polled : looked_ns_);
  return {lag < 2 * kTickNs ? 0 : lag};
}

void LoopWatch::close(void (*on_gone)(void* data), void* data) {
  on_gone_ = on_gone;
  data_ = data;
  const auto gone = [](uv_handle_t* handle) {
    const auto& watch = *static_cast<LoopWatch*>(handle->data);
    watch.on_gone_(watch.data_);
  };
  uv_close(reinterpret_cast<uv_handle_t*>(&prepare_), gone);
  uv_close(reinterpret_cast<uv_handle_t*>(&check_), gone);
}

}  // namespace pester::uv
