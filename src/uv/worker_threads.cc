// SPDX-License-Identifier: MIT
#include "uv/worker_threads.h"

#include <pthread.h>
#include <signal.h>

#include <cstdlib>
#include <new>

#include "core/assert.h"

namespace pester::uv {

// The threads of this process. Constant-initialised; everything in it is under `mutex`.
struct Workers {
  static constexpr int kThreadsMax = 4;
  static constexpr size_t kStackBytes = size_t{512} << 10;

  pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  pthread_cond_t work = PTHREAD_COND_INITIALIZER;  // a job, or the end
  pthread_cond_t left = PTHREAD_COND_INITIALIZER;  // an idle thread has gone
  Job* queue = nullptr;
  int threads = 0;
  int idle = 0;
  size_t mailboxes = 0;
  bool fork_handled = false;

  void append(Job* job) {
    job->next = nullptr;
    Job** link = &queue;
    while (*link != nullptr) link = &(*link)->next;
    *link = job;
  }
  bool remove(Job* job) {
    for (Job** link = &queue; *link != nullptr; link = &(*link)->next) {
      if (*link != job) continue;
      *link = job->next;
      return true;
    }
    return false;
  }
  // Of this mailbox, in order, out of the queue.
  Job* take_all_of(const Mailbox* mailbox) {
    Job* taken = nullptr;
    Job** tail = &taken;
    for (Job** link = &queue; *link != nullptr;) {
      Job* job = *link;
      if (job->mailbox != mailbox) {
        link = &job->next;
        continue;
      }
      *link = job->next;
      job->next = nullptr;
      *tail = job;
      tail = &job->next;
    }
    return taken;
  }
  // Returns true when the job was handed to its mailbox; else it is the caller's to discard.
  static bool deliver(Job* job) {
    Mailbox& mailbox = *job->mailbox;
    if (!mailbox.open_) return false;
    job->next = nullptr;
    *mailbox.finished_tail_ = job;
    mailbox.finished_tail_ = &job->next;
    uv_async_send(&mailbox.async_);
    return true;
  }
  static void* main(void* data);
  int start_thread();
};

namespace {

Workers workers;

void after_fork_in_child() {  // the threads are not here, nor is anybody who waits for them
  const bool handled = workers.fork_handled;
  workers = Workers();
  workers.fork_handled = handled;
}

}  // namespace

void* Workers::main(void*) {
  pthread_mutex_lock(&workers.mutex);
  for (;;) {
    while (workers.queue == nullptr && workers.mailboxes != 0) {
      ++workers.idle;
      pthread_cond_wait(&workers.work, &workers.mutex);
      --workers.idle;
    }
    Job* job = workers.queue;
    if (job == nullptr) break;
    workers.queue = job->next;
    pthread_mutex_unlock(&workers.mutex);
    job->run(job);
    pthread_mutex_lock(&workers.mutex);
    if (deliver(job)) continue;
    Mailbox* mailbox = job->mailbox;
    pthread_mutex_unlock(&workers.mutex);
    job->discard(job);
    pthread_mutex_lock(&workers.mutex);
    mailbox->release();
  }
  --workers.threads;
  pthread_cond_broadcast(&workers.left);
  pthread_mutex_unlock(&workers.mutex);
  return nullptr;
}

// Detached: a lookup that hangs must hold up neither a client's end nor the process's. All signals are
// the host's threads'.
int Workers::start_thread() {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_attr_setstacksize(&attributes, kStackBytes);
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, &before);
  pthread_t thread;
  const int rc = pthread_create(&thread, &attributes, main, nullptr);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_attr_destroy(&attributes);
  if (rc == 0) ++threads;
  return -rc;
}

