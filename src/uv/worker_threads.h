// SPDX-License-Identifier: MIT
// The private threads of a process: at most four, shared by all clients, reference-counted, reset after
// fork. They run what may block: getaddrinfo and the loading of certificates, so that libuv's own pool
// stays the host's. Refuses to know what a job does.
#ifndef PESTER_UV_WORKER_THREADS_H_
#define PESTER_UV_WORKER_THREADS_H_

#include <uv.h>

#include <cstddef>

namespace pester::uv {

class Mailbox;

// One piece of work. It lives in malloc'd memory of its own, because a client may go away while it runs.
// `run` is called on a worker thread. `done` is called on the loop thread by Mailbox::drain, unless the
// job was abandoned or the mailbox is closed; `discard` frees the job, called once in every case, after
// done, on whichever thread is last. A job abandoned before its turn is discarded without being run.
struct Job {
  void (*run)(Job* job) = nullptr;
  void (*done)(Job* job, void* owner) = nullptr;
  void (*discard)(Job* job) = nullptr;
  void* owner = nullptr;
  // Managed by worker_threads.cc.
  Job* next = nullptr;
  Mailbox* mailbox = nullptr;
  bool abandoned = false;  // written by the loop thread, under the threads' mutex
};

// A client's end: where finished jobs wait, and the uv_async that says so. Reference-counted, since jobs
// point to it: it frees itself when its async is closed and no job points to it. Used by the loop thread
// only. Like the client, it belongs to the process that made it: a fork's child makes its own.
class Mailbox {
 public:
  // `on_mail` is called on the loop thread, in the async's callback; it should call drain().
  [[nodiscard]] static int create(Mailbox** mailbox, uv_loop_t* loop, void (*on_mail)(void* data),
                                  void* data);
  // Starts the job (0) or returns an error and has discarded it. The first job starts the threads.
  [[nodiscard]] int submit(Job* job);
  // done will not be called. For a job that was submitted and whose done has not returned.
  void abandon(Job* job);
  void drain();  // calls done of each finished job
  // While somebody waits for a job, the loop stays alive. Counted: each ref() wants its unref().
  void ref();
  void unref();
  // Abandons every job and closes the async; `on_closed(data)` (may be null) follows from the loop, last
  // of all. Never waits for a job: one that runs frees itself when it ends.
  void close(void (*on_closed)(void* data), void* data);

 private:
  friend struct Workers;

  uv_async_t async_;
  void (*on_mail_)(void* data) = nullptr;
  void (*on_closed_)(void* data) = nullptr;
  void* mail_data_ = nullptr;
  void* closed_data_ = nullptr;
  size_t waiting_ = 0;  // ref() without unref()
  // Under the threads' mutex.
  Job* finished_ = nullptr;
  Job* finished_last_ = nullptr;
  size_t holders_ = 1;  // the async, and each job
  unsigned process_ = 0;
  bool closed_ = false;  // written by the loop thread
};

// The most threads of one process, whatever the number of clients.
inline constexpr size_t kWorkerThreadsMax = 4;
// How many there are now; those that were left behind with a job that hangs are counted.
[[nodiscard]] size_t worker_threads_alive();

}  // namespace pester::uv

#endif
