// SPDX-License-Identifier: MIT
// Claims about ids: never 0, never found again once removed, never found when forged.
#include "core/slots.h"

#include <cstdlib>
#include <cstring>
#include <initializer_list>

#include "core/rng.h"

#include "support/cmocka.h"

using pester::core::Rng;
using pester::core::Slots;

namespace {

constexpr size_t kChunks = 4;

// Slots with all the room they may ask for, lent chunk by chunk.
struct Room {
  Slots slots;
  Slots::Chunk* table[kChunks];
  size_t lent = 0;

  void lend() {
    assert_true(lent < kChunks);
    ++lent;
    auto* chunk = static_cast<Slots::Chunk*>(malloc(sizeof(Slots::Chunk)));
    memset(static_cast<void*>(chunk), 0xab, sizeof *chunk);
    slots.lend(table, chunk);
  }
  uint64_t add(void* object) {
    if (slots.full()) lend();
    return slots.add(object);
  }
  void free_all() {
    assert_int_equal(slots.chunks(), lent);
    for (size_t i = 0; i < slots.chunks(); ++i) free(slots.table()[i]);
  }
};

void without_room_it_is_full_and_finds_nothing(void**) {
  const Slots slots;
  assert_true(slots.full());
  assert_null(slots.table());
  for (const uint64_t id : {uint64_t{0}, uint64_t{1}, uint64_t{1} << 32 | 1, UINT64_MAX}) {
    assert_null(slots.find(id));
  }
}

void an_object_is_found_by_its_id(void**) {
  Room room;
  int a = 0;
  int b = 0;
  const uint64_t id_a = room.add(&a);
  const uint64_t id_b = room.add(&b);
  assert_true(id_a != 0 && id_b != 0 && id_a != id_b);
  assert_ptr_equal(room.slots.find(id_a), &a);
  assert_ptr_equal(room.slots.find(id_b), &b);
  room.free_all();
}

void a_removed_id_finds_nobody_even_when_its_slot_is_used_again(void**) {
  Room room;
  int object = 0;
  uint64_t ids[1'000];
  for (uint64_t& id : ids) {
    id = room.add(&object);
    room.slots.remove(id);
  }
  int other = 0;
  const uint64_t live = room.add(&other);
  for (const uint64_t id : ids) {
    assert_null(room.slots.find(id));
    assert_true(id != live);
  }
  assert_int_equal(room.lent, 1);  // all in one slot: last in, first out
  assert_int_equal(live & UINT32_MAX, ids[0] & UINT32_MAX);
  room.free_all();
}

void a_forged_id_finds_nobody(void**) {
  Room room;
  int object = 0;
  const uint64_t live = room.add(&object);
  const uint64_t gone = room.add(&object);
  room.slots.remove(gone);
  for (uint64_t index = 0; index < 2 * Slots::kChunkSlots + 2; ++index) {
    for (uint64_t generation = 0; generation < 5; ++generation) {
      const uint64_t id = generation << 32 | index;
      if (id != live) assert_null(room.slots.find(id));
    }
    assert_null(room.slots.find(uint64_t{UINT32_MAX} << 32 | index));
  }
  assert_null(room.slots.find(UINT64_MAX));
  room.free_all();
}

void it_grows_chunk_by_chunk_and_the_table_may_move(void**) {
  Room room;
  int objects[kChunks * Slots::kChunkSlots];
  uint64_t ids[kChunks * Slots::kChunkSlots];
  Slots::Chunk* elsewhere[kChunks];
  for (size_t i = 0; i < kChunks * Slots::kChunkSlots; ++i) {
    assert_int_equal(room.slots.full(), i % Slots::kChunkSlots == 0);
    ids[i] = room.add(&objects[i]);
  }
  assert_true(room.slots.full());
  memcpy(elsewhere, room.table, sizeof elsewhere);
  memset(room.table, 0xab, sizeof room.table);
  room.slots.moved(elsewhere);
  for (size_t i = 0; i < kChunks * Slots::kChunkSlots; ++i) {
    assert_ptr_equal(room.slots.find(ids[i]), &objects[i]);
  }
  room.free_all();
}

// Against a plain table of what is live: 200,000 steps, ids of the dead kept and asked again.
void random_use_agrees_with_a_plain_table(void**) {
  constexpr size_t kLiveMax = kChunks * Slots::kChunkSlots;
  constexpr size_t kDeadKept = 4'096;
  static struct {
    uint64_t id;
    void* object;
  } live[kLiveMax];
  static uint64_t dead[kDeadKept];
  static char objects[200'000];
  Room room;
  size_t live_count = 0;
  size_t dead_count = 0;
  Rng rng(11);
  for (char& object : objects) {
    const uint64_t bits = rng.next();
    if (live_count < kLiveMax && (live_count == 0 || (bits & 1) != 0)) {
      live[live_count++] = {room.add(&object), &object};
    } else {
      auto& gone = live[(bits >> 8) % live_count];
      room.slots.remove(gone.id);
      dead[dead_count++ % kDeadKept] = gone.id;
      gone = live[--live_count];
    }
    if (live_count != 0) {
      const auto& one = live[(bits >> 8) % live_count];
      assert_ptr_equal(room.slots.find(one.id), one.object);
    }
    if (dead_count != 0) {
      const size_t kept = dead_count < kDeadKept ? dead_count : kDeadKept;
      assert_null(room.slots.find(dead[(bits >> 32) % kept]));
    }
  }
  assert_true(dead_count > 50'000);
  room.free_all();
}

void ids_stay_good_after_the_generations_wrap(void**) {
  Room room;
  int object = 0;
  const uint64_t first = room.add(&object);
  room.slots.remove(first);
  room.table[0]->slots[(first & UINT32_MAX) - 1].generation = UINT32_MAX - 1;
  const uint64_t last = room.add(&object);
  assert_int_equal(last >> 32, UINT32_MAX);
  assert_ptr_equal(room.slots.find(last), &object);
  room.slots.remove(last);
  const uint64_t wrapped = room.add(&object);
  assert_int_equal(wrapped, first);  // two thousand million lives later
  assert_null(room.slots.find(last));
  room.free_all();
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(without_room_it_is_full_and_finds_nothing),
      cmocka_unit_test(an_object_is_found_by_its_id),
      cmocka_unit_test(a_removed_id_finds_nobody_even_when_its_slot_is_used_again),
      cmocka_unit_test(a_forged_id_finds_nobody),
      cmocka_unit_test(it_grows_chunk_by_chunk_and_the_table_may_move),
      cmocka_unit_test(random_use_agrees_with_a_plain_table),
      cmocka_unit_test(ids_stay_good_after_the_generations_wrap),
  };
  const int failures = cmocka_run_group_tests_name("slots", tests, nullptr, nullptr);
  return failures != 0;
}
