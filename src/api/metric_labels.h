// SPDX-License-Identifier: MIT
// Label pairs that a host gives for its metrics. They are written as they are: what is no label pair
// would make the whole text unreadable.
#ifndef PESTER_API_METRIC_LABELS_H_
#define PESTER_API_METRIC_LABELS_H_

namespace pester::api {

// `a="1",b="2"`; nullptr and "" are none.
[[nodiscard]] bool are_metric_labels(const char* labels);
// Written alike: nullptr is as good as "".
[[nodiscard]] bool same_metric_labels(const char* a, const char* b);

}  // namespace pester::api

#endif