int Mailbox::create(Mailbox** out, uv_loop_t* loop, void (*on_mail)(void* data), void* data) {
  void* at = std::malloc(sizeof(Mailbox));
  if (at == nullptr) return UV_ENOMEM;
  auto* mailbox = ::new (at) Mailbox();
  mailbox->on_mail_ = on_mail;
  mailbox->data_ = data;
  if (const int rc = uv_async_init(loop, &mailbox->async_, on_async); rc != 0) {
    std::free(mailbox);
    return rc;
  }
  mailbox->unref();
  pthread_mutex_lock(&workers.mutex);
  if (!workers.fork_handled) {
    workers.fork_handled = true;
    pthread_atfork(nullptr, nullptr, after_fork_in_child);
  }
  ++workers.mailboxes;
  pthread_mutex_unlock(&workers.mutex);
  *out = mailbox;
  return 0;
}

void Mailbox::on_async(uv_async_t* async) {
  auto* mailbox = reinterpret_cast<Mailbox*>(async);
  mailbox->on_mail_(mailbox->data_);
}

int Mailbox::submit(Job* job) {
  job->mailbox = this;
  int rc = 0;
  pthread_mutex_lock(&workers.mutex);
  if (workers.idle == 0 && workers.threads < Workers::kThreadsMax) rc = workers.start_thread();
  if (workers.threads > 0) {
    rc = 0;
    ++references_;
    workers.append(job);
    pthread_cond_signal(&workers.work);
  }
  pthread_mutex_unlock(&workers.mutex);
  if (rc != 0) job->discard(job);
  return rc;
}

void Mailbox::abandon(Job* job) {
  pthread_mutex_lock(&workers.mutex);
  const bool unstarted = workers.remove(job);
  if (unstarted) release();
  pthread_mutex_unlock(&workers.mutex);
  if (unstarted) {
    job->discard(job);
  } else {
    job->abandoned = true;
  }
}

void Mailbox::drain() {
  pthread_mutex_lock(&workers.mutex);
  Job* job = finished_;
  finished_ = nullptr;
  finished_tail_ = &finished_;
  pthread_mutex_unlock(&workers.mutex);
  while (job != nullptr) {
    Job* next = job->next;
    if (!job->abandoned) job->done(job, job->owner);
    job->discard(job);
    pthread_mutex_lock(&workers.mutex);
    release();
    pthread_mutex_unlock(&workers.mutex);
    job = next;
  }
}

void Mailbox::ref() {
  uv_ref(reinterpret_cast<uv_handle_t*>(&async_));
}
void Mailbox::unref() {
  uv_unref(reinterpret_cast<uv_handle_t*>(&async_));
}

void Mailbox::release() {
  if (--references_ == 0) std::free(this);
}

void Mailbox::close(void (*on_closed)(void* data), void* data) {
  on_closed_ = on_closed;
  closed_data_ = data;
  pthread_mutex_lock(&workers.mutex);
  open_ = false;
  Job* unwanted[2] = {workers.take_all_of(this), finished_};
  finished_ = nullptr;
  finished_tail_ = &finished_;
  pthread_mutex_unlock(&workers.mutex);
  for (Job* job : unwanted) {
    while (job != nullptr) {
      Job* next = job->next;
      job->discard(job);
      pthread_mutex_lock(&workers.mutex);
      release();
      pthread_mutex_unlock(&workers.mutex);
      job = next;
    }
  }
  uv_close(reinterpret_cast<uv_handle_t*>(&async_), on_async_closed);
}

void Mailbox::on_async_closed(uv_handle_t* handle) {
  auto* mailbox = reinterpret_cast<Mailbox*>(handle);
  void (*const on_closed)(void*) = mailbox->on_closed_;
  void* const data = mailbox->closed_data_;
  pthread_mutex_lock(&workers.mutex);
  mailbox->release();
  if (--workers.mailboxes == 0) {
    pthread_cond_broadcast(&workers.work);
    // Idle threads leave at once; those in the middle of something are not waited for.
    while (workers.idle != 0 && workers.mailboxes == 0) pthread_cond_wait(&workers.left, &workers.mutex);
  }
  pthread_mutex_unlock(&workers.mutex);
  if (on_closed != nullptr) on_closed(data);
}

}  // namespace pester::uv
