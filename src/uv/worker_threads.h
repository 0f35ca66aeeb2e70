// SPDX-License-Identifier: MIT
// The private threads of a process: at most four, shared by all clients, reference-counted, reset after
// fork. They run what may block: getaddrinfo and the loading of certificates, so that libuv's own pool
// stays the host's. Refuses to know what a job does.
#ifndef PESTER_UV_WORKER_THREADS_H_
#define PESTER_UV_WORKER_THREADS_H_

#include <uv.h>

#include <cstddef>

#include "wire/memory.h"

namespace pester::uv {

class Mailbox;

// One piece of work. It lives in malloc'd memory of its own, because a client may go away while it runs.
// `run` is called on a worker thread. `done` is called on the loop thread by Mailbox::drain, unless the
// job was abandoned or the mailbox is gone; `discard` frees the job, called once in every case, after
// done, on whichever thread is last.
struct Job {
  void (*run)(Job* job) = nullptr;
  void (*done)(Job* job, void* owner) = nullptr;
  void (*discard)(Job* job) = nullptr;
  void* owner = nullptr;
  // Managed by worker_threads.cc.
  Job* next = nullptr;
  Mailbox* mailbox = nullptr;
  bool abandoned = false;  // loop thread only
};

// A client's end: where finished jobs wait, and the uv_async that says so. Reference-counted, since jobs
// point to it. While jobs are pending that live requests wait for, ref() the loop; it is unref'd
// otherwise.
class Mailbox {
 public:
  // `on_mail` is called on the loop thread, in the async's callback; it should call drain().
  [[nodiscard]] static int create(Mailbox** mailbox, uv_loop_t* loop, void (*on_mail)(void* data),
                                  void* data);
  // Starts the job (0) or returns an error and has discarded it. The first job starts the threads.
  [[nodiscard]] int submit(Job* job);
  void abandon(Job* job);  // done will not be called
  void drain();            // calls done of each finished job
  void ref();
  void unref();
  // Abandons every job and closes the async; `on_closed(data)` follows from the loop, last of all.
  void close(void (*on_closed)(void* data), void* data);

 private:
  friend struct Workers;

  static void on_async(uv_async_t* async);
  static void on_async_closed(uv_handle_t* handle);
  void release();  // one reference less: its own until the async is closed, and one a job

  uv_async_t async_;
  void (*on_mail_)(void* data) = nullptr;
  void (*on_closed_)(void* data) = nullptr;
  void* data_ = nullptr;
  void* closed_data_ = nullptr;
  // Under the workers' mutex:
  Job* finished_ = nullptr;
  Job** finished_tail_ = &finished_;
  size_t references_ = 1;
  bool open_ = true;
};

}  // namespace pester::uv

#endif
