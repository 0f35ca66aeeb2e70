// SPDX-License-Identifier: MIT
// The private threads and the mailboxes they answer to. One mutex guards all that a worker can see;
// neither jobs nor callbacks run under it. Refuses to know what a job does.
#include "uv/worker_threads.h"

#include <pthread.h>
#include <signal.h>

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <initializer_list>

#include "core/assert.h"

namespace pester::uv {

// The books of the process. Threads are `idle` (waiting, or just started) or busy. When the last mailbox
// goes, a new epoch begins: the idle ones end and are joined, which takes no time; the busy ones are
// detached and left behind, since their job may hang. One left behind ends after its job, or joins the
// new epoch if there are mailboxes again.
struct Workers {
  struct Thread {
    pthread_t id;
    bool joinable;
    bool idle;
  };

  pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  pthread_cond_t work = PTHREAD_COND_INITIALIZER;
  Job* first = nullptr;
  Job* last = nullptr;
  size_t queued = 0;
  Thread threads[kWorkerThreadsMax] = {};
  size_t alive = 0;
  size_t idle = 0;
  size_t mailboxes = 0;
  unsigned epoch = 0;
  unsigned process = 0;  // counts forks

  void lock() { pthread_mutex_lock(&mutex); }
  void unlock() { pthread_mutex_unlock(&mutex); }
  void push(Job* job);
  Job* pop();
  int start_thread();
  void serve(size_t slot, unsigned born);
  void finish(Job* job);
  bool let_go(Mailbox* mailbox, size_t holders);
  void end_job(Job* job);
  Job* take_jobs_of(Mailbox* mailbox);
  size_t end_epoch(pthread_t* idle_ones);

