// SPDX-License-Identifier: MIT
// Where other threads leave what the client's loop is to send: a bounded queue under a mutex, and the
// uv_async that says so. Reference-counted, since its owners may outlive the client. Its memory is the C
// library's: a client's allocator is for one thread. Refuses to know what a letter says.
#ifndef PESTER_UV_INBOX_H_
#define PESTER_UV_INBOX_H_

#include <uv.h>

#include <cstddef>
#include <cstdint>

#include "core/slots.h"

namespace pester::uv {

struct Client;
class Inbox;

// One post, from the thread that wrote it to the end of what came of it. Malloc's; its maker extends it.
struct Letter {
  Inbox* inbox = nullptr;
  Letter* next = nullptr;      // queued or refused
  uint64_t id = 0;             // outside
  uint64_t request = 0;        // once it was sent; the loop's thread's
  size_t bytes = 0;            // of memory, against the limit while it is queued
  int error = 0;               // refused; the loop's thread's
  bool queued = false;         // under the mutex, as are all the following
  bool cancelled = false;      // while it was queued
  bool cancel_linked = false;  // later: it is among those to cancel
  Letter* cancel_next = nullptr;
};

struct InboxHooks {
  // Sends it, within a call from the loop: 0 and letter.request, or why not.
  int (*send)(Client& client, Letter& letter) = nullptr;
  // Tells its writer's user that it was not sent, for letter.error, at the end of a call from the loop.
  void (*refused)(Letter& letter) = nullptr;
  void (*discard)(Letter* letter) = nullptr;  // frees it
};

struct InboxLimits {
  size_t letters = 10'000;
  size_t bytes = size_t{64} << 20;
};

class Inbox {
 public:
  // On the loop's thread. UV_ENOMEM, PESTER_ECLOSING or a libuv errno.
  [[nodiscard]] static int create(Inbox** inbox, Client& client, const InboxLimits& limits,
                                  const InboxHooks& hooks, bool keeps_loop);

  // ---- from any thread
  void add_owner();
  // The last one ends the inbox: what is queued is sent still.
  void release_owner();
  // 0: the letter is the inbox's, and `id` names it. PESTER_ECLOSING, PESTER_EQUEUE, UV_ENOMEM.
  [[nodiscard]] int post(Letter* letter, uint64_t* id);
  // PESTER_ENOENT when it has ended.
  [[nodiscard]] int cancel(uint64_t id);

  // ---- on the loop's thread
  // The client is closing: what is queued will be refused.
  void close();
  // What was sent has ended: the letter goes.
  void end(Letter* letter);

  Inbox* next = nullptr;  // among the client's; of the loop's thread
  Inbox** back = nullptr;

 private:
  // What is taken out of the inbox in one go.
  struct Mail {
    Letter* queued = nullptr;
    size_t to_cancel = 0;  // how many
    bool over = false;     // nothing will come any more
  };

  [[nodiscard]] bool lend_slots();
  void wake();
  Mail take();
  Letter* take_to_cancel();
  void deliver();
  void tell_refused(Letter* letters);
  void drop_cancel(Letter* letter);
  void forget(Letter* letter);
  void close_handle();
  [[nodiscard]] bool is_unused() const { return owners_ == 0 && letters_ == 0 && !handle_there_; }
  void destroy();

  uv_async_t async_;
  uv_mutex_t mutex_;
  Client* client_ = nullptr;
  InboxHooks hooks_;
  InboxLimits limits_;
  // Under the mutex.
  core::Slots slots_;
  Letter* queued_ = nullptr;
  Letter** queued_tail_ = &queued_;
  Letter* to_cancel_ = nullptr;
  size_t queued_count_ = 0, queued_bytes_ = 0, to_cancel_count_ = 0;
  size_t owners_ = 1;
  size_t letters_ = 0;        // that were accepted and have not ended
  bool closed_ = false;       // the client is closing
  bool handle_open_ = true;   // the async may be woken
  bool handle_there_ = true;  // its close callback has not come
};

}  // namespace pester::uv

#endif
