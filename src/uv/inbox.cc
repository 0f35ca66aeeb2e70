// SPDX-License-Identifier: MIT
// The mutex is held for a few lines at a time, never while anything is sent or anybody told.
#include "uv/inbox.h"

#include <new>

#include "core/assert.h"
#include "uv/client.h"
#include "uv/pump.h"
#include "wire/memory.h"

namespace pester::uv {

namespace {

class Lock {
 public:
  explicit Lock(uv_mutex_t* mutex) : mutex_(mutex) { uv_mutex_lock(mutex_); }
  ~Lock() { uv_mutex_unlock(mutex_); }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

 private:
  uv_mutex_t* mutex_;
};

}  // namespace

int Inbox::create(Inbox** out, Client& client, const InboxLimits& limits, const InboxHooks& hooks,
                  bool keeps_loop) {
  if (client.closing) return PESTER_ECLOSING;
  const wire::Allocator memory = wire::Allocator::system();
  void* at = memory.alloc(sizeof(Inbox), memory.data);
  if (at == nullptr) return UV_ENOMEM;
  auto* made = ::new (at) Inbox;
  int rc = uv_mutex_init(&made->mutex_);
  if (rc == 0) {
    rc = uv_async_init(client.loop, &made->async_,
                       [](uv_async_t* async) { static_cast<Inbox*>(async->data)->deliver(); });
    if (rc != 0) uv_mutex_destroy(&made->mutex_);
  }
  if (rc != 0) {
    memory.release(at, memory.data);
    return rc;
  }
  made->async_.data = made;
  if (!keeps_loop) uv_unref(reinterpret_cast<uv_handle_t*>(&made->async_));
  made->client_ = &client;
  made->hooks_ = hooks;
  made->limits_ = limits;
  made->next = client.inboxes;
  made->back = &client.inboxes;
  if (client.inboxes != nullptr) client.inboxes->back = &made->next;
  client.inboxes = made;
  ++client.inbox_handles;
  *out = made;
  return 0;
}

// ---- from any thread ---------------------------------------------------------------------------------

// Under the mutex, so that the handle is not closed meanwhile.
void Inbox::wake() {
  if (handle_open_) uv_async_send(&async_);
}

void Inbox::add_owner() {
  const Lock lock(&mutex_);
  ++owners_;
}

// Whoever makes it unused has seen so under the mutex, and is the only one who did.
void Inbox::release_owner() {
  bool unused = false;
  {
    const Lock lock(&mutex_);
    PESTER_ASSERT(owners_ != 0);
    if (--owners_ == 0) wake();
    unused = is_unused();
  }
  if (unused) destroy();
}

// The table of chunks grows by doubling; chunks never move. Under the mutex.
bool Inbox::lend_slots() {
  const wire::Allocator memory = wire::Allocator::system();
  const size_t count = slots_.chunks();
  if (count >= core::Slots::kChunksMax) return false;
  core::Slots::Chunk** table = slots_.table();
  if ((count & (count - 1)) == 0) {
    const size_t room = count == 0 ? 1 : count * 2;
    void* moved = memory.resize(table, room * sizeof(core::Slots::Chunk*), memory.data);
    if (moved == nullptr) return false;
    table = static_cast<core::Slots::Chunk**>(moved);
    slots_.moved(table);
  }
  void* chunk = memory.alloc(sizeof(core::Slots::Chunk), memory.data);
  if (chunk == nullptr) return false;
  slots_.lend(table, static_cast<core::Slots::Chunk*>(chunk));
  return true;
}

int Inbox::post(Letter* letter, uint64_t* id) {
  const Lock lock(&mutex_);
  if (closed_ || !handle_open_) return PESTER_ECLOSING;
  if (queued_count_ >= limits_.letters || letter->bytes > limits_.bytes - queued_bytes_) {
    return PESTER_EQUEUE;
  }
  if (slots_.full() && !lend_slots()) return UV_ENOMEM;
  letter->inbox = this;
  letter->id = slots_.add(letter);
  letter->queued = true;
  letter->next = nullptr;
  *queued_tail_ = letter;
  queued_tail_ = &letter->next;
  ++queued_count_;
  queued_bytes_ += letter->bytes;
  ++letters_;
  if (id != nullptr) *id = letter->id;
  wake();
  return 0;
}

int Inbox::cancel(uint64_t id) {
  const Lock lock(&mutex_);
  auto* letter = static_cast<Letter*>(slots_.find(id));
  if (letter == nullptr) return PESTER_ENOENT;
  if (letter->queued) {
    letter->cancelled = true;
  } else if (!letter->cancel_linked) {
    letter->cancel_linked = true;
    letter->cancel_next = to_cancel_;
    to_cancel_ = letter;
    ++to_cancel_count_;
  }
  wake();
  return 0;
}

// ---- on the loop's thread ----------------------------------------------------------------------------

Inbox::Mail Inbox::take() {
  const Lock lock(&mutex_);
  const Mail mail = {queued_, to_cancel_count_, closed_ || owners_ == 0};
  for (Letter* letter = queued_; letter != nullptr; letter = letter->next) {
    letter->queued = false;
    if (letter->cancelled) letter->error = PESTER_ECANCELED;
    if (closed_) letter->error = PESTER_ECLOSED;
  }
  queued_ = nullptr;
  queued_tail_ = &queued_;
  queued_count_ = queued_bytes_ = 0;
  return mail;
}

Letter* Inbox::take_to_cancel() {
  const Lock lock(&mutex_);
  Letter* letter = to_cancel_;
  if (letter != nullptr) drop_cancel(letter);
  return letter;
}

// The uv_async's callback. Sending is I/O and comes first; the pump tells what there is to tell; then
// those are told whose letters were refused.
void Inbox::deliver() {
  Client& client = *client_;
  const core::Now now = client_enter(client);
  const Mail mail = take();
  for (size_t i = 0; i < mail.to_cancel; ++i) {
    const Letter* letter = take_to_cancel();  // it is not freed before the pump tells of its end
    if (letter != nullptr) (void)client_cancel(client, letter->request);
  }
  Letter* refused = nullptr;
  Letter** refused_tail = &refused;
  for (Letter* letter = mail.queued; letter != nullptr;) {
    Letter* const following = letter->next;
    letter->next = nullptr;
    const int error = letter->error != 0 ? letter->error : hooks_.send(client, *letter);
    if (error != 0) {
      letter->error = error;
      *refused_tail = letter;
      refused_tail = &letter->next;
    }
    letter = following;
  }
  client_leave(client, now);
  tell_refused(refused);
  if (mail.over) close_handle();
}

// Whatever they do, the handle is there until this is over, and so is the inbox.
void Inbox::tell_refused(Letter* letters) {
  while (letters != nullptr) {
    Letter* const letter = letters;
    letters = letter->next;
    {
      const Lock lock(&mutex_);
      forget(letter);
    }
    hooks_.refused(*letter);
    hooks_.discard(letter);
  }
}

// Under the mutex.
void Inbox::drop_cancel(Letter* letter) {
  if (!letter->cancel_linked) return;
  Letter** link = &to_cancel_;
  while (*link != letter) link = &(*link)->cancel_next;
  *link = letter->cancel_next;
  letter->cancel_linked = false;
  --to_cancel_count_;
}

// Under the mutex: nobody finds it any more.
void Inbox::forget(Letter* letter) {
  drop_cancel(letter);
  slots_.remove(letter->id);
  --letters_;
}

void Inbox::end(Letter* letter) {
  bool unused = false;
  {
    const Lock lock(&mutex_);
    forget(letter);
    unused = is_unused();
  }
  hooks_.discard(letter);
  if (unused) destroy();
}

void Inbox::close() {
  {
    const Lock lock(&mutex_);
    closed_ = true;
  }
  // The loop turns until the letters are told.
  uv_ref(reinterpret_cast<uv_handle_t*>(&async_));
  uv_async_send(&async_);
}

void Inbox::close_handle() {
  {
    const Lock lock(&mutex_);
    if (!handle_open_) return;
    if (queued_ != nullptr || to_cancel_ != nullptr) {  // posted while the last ones were told
      wake();
      return;
    }
    handle_open_ = false;
  }
  *back = next;
  if (next != nullptr) next->back = back;
  uv_close(reinterpret_cast<uv_handle_t*>(&async_), [](uv_handle_t* handle) {
    auto* inbox = static_cast<Inbox*>(handle->data);
    Client& client = *inbox->client_;
    bool unused = false;
    {
      const Lock lock(&inbox->mutex_);
      inbox->handle_there_ = false;
      unused = inbox->is_unused();
    }
    if (unused) inbox->destroy();
    client_inbox_gone(client);
  });
}

void Inbox::destroy() {
  const wire::Allocator memory = wire::Allocator::system();
  for (size_t i = 0; i < slots_.chunks(); ++i) memory.release(slots_.table()[i], memory.data);
  if (slots_.table() != nullptr) memory.release(slots_.table(), memory.data);
  uv_mutex_destroy(&mutex_);
  this->~Inbox();
  memory.release(this, memory.data);
}

}  // namespace pester::uv
