// SPDX-License-Identifier: MIT
// Origins in a row, first in, first out; an origin stands in it at most once. Allocates nothing: the
// links are the origins'. Refuses to know what they stand there for.
#ifndef PESTER_CORE_ORIGIN_LIST_H_
#define PESTER_CORE_ORIGIN_LIST_H_

#include "core/objects.h"

namespace pester::core {

template <OriginLinks Origin::*kLinks>
class OriginList {
 public:
  OriginList() = default;
  OriginList(const OriginList&) = delete;  // it points into itself
  OriginList& operator=(const OriginList&) = delete;

  [[nodiscard]] Origin* first() const { return first_; }
  [[nodiscard]] static Origin* after(const Origin& origin) { return (origin.*kLinks).next; }
  [[nodiscard]] static bool holds(const Origin& origin) { return (origin.*kLinks).back != nullptr; }

  void push(Origin& origin) {
    origin.*kLinks = {nullptr, tail_};
    *tail_ = &origin;
    tail_ = &(origin.*kLinks).next;
  }
  void push_first(Origin& origin) {
    origin.*kLinks = {first_, &first_};
    (first_ != nullptr ? (first_->*kLinks).back : tail_) = &(origin.*kLinks).next;
    first_ = &origin;
  }
  // It is in it.
  void remove(Origin& origin) {
    const OriginLinks links = origin.*kLinks;
    *links.back = links.next;
    (links.next != nullptr ? (links.next->*kLinks).back : tail_) = links.back;
    origin.*kLinks = {};
  }

 private:
  Origin* first_ = nullptr;
  Origin** tail_ = &first_;
};

}  // namespace pester::core

#endif