  static void on_async(uv_async_t* async);
  static void on_async_closed(uv_handle_t* handle);
};

namespace {

constinit Workers workers;

// Enough for getaddrinfo and its modules; memory is used as it is touched only.
constexpr size_t kStackBytes = size_t{512} * 1024;

// A thread's birth certificate, in the pointer that pthread_create hands over.
static_assert(kWorkerThreadsMax == 4);
void* thread_main(void* argument) {
  const auto packed = reinterpret_cast<uintptr_t>(argument);
  workers.serve(packed & 3, static_cast<unsigned>(packed >> 2));
  return nullptr;
}

void before_fork() {
  workers.lock();
}

void after_fork_in_parent() {
  workers.unlock();
}

// The child has no threads but the one that forked. What was queued or running belongs to clients of
// the parent, and is forgotten.
void after_fork_in_child() {
  const unsigned process = workers.process + 1;
  workers = Workers{};
  workers.process = process;
}

pthread_once_t fork_once = PTHREAD_ONCE_INIT;
int fork_error = 0;
void watch_forks() {
  fork_error = -pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
}

// The host's signals are for the host's threads. Those of a crash stay, so that its handler sees them.
void signals_of_worker(sigset_t* set) {
  sigfillset(set);
  for (const int crash : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS}) {
    sigdelset(set, crash);
  }
}

int thread_create(pthread_t* id, void* argument) {
  sigset_t blocked;
  sigset_t before;
  signals_of_worker(&blocked);
  pthread_sigmask(SIG_SETMASK, &blocked, &before);
  pthread_attr_t attributes;
  int error = pthread_attr_init(&attributes);
  if (error == 0) {
    pthread_attr_setstacksize(&attributes, kStackBytes);
    error = pthread_create(id, &attributes, thread_main, argument);
    pthread_attr_destroy(&attributes);
    // A host with much thread-local storage: it does not fit into so small a stack.
    if (error == EINVAL) error = pthread_create(id, nullptr, thread_main, argument);
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return -error;
}

}  // namespace

void Workers::push(Job* job) {
  job->next = nullptr;
  if (first == nullptr) {
    first = job;
  } else {
    last->next = job;
  }
  last = job;
  queued++;
}

Job* Workers::pop() {
  Job* job = first;
  first = job->next;
  job->next = nullptr;
  queued--;
  return job;
}

// Under the mutex. The thread counts as idle from here on: it has yet to take a job.
int Workers::start_thread() {
  size_t slot = 0;
  while (slot < kWorkerThreadsMax && threads[slot].joinable) slot++;
  PESTER_ASSERT(slot < kWorkerThreadsMax);
  const uintptr_t packed = (static_cast<uintptr_t>(epoch) << 2) | slot;
  pthread_t id;
  if (const int error = thread_create(&id, reinterpret_cast<void*>(packed)); error != 0) return error;
  threads[slot] = {id, true, true};
  alive++;
  idle++;
  return 0;
}

void Workers::serve(size_t slot, unsigned born) {
  constexpr size_t kLeftBehind = kWorkerThreadsMax;
  lock();
  for (;;) {
    while (first == nullptr && epoch == born) pthread_cond_wait(&work, &mutex);
    if (epoch != born) break;  // end_epoch has taken this idle thread off the books
    idle--;
    if (slot != kLeftBehind) threads[slot].idle = false;
    Job* job = pop();
    const bool wanted = !job->abandoned;
    unlock();
    if (wanted) job->run(job);
    finish(job);
    lock();
    if (epoch != born) {
      if (mailboxes == 0) {
        alive--;
        break;
      }
      born = epoch;
      slot = kLeftBehind;
    }
    idle++;
    if (slot != kLeftBehind) threads[slot].idle = true;
  }
  unlock();
}

// On a worker. The async is alive as long as its mailbox is not closed, and it closes under the mutex.
void Workers::finish(Job* job) {
  lock();
  Mailbox* mailbox = job->mailbox;
  if (mailbox->closed_ || job->abandoned) {
    unlock();
    end_job(job);
    return;
  }
  job->next = nullptr;
  if (mailbox->finished_ == nullptr) {
    mailbox->finished_ = job;
  } else {
    mailbox->finished_last_->next = job;
  }
  mailbox->finished_last_ = job;
  uv_async_send(&mailbox->async_);
  unlock();
}

// Under the mutex. True when nobody holds the mailbox any more: free it.
bool Workers::let_go(Mailbox* mailbox, size_t holders) {
  PESTER_ASSERT(mailbox->holders_ >= holders);
  mailbox->holders_ -= holders;
  return mailbox->holders_ == 0;
}

void Workers::end_job(Job* job) {
  Mailbox* mailbox = job->mailbox;
  job->discard(job);
  lock();
  const bool last_holder = let_go(mailbox, 1);
  unlock();
  if (last_holder) std::free(mailbox);
}

// Under the mutex. A list of what has not begun and what has ended.
Job* Workers::take_jobs_of(Mailbox* mailbox) {
  Job* taken = mailbox->finished_;
  mailbox->finished_ = nullptr;
  mailbox->finished_last_ = nullptr;
  Job* kept = first;
  first = nullptr;
  last = nullptr;
  queued = 0;
  while (kept != nullptr) {
    Job* job = kept;
    kept = job->next;
    if (job->mailbox == mailbox) {
      job->next = taken;
      taken = job;
    } else {
      push(job);
    }
  }
  return taken;
}

// Under the mutex. Says how many threads are to be joined once it is released.
size_t Workers::end_epoch(pthread_t* idle_ones) {
  PESTER_ASSERT(first == nullptr);
  size_t count = 0;
  for (Thread& thread : threads) {
    if (thread.joinable && thread.idle) idle_ones[count++] = thread.id;
    if (thread.joinable && !thread.idle) pthread_detach(thread.id);
    thread = {};
  }
  alive -= idle;
  idle = 0;
  epoch++;
  pthread_cond_broadcast(&work);
  return count;
}

void Workers::on_async(uv_async_t* async) {
  auto* mailbox = static_cast<Mailbox*>(async->data);
  mailbox->on_mail_(mailbox->mail_data_);
}

void Workers::on_async_closed(uv_handle_t* handle) {
  auto* mailbox = static_cast<Mailbox*>(handle->data);
  void (*on_closed)(void* data) = mailbox->on_closed_;
  void* data = mailbox->closed_data_;
  pthread_t idle_ones[kWorkerThreadsMax];
  size_t idle_count = 0;
  workers.lock();
  // One inherited by fork is not on this process's books.
  if (mailbox->process_ == workers.process && --workers.mailboxes == 0) {
    idle_count = workers.end_epoch(idle_ones);
  }
  const bool last_holder = workers.let_go(mailbox, 1);
  workers.unlock();
  for (size_t i = 0; i < idle_count; i++) pthread_join(idle_ones[i], nullptr);
  if (last_holder) std::free(mailbox);
  if (on_closed != nullptr) on_closed(data);
}

int Mailbox::create(Mailbox** mailbox, uv_loop_t* loop, void (*on_mail)(void* data), void* data) {
  pthread_once(&fork_once, watch_forks);
  if (fork_error != 0) return fork_error;
  auto* made = static_cast<Mailbox*>(std::malloc(sizeof(Mailbox)));
  if (made == nullptr) return UV_ENOMEM;
  *made = Mailbox{};
  if (const int error = uv_async_init(loop, &made->async_, Workers::on_async); error != 0) {
    std::free(made);
    return error;
  }
  uv_unref(reinterpret_cast<uv_handle_t*>(&made->async_));
  made->async_.data = made;
  made->on_mail_ = on_mail;
  made->mail_data_ = data;
  workers.lock();
  workers.mailboxes++;
  made->process_ = workers.process;
  workers.unlock();
  *mailbox = made;
  return 0;
}

int Mailbox::submit(Job* job) {
  job->mailbox = this;
  job->next = nullptr;
  job->abandoned = false;
  workers.lock();
  int error = closed_ || process_ != workers.process ? UV_ECANCELED : 0;
  if (error == 0 && workers.queued >= workers.idle && workers.alive < kWorkerThreadsMax) {
    error = workers.start_thread();
    if (workers.alive != 0) error = 0;  // the others will come to it
  }
  if (error != 0) {
    workers.unlock();
    job->discard(job);
    return error;
  }
  holders_++;
  workers.push(job);
  pthread_cond_signal(&workers.work);
  workers.unlock();
  return 0;
}

void Mailbox::abandon(Job* job) {
  workers.lock();
  job->abandoned = true;
  workers.unlock();
}

void Mailbox::drain() {
  workers.lock();
  Job* job = finished_;
  finished_ = nullptr;
  finished_last_ = nullptr;
  workers.unlock();
  while (job != nullptr) {
    Job* next = job->next;
    // Looked at for each anew: the done before may have abandoned this one, or closed the mailbox.
    if (!closed_ && !job->abandoned) job->done(job, job->owner);
    workers.end_job(job);  // the async still holds the mailbox
    job = next;
  }
}

void Mailbox::ref() {
  if (waiting_++ == 0) uv_ref(reinterpret_cast<uv_handle_t*>(&async_));
}

void Mailbox::unref() {
  PESTER_ASSERT(waiting_ > 0);
  if (--waiting_ == 0) uv_unref(reinterpret_cast<uv_handle_t*>(&async_));
}

void Mailbox::close(void (*on_closed)(void* data), void* data) {
  PESTER_ASSERT(!closed_);
  on_closed_ = on_closed;
  closed_data_ = data;
  workers.lock();
  closed_ = true;
  Job* job = workers.take_jobs_of(this);
  workers.unlock();
  while (job != nullptr) {
    Job* next = job->next;
    workers.end_job(job);
    job = next;
  }
  uv_close(reinterpret_cast<uv_handle_t*>(&async_), Workers::on_async_closed);
}

size_t worker_threads_alive() {
  workers.lock();
  const size_t alive = workers.alive;
  workers.unlock();
  return alive;
}

}  // namespace pester::uv
