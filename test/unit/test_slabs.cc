// SPDX-License-Identifier: MIT
// Claims about slabs: their blocks never overlap, whatever order they come and go in; a slab goes back
// when its last block does; and few blocks take little memory.
#include "wire/slabs.h"

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <vector>

#include "core/rng.h"

#include "support/cmocka.h"

using pester::core::Rng;
using pester::wire::Slabs;

namespace {

constexpr uint32_t kSlabBytesMax = 65536;

// Slabs with the memory that they are given, counted.
struct Owner {
  Slabs slabs{kSlabBytesMax};
  int out = 0;
  size_t bytes = 0;  // of all that were ever given

  void* take(size_t index) {
    if (void* const block = slabs.take(index); block != nullptr) return block;
    const size_t size = slabs.slab_bytes(index);
    ++out;
    bytes += size;
    slabs.add(index, std::malloc(size));
    return slabs.take(index);
  }
  void give(size_t index, void* block) {
    void* const slab = slabs.give(index, block);
    if (slab == nullptr) return;
    --out;
    std::free(slab);
  }
};

void a_slab_goes_when_its_last_block_does(void**) {
  for (const size_t index : {size_t{0}, size_t{15}, Slabs::kClasses - 1}) {
    Owner owner;
    std::vector<void*> blocks(1'000);
    for (void*& block : blocks) block = owner.take(index);
    assert_true(owner.out > 1 && owner.out < 100);
    for (void* block : blocks) owner.give(index, block);
    assert_int_equal(owner.out, 0);
  }
}

void blocks_do_not_overlap_whatever_order_they_go_in(void**) {
  Owner owner;
  Rng rng(1);
  struct Taken {
    unsigned char* at;
    size_t index;
    unsigned char mark;
  };
  std::vector<Taken> taken;
  for (int step = 0; step < 100'000; ++step) {
    // Grows and shrinks in turns.
    const bool takes = taken.empty() || rng.next() % 16 < (step / 10'000 % 2 == 0 ? 10U : 6U);
    if (takes) {
      const size_t index = rng.next() % Slabs::kClasses;
      const auto mark = static_cast<unsigned char>(step);
      auto* const at = static_cast<unsigned char*>(owner.take(index));
      assert_int_equal(reinterpret_cast<uintptr_t>(at) % alignof(std::max_align_t), 0);
      std::memset(at, mark, Slabs::block_bytes(index));
      taken.push_back({at, index, mark});
      continue;
    }
    std::swap(taken[rng.next() % taken.size()], taken.back());
    const Taken one = taken.back();
    taken.pop_back();
    const auto is_marked = [&one](unsigned char byte) { return byte == one.mark; };
    assert_true(std::all_of(one.at, one.at + Slabs::block_bytes(one.index), is_marked));
    owner.give(one.index, one.at);
  }
  for (const Taken& one : taken) owner.give(one.index, one.at);
  assert_int_equal(owner.out, 0);
}

void what_came_back_is_taken_before_more_memory_is(void**) {
  Owner owner;
  std::vector<void*> blocks(1'000);
  for (void*& block : blocks) block = owner.take(3);
  const size_t bytes = owner.bytes;
  for (int round = 0; round < 100; ++round) {
    for (size_t i = 900; i < 1'000; i += 2) owner.give(3, blocks[i]);
    for (size_t i = 900; i < 1'000; i += 2) blocks[i] = owner.take(3);
  }
  assert_int_equal(owner.bytes, bytes);
  std::sort(blocks.begin(), blocks.end());
  assert_true(std::adjacent_find(blocks.begin(), blocks.end()) == blocks.end());
  for (void* block : blocks) owner.give(3, block);
  assert_int_equal(owner.out, 0);
}

void few_blocks_take_little_and_many_little_more_than_themselves(void**) {
  Owner owner;
  constexpr size_t kIndex = 15, kStride = 1'024;
  std::vector<void*> blocks;
  for (size_t count = 1; count <= 20'000; ++count) {
    blocks.push_back(owner.take(kIndex));
    assert_true(owner.bytes <= count * kStride + count * kStride / 8 + kStride + 40 * (count / 8 + 8));
  }
  assert_true(owner.bytes <= 20'000 * (kStride + 1) + kSlabBytesMax);
  for (void* block : blocks) owner.give(kIndex, block);
  assert_int_equal(owner.out, 0);
}

void without_a_length_each_block_is_a_slab(void**) {
  Slabs slabs(0);
  for (size_t index = 0; index < Slabs::kClasses; ++index) {
    void* blocks[20];
    for (void*& block : blocks) {
      assert_null(slabs.take(index));
      slabs.add(index, std::malloc(slabs.slab_bytes(index)));
      block = slabs.take(index);
    }
    for (void* block : blocks) {
      void* const slab = slabs.give(index, block);
      assert_non_null(slab);
      std::free(slab);
    }
  }
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(a_slab_goes_when_its_last_block_does),
      cmocka_unit_test(blocks_do_not_overlap_whatever_order_they_go_in),
      cmocka_unit_test(what_came_back_is_taken_before_more_memory_is),
      cmocka_unit_test(few_blocks_take_little_and_many_little_more_than_themselves),
      cmocka_unit_test(without_a_length_each_block_is_a_slab),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
