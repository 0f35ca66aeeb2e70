// SPDX-License-Identifier: MIT
#include "wire/content_decoder.h"

#include <algorithm>
#include <cerrno>

#include "core/assert.h"
#include "pester/errors.h"

namespace pester::wire {

namespace {

constexpr size_t kBetweenBytes = 4096;  // on the way from one layer to the next

// What bytes that decode to `bytes` at most may take while they are coded: incompressible ones grow, and
// headers come with each member.
constexpr uint64_t with_slack(uint64_t bytes) {
  constexpr uint64_t kSlack = 65536;
  return bytes > UINT64_MAX / 2 ? UINT64_MAX : bytes + bytes / 8 + kSlack;
}

}  // namespace

bool ContentDecoder::open(const Codings& codings, BlockPool& pool, const DecodeLimits& limits) {
  PESTER_ASSERT(count_ == 0 && codings.count != 0);
  memory_ = {pool.allocator(), false};
  limits_ = limits;
  for (size_t i = 0; i < codings.count; ++i) {
    Stage& stage = stages_[i];
    stage.layer.open(codings.at[codings.count - 1 - i], &memory_);
    stage.input = {};
    stage.buffer = i == 0 ? nullptr : static_cast<char*>(pool.take(kBetweenBytes).at);
    ++count_;
    if (i != 0 && stage.buffer == nullptr) return false;
  }
  return true;
}

void ContentDecoder::close(BlockPool& pool) {
  for (size_t i = 0; i < count_; ++i) {
    stages_[i].layer.close();
    pool.give({stages_[i].buffer, kBetweenBytes});
  }
  count_ = 0;
}

// "gzip, coding 1 of 2, at byte 17: reason". The codings are counted as they were applied.
int ContentDecoder::refuse(size_t index, int error, const char* reason, core::Why* why) const {
  const DecodeLayer& layer = stages_[index].layer;
  why->clear();
  why->add(coding_name(layer.coding())).add(", coding ").add(static_cast<int64_t>(count_ - index));
  why->add(" of ").add(static_cast<int64_t>(count_)).add(", at byte ");
  why->add(static_cast<int64_t>(std::min<uint64_t>(layer.taken(), INT64_MAX))).add(": ").add(reason);
  return error;
}

// Of what the layer has made, or of the body as it came: nullptr when all is within bounds.
const char* ContentDecoder::limit_passed(size_t index) const {
  const uint64_t made = stages_[index].layer.made();
  const uint64_t came = stages_[0].layer.taken();
  const bool last = index + 1 == count_;
  if (limits_.ratio != 0 && made > kRatioFrom && (made - 1) / limits_.ratio >= came) {
    return "it grows beyond the ratio that is allowed";
  }
  if (made > (last ? limits_.bytes : with_slack(limits_.bytes)) || came > with_slack(limits_.bytes)) {
    return "it grows beyond the size that is allowed";
  }
  return nullptr;
}

int ContentDecoder::judge(size_t index, LayerState state, core::Why* why) const {
  if (state == LayerState::failed) {
    if (memory_.out) return refuse(index, -ENOMEM, "out of memory", why);
    const char* const reason = stages_[index].layer.reason();
    return refuse(index, PESTER_EENCODING, reason != nullptr ? reason : "it cannot begin", why);
  }
  const char* const passed = limit_passed(index);
  return passed == nullptr ? 0 : refuse(index, PESTER_EBODYSIZE, passed, why);
}

// The last layer is asked for bytes; who is hungry has the one before it asked. A layer is asked again
// only when all that it made is taken, so that each buffer between two is empty then.
ContentDecoder::Piece ContentDecoder::next(std::string_view* coded, char* out, size_t room,
                                           core::Why* why) {
  const size_t last = count_ - 1;
  char* at = out;
  stages_[0].input = *coded;
  Piece piece;
  for (size_t i = last;;) {
    Stage& stage = stages_[i];
    char* const begin = i == last ? at : stages_[i + 1].buffer;
    char* made = begin;
    const LayerState state =
        stage.layer.run(&stage.input, &made, i == last ? out + room : begin + kBetweenBytes);
    piece.error = judge(i, state, why);
    if (piece.error != 0) break;
    if (i == last) {
      at = made;
      piece.more = state == LayerState::full;
      if (piece.more) break;
    } else if (made != begin) {
      ++i;
      stages_[i].input = {begin, static_cast<size_t>(made - begin)};
      continue;
    }
    if (i == 0) break;
    --i;
  }
  *coded = stages_[0].input;
  stages_[0].input = {};
  piece.bytes = static_cast<size_t>(at - out);
  return piece;
}

int ContentDecoder::finish(core::Why* why) const {
  if (stages_[0].layer.taken() == 0) return 0;
  for (size_t i = 0; i < count_; ++i) {
    if (!stages_[i].layer.may_end()) return refuse(i, PESTER_EENCODING, "it ends too early", why);
  }
  return 0;
}

}  // namespace pester::wire
