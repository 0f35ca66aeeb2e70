// SPDX-License-Identifier: MIT
// Claims about the recycler of blocks and the growing buffer: what is given comes back, nothing leaks,
// and running out of memory leaves everything as it was.
#include "wire/memory.h"

#include <cstdlib>
#include <initializer_list>

#include "support/cmocka.h"

using pester::wire::Allocator;
using pester::wire::Block;
using pester::wire::BlockPool;
using pester::wire::Bytes;

namespace {

// Counts what is out, and fails when `left` is used up.
struct Ledger {
  int out = 0;
  int calls = 0;
  int left = INT32_MAX;

  Allocator allocator() { return {alloc, resize, release, this}; }

 private:
  static bool granted(Ledger* ledger) {
    ++ledger->calls;
    return ledger->left-- > 0;
  }
  static void* alloc(size_t size, void* data) {
    auto* ledger = static_cast<Ledger*>(data);
    if (!granted(ledger)) return nullptr;
    ++ledger->out;
    return malloc(size);
  }
  static void* resize(void* block, size_t size, void* data) {
    auto* ledger = static_cast<Ledger*>(data);
    if (!granted(ledger)) return nullptr;
    if (block == nullptr) ++ledger->out;
    return realloc(block, size);
  }
  static void release(void* block, void* data) {
    if (block != nullptr) --static_cast<Ledger*>(data)->out;
    free(block);
  }
};

void the_system_allocator_works(void**) {
  const Allocator a = Allocator::system();
  void* block = a.alloc(10, a.data);
  assert_non_null(block);
  block = a.resize(block, 100'000, a.data);
  assert_non_null(block);
  memset(block, 1, 100'000);
  a.release(block, a.data);
}

void a_block_is_at_least_as_large_as_asked(void**) {
  Ledger ledger;
  BlockPool pool(ledger.allocator());
  for (const size_t size :
       {size_t{0}, size_t{1}, size_t{56}, size_t{57}, size_t{2'040}, size_t{2'041}, size_t{4'096},
        size_t{4'097}, size_t{65'536}, size_t{65'537}, size_t{1'000'000}}) {
    const Block block = pool.take(size);
    assert_non_null(block.at);
    assert_true(block.size >= size);
    assert_int_equal(reinterpret_cast<uintptr_t>(block.at) % alignof(max_align_t), 0);
    memset(block.at, 0xab, block.size);
    pool.give(block);
  }
  pool.trim();
  assert_int_equal(ledger.out, 0);
}

void a_block_may_be_given_by_the_size_asked_for(void**) {
  Ledger ledger;
  BlockPool pool(ledger.allocator());
  for (const size_t size : {size_t{1}, size_t{100}, size_t{3'000}, size_t{70'000}}) {
    const Block block = pool.take(size);
    pool.give({block.at, size});
    const Block again = pool.take(size);
    assert_int_equal(pool.kept_bytes(), 0);
    assert_int_equal(again.size, block.size);
    if (size <= BlockPool::kLargest) assert_ptr_equal(again.at, block.at);
    pool.give({again.at, size});
    pool.trim();
  }
  assert_int_equal(ledger.out, 0);
}

void small_blocks_waste_less_than_a_step(void**) {
  Ledger ledger;
  BlockPool pool(ledger.allocator());
  for (size_t size = 1; size <= BlockPool::kSmallMax; ++size) {
    const Block block = pool.take(size);
    assert_true(block.size >= size && block.size - size < BlockPool::kStep);
    pool.give(block);
  }
  pool.trim();
  assert_int_equal(ledger.out, 0);
}

void a_given_block_is_taken_again(void**) {
  Ledger ledger;
  BlockPool pool(ledger.allocator());
  const Block first = pool.take(1'000);
  pool.give(first);
  assert_int_equal(pool.kept_bytes(), 1'016);
  const Block again = pool.take(953);
  assert_ptr_equal(again.at, first.at);
  assert_int_equal(pool.kept_bytes(), 0);
  assert_int_equal(ledger.calls, 1);
  const Block other = pool.take(500);  // of another class
  assert_ptr_not_equal(other.at, first.at);
  pool.give(again);
  pool.give(other);
  pool.trim();
  assert_int_equal(pool.kept_bytes(), 0);
  assert_int_equal(ledger.out, 0);
}

void in_steady_state_nothing_reaches_the_allocator(void**) {
  Ledger ledger;
  BlockPool pool(ledger.allocator());
  for (int round = 0; round < 1'000; ++round) {
    Bytes bytes;
    for (int i = 0; i < 100; ++i) assert_true(bytes.append(pool, "0123456789abcdef", 16));
    bytes.release(pool);
    if (round == 0) ledger.left = 0;
  }
  assert_int_equal(ledger.calls, 4);  // 248, 504, 1016, 2040
  pool.trim();
  assert_int_equal(ledger.out, 0);
}

void large_blocks_are_not_kept(void**) {
  Ledger ledger;
  BlockPool pool(ledger.allocator());
  const Block block = pool.take(BlockPool::kLargest + 1);
  assert_int_equal(block.size, BlockPool::kLargest + 1);
  pool.give(block);
  assert_int_equal(pool.kept_bytes(), 0);
  assert_int_equal(ledger.out, 0);
}

void what_is_kept_has_a_maximum(void**) {
  Ledger ledger;
  BlockPool pool(ledger.allocator());
  constexpr size_t kFitting = BlockPool::kKeptBytesMax / BlockPool::kLargest;
  static Block blocks[kFitting + 10];
  for (Block& block : blocks) block = pool.take(BlockPool::kLargest);
  for (const Block& block : blocks) pool.give(block);
  assert_int_equal(pool.kept_bytes(), BlockPool::kKeptBytesMax);
  assert_int_equal(ledger.out, kFitting);
  pool.trim();
  assert_int_equal(ledger.out, 0);
}

void giving_nothing_is_harmless(void**) {
  Ledger ledger;
  BlockPool pool(ledger.allocator());
  pool.give({});
  Bytes bytes;
  bytes.release(pool);
  pool.trim();
  assert_int_equal(ledger.calls, 0);
}

void bytes_keep_what_was_appended_however_they_grow(void**) {
  Ledger ledger;
  BlockPool pool(ledger.allocator());
  Bytes bytes;
  assert_true(bytes.empty());
  constexpr size_t kCount = 300'000;  // past the largest class, where the allocator moves it
  for (size_t i = 0; i < kCount; ++i) {
    const auto c = static_cast<char>(i * 7);
    assert_true(bytes.append(pool, &c, 1));
  }
  assert_int_equal(bytes.size(), kCount);
  for (size_t i = 0; i < kCount; ++i) assert_true(bytes.data()[i] == static_cast<char>(i * 7));
  assert_true(ledger.calls < 16);
  bytes.release(pool);
  assert_int_equal(bytes.capacity(), 0);
  pool.trim();
  assert_int_equal(ledger.out, 0);
}

void consuming_drops_from_the_front(void**) {
  BlockPool pool(Allocator::system());
  Bytes bytes;
  assert_true(bytes.append(pool, "hello world", 11));
  bytes.consume(6);
  assert_true(bytes.view() == "world");
  bytes.consume(5);
  assert_true(bytes.empty());
  assert_true(bytes.append(pool, "", 0));
  assert_true(bytes.append(pool, "again", 5));
  assert_true(bytes.view() == "again");
  bytes.release(pool);
  pool.trim();
}

void running_out_leaves_the_bytes_as_they_were(void**) {
  for (const size_t size : {size_t{256}, size_t{65'536}, size_t{200'000}}) {
    Ledger ledger;
    BlockPool pool(ledger.allocator());
    Bytes bytes;
    assert_true(bytes.reserve(pool, size));
    memset(bytes.data(), 'x', bytes.capacity());
    bytes.set_size(bytes.capacity());
    const char* const before = bytes.data();
    const size_t capacity = bytes.capacity();
    ledger.left = 0;
    assert_false(bytes.append(pool, "y", 1));
    assert_false(bytes.reserve(pool, 1));
    assert_ptr_equal(bytes.data(), before);
    assert_int_equal(bytes.size(), capacity);
    for (const char c : bytes.view()) assert_int_equal(c, 'x');
    assert_null(pool.take(1).at);
    assert_null(pool.take(1'000'000).at);
    assert_int_equal(pool.take(1'000'000).size, 0);
    bytes.release(pool);
    pool.trim();
    assert_int_equal(ledger.out, 0);
  }
}

// Ledger's memory is never touched: the system need not have it.
void bytes_end_where_their_size_can_no_longer_tell(void**) {
  Ledger ledger;
  BlockPool pool(ledger.allocator());
  Bytes bytes;
  assert_true(bytes.append(pool, "x", 1));
  assert_false(bytes.reserve(pool, UINT32_MAX));
  assert_true(bytes.view() == "x");
  bytes.release(pool);
  pester::wire::LargeBytes large;
  assert_true(large.reserve(pool, size_t{UINT32_MAX} + 1));
  assert_true(large.capacity() > UINT32_MAX);
  large.release(pool);
  pool.trim();
  assert_int_equal(ledger.out, 0);
}

void a_size_that_overflows_is_refused(void**) {
  Ledger ledger;
  BlockPool pool(ledger.allocator());
  Bytes bytes;
  assert_true(bytes.append(pool, "x", 1));
  const int calls = ledger.calls;
  for (const size_t more : {SIZE_MAX, SIZE_MAX - 1, SIZE_MAX / 2, SIZE_MAX / 2 + 1}) {
    assert_false(bytes.reserve(pool, more));
  }
  assert_int_equal(ledger.calls, calls);
  assert_true(bytes.view() == "x");
  bytes.release(pool);
  pool.trim();
  assert_int_equal(ledger.out, 0);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(the_system_allocator_works),
      cmocka_unit_test(a_block_is_at_least_as_large_as_asked),
      cmocka_unit_test(a_block_may_be_given_by_the_size_asked_for),
      cmocka_unit_test(small_blocks_waste_less_than_a_step),
      cmocka_unit_test(a_given_block_is_taken_again),
      cmocka_unit_test(in_steady_state_nothing_reaches_the_allocator),
      cmocka_unit_test(large_blocks_are_not_kept),
      cmocka_unit_test(what_is_kept_has_a_maximum),
      cmocka_unit_test(giving_nothing_is_harmless),
      cmocka_unit_test(bytes_keep_what_was_appended_however_they_grow),
      cmocka_unit_test(consuming_drops_from_the_front),
      cmocka_unit_test(running_out_leaves_the_bytes_as_they_were),
      cmocka_unit_test(bytes_end_where_their_size_can_no_longer_tell),
      cmocka_unit_test(a_size_that_overflows_is_refused),
  };
  const int failures = cmocka_run_group_tests_name("memory", tests, nullptr, nullptr);
  return failures != 0;
}
