// SPDX-License-Identifier: MIT
// Jobs on private threads: told on the loop, abandoned, hung, forked. A hung job here waits at a gate
// that the test opens in the end.
#include "uv/worker_threads.h"

#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>

#include "support/cmocka.h"

namespace {

using pester::uv::Job;
using pester::uv::kWorkerThreadsMax;
using pester::uv::Mailbox;
using pester::uv::worker_threads_alive;

std::atomic<int> ran;
std::atomic<int> discarded;
int told;
sem_t began;
sem_t gate;

struct TestJob : Job {
  bool hangs = false;
  bool masked = false;
  pthread_t thread{};
};

void run(Job* job) {
  auto* test = static_cast<TestJob*>(job);
  test->thread = pthread_self();
  sigset_t blocked;
  pthread_sigmask(SIG_SETMASK, nullptr, &blocked);
  test->masked = sigismember(&blocked, SIGTERM) == 1 && sigismember(&blocked, SIGPIPE) == 1 &&
                 sigismember(&blocked, SIGSEGV) == 0;
  ran++;
  if (!test->hangs) return;
  sem_post(&began);
  while (sem_wait(&gate) != 0) {
  }
}

void done(Job*, void*) {
  told++;
}

void discard(Job* job) {
  free(static_cast<TestJob*>(job));
  discarded++;
}

TestJob* new_job(bool hangs) {
  auto* job = static_cast<TestJob*>(malloc(sizeof(TestJob)));
  *job = TestJob{};
  job->run = run;
  job->done = done;
  job->discard = discard;
  job->hangs = hangs;
  return job;
}

struct Bench {
  uv_loop_t loop{};
  Mailbox* mailbox = nullptr;
  int closed = 0;
};
Bench* bench;

void on_mail(void* data) {
  static_cast<Bench*>(data)->mailbox->drain();
}

void open_mailbox(Bench* with) {
  assert_int_equal(uv_loop_init(&with->loop), 0);
  assert_int_equal(Mailbox::create(&with->mailbox, &with->loop, on_mail, with), 0);
}

int set_up(void**) {
  bench = new Bench;
  ran = 0;
  discarded = 0;
  told = 0;
  sem_init(&began, 0, 0);
  sem_init(&gate, 0, 0);
  open_mailbox(bench);
  return 0;
}

void close_mailbox(Bench* with) {
  with->mailbox->close([](void* data) { static_cast<Bench*>(data)->closed++; }, with);
  uv_run(&with->loop, UV_RUN_DEFAULT);
  assert_int_equal(with->closed, 1);
  assert_int_equal(uv_loop_close(&with->loop), 0);
}

// Waits, for 5 s at most, until a worker has come so far.
bool reaches(const std::atomic<int>& counter, int wanted) {
  for (int i = 0; i < 5000 && counter < wanted; i++) usleep(1000);
  return counter == wanted;
}

// A thread that has told its job may not have come to rest yet when its mailbox closes: it ends by
// itself.
bool none_alive() {
  for (int i = 0; i < 5000 && worker_threads_alive() != 0; i++) usleep(1000);
  return worker_threads_alive() == 0;
}

int tear_down(void**) {
  const bool all_ended = none_alive();
  sem_destroy(&began);
  sem_destroy(&gate);
  delete bench;
  return all_ended ? 0 : -1;
}

void run_until_told(int wanted) {
  bench->mailbox->ref();
  while (told < wanted) uv_run(&bench->loop, UV_RUN_ONCE);
  bench->mailbox->unref();
  assert_int_equal(told, wanted);
}

void run_until_discarded(int wanted) {
  bench->mailbox->ref();
  for (int i = 0; i < 5000 && discarded < wanted; i++) {
    uv_run(&bench->loop, UV_RUN_NOWAIT);
    usleep(1000);
  }
  bench->mailbox->unref();
  assert_int_equal(discarded, wanted);
}

void wait_begun(int count) {
  for (int i = 0; i < count; i++) {
    while (sem_wait(&began) != 0) {
    }
  }
}

void open_gate(int count) {
  for (int i = 0; i < count; i++) sem_post(&gate);
}

void job_runs_elsewhere_and_is_told_here(void**) {
  TestJob* job = new_job(false);
  job->owner = bench;
  static bool elsewhere, masked;
  elsewhere = masked = false;
  job->done = [](Job* ended, void* owner) {
    assert_ptr_equal(owner, bench);
    elsewhere = !pthread_equal(static_cast<TestJob*>(ended)->thread, pthread_self());
    masked = static_cast<TestJob*>(ended)->masked;
    told++;
  };
  assert_int_equal(bench->mailbox->submit(job), 0);
  run_until_told(1);
  assert_true(elsewhere);
  assert_true(masked);
  assert_int_equal(discarded, 1);
  close_mailbox(bench);
}

void many_jobs_share_four_threads(void**) {
  constexpr int kJobs = 200;
  for (int i = 0; i < kJobs; i++) assert_int_equal(bench->mailbox->submit(new_job(false)), 0);
  assert_true(worker_threads_alive() <= kWorkerThreadsMax);
  run_until_told(kJobs);
  assert_true(worker_threads_alive() <= kWorkerThreadsMax);
  assert_int_equal(discarded, kJobs);
  close_mailbox(bench);
}

// One idle thread must not be promised to two jobs: the second would wait for a hung first.
void each_job_gets_a_thread_while_there_are_any(void**) {
  assert_int_equal(bench->mailbox->submit(new_job(false)), 0);
  run_until_told(1);  // one thread, idle now
  for (size_t i = 0; i < kWorkerThreadsMax; i++) {
    assert_int_equal(bench->mailbox->submit(new_job(true)), 0);
  }
  wait_begun(kWorkerThreadsMax);
  assert_int_equal(worker_threads_alive(), kWorkerThreadsMax);
  open_gate(kWorkerThreadsMax);
  run_until_told(5);
  close_mailbox(bench);
}

void pending_job_does_not_keep_the_loop_unless_asked(void**) {
  assert_int_equal(bench->mailbox->submit(new_job(true)), 0);
  assert_int_equal(uv_run(&bench->loop, UV_RUN_DEFAULT), 0);
  bench->mailbox->ref();
  bench->mailbox->ref();
  bench->mailbox->unref();
  assert_int_equal(uv_loop_alive(&bench->loop), 1);
  bench->mailbox->unref();
  assert_int_equal(uv_loop_alive(&bench->loop), 0);
  wait_begun(1);
  open_gate(1);
  run_until_told(1);
  close_mailbox(bench);
}

void close_does_not_wait_for_a_hung_job(void**) {
  assert_int_equal(bench->mailbox->submit(new_job(true)), 0);
  wait_begun(1);
  close_mailbox(bench);  // returns: that is the claim
  assert_int_equal(discarded, 0);
  assert_int_equal(worker_threads_alive(), 1);
  open_gate(1);
  assert_true(reaches(discarded, 1));
  assert_int_equal(told, 0);
}

void close_discards_what_waits_behind_hung_jobs(void**) {
  for (size_t i = 0; i < kWorkerThreadsMax; i++) {
    assert_int_equal(bench->mailbox->submit(new_job(true)), 0);
  }
  wait_begun(kWorkerThreadsMax);
  for (int i = 0; i < 3; i++) assert_int_equal(bench->mailbox->submit(new_job(false)), 0);
  close_mailbox(bench);
  assert_int_equal(discarded, 3);
  open_gate(kWorkerThreadsMax);
  assert_true(reaches(discarded, 7));
  assert_int_equal(ran, kWorkerThreadsMax);
  assert_int_equal(told, 0);
}

void abandoned_jobs_are_discarded_and_not_told(void**) {
  TestJob* running = new_job(true);
  assert_int_equal(bench->mailbox->submit(running), 0);
  wait_begun(1);
  bench->mailbox->abandon(running);
  open_gate(1);
  assert_true(reaches(discarded, 1));
  // Finished, but not drained yet.
  TestJob* finished = new_job(false);
  assert_int_equal(bench->mailbox->submit(finished), 0);
  assert_true(reaches(ran, 2));
  bench->mailbox->abandon(finished);
  run_until_discarded(2);
  assert_int_equal(told, 0);
  close_mailbox(bench);
}

void job_abandoned_before_its_turn_is_not_run(void**) {
  for (size_t i = 0; i < kWorkerThreadsMax; i++) {
    assert_int_equal(bench->mailbox->submit(new_job(true)), 0);
  }
  wait_begun(kWorkerThreadsMax);
  TestJob* queued = new_job(false);
  assert_int_equal(bench->mailbox->submit(queued), 0);
  bench->mailbox->abandon(queued);
  open_gate(kWorkerThreadsMax);
  run_until_told(kWorkerThreadsMax);
  assert_true(reaches(discarded, 5));
  assert_int_equal(ran, kWorkerThreadsMax);
  close_mailbox(bench);
}

void done_may_abandon_another_of_the_same_mail(void**) {
  TestJob* jobs[2] = {new_job(false), new_job(false)};
  for (TestJob* job : jobs) {
    job->done = [](Job* ended, void*) {
      told++;
      bench->mailbox->abandon(static_cast<Job*>(ended->owner));
    };
  }
  jobs[0]->owner = jobs[1];
  jobs[1]->owner = jobs[0];
  for (TestJob* job : jobs) assert_int_equal(bench->mailbox->submit(job), 0);
  assert_true(reaches(ran, 2));
  usleep(20'000);  // both in the mailbox; if not, the later one is abandoned there
  run_until_discarded(2);
  assert_int_equal(told, 1);
  close_mailbox(bench);
}

void close_inside_done_silences_the_rest(void**) {
  for (int i = 0; i < 8; i++) {
    TestJob* job = new_job(false);
    job->done = [](Job*, void*) {
      told++;
      bench->mailbox->close([](void* data) { static_cast<Bench*>(data)->closed++; }, bench);
    };
    assert_int_equal(bench->mailbox->submit(job), 0);
  }
  assert_true(reaches(ran, 8));
  bench->mailbox->ref();
  uv_run(&bench->loop, UV_RUN_DEFAULT);
  assert_int_equal(told, 1);
  assert_true(reaches(discarded, 8));
  assert_int_equal(bench->closed, 1);
  assert_int_equal(uv_loop_close(&bench->loop), 0);
}

void submit_after_close_discards(void**) {
  bench->mailbox->close([](void* data) { static_cast<Bench*>(data)->closed++; }, bench);
  assert_int_equal(bench->mailbox->submit(new_job(false)), UV_ECANCELED);
  assert_int_equal(discarded, 1);
  uv_run(&bench->loop, UV_RUN_DEFAULT);
  assert_int_equal(uv_loop_close(&bench->loop), 0);
}

// A thread left behind by the last client serves the next one when its job ends at last.
void thread_left_behind_serves_the_next_mailbox(void**) {
  for (size_t i = 0; i < kWorkerThreadsMax; i++) {
    assert_int_equal(bench->mailbox->submit(new_job(true)), 0);
  }
  wait_begun(kWorkerThreadsMax);
  close_mailbox(bench);
  *bench = Bench{};
  open_mailbox(bench);
  assert_int_equal(bench->mailbox->submit(new_job(false)), 0);
  assert_int_equal(worker_threads_alive(), kWorkerThreadsMax);  // never a fifth
  open_gate(1);
  run_until_told(1);
  open_gate(kWorkerThreadsMax - 1);
  assert_true(reaches(discarded, 5));
  close_mailbox(bench);
}

void threads_end_with_the_last_mailbox_only(void**) {
  Bench second;
  open_mailbox(&second);
  assert_int_equal(bench->mailbox->submit(new_job(false)), 0);
  run_until_told(1);
  assert_int_equal(worker_threads_alive(), 1);
  close_mailbox(&second);
  assert_int_equal(worker_threads_alive(), 1);
  close_mailbox(bench);
  assert_true(none_alive());
}

int child_main() {
  if (worker_threads_alive() != 0) return 1;
  Bench own;
  if (uv_loop_init(&own.loop) != 0) return 2;
  if (Mailbox::create(&own.mailbox, &own.loop, on_mail, &own) != 0) return 3;
  told = 0;
  TestJob* job = new_job(false);
  if (own.mailbox->submit(job) != 0) return 4;
  own.mailbox->ref();
  while (told == 0) uv_run(&own.loop, UV_RUN_ONCE);
  own.mailbox->unref();
  own.mailbox->close([](void* data) { static_cast<Bench*>(data)->closed++; }, &own);
  uv_run(&own.loop, UV_RUN_DEFAULT);
  if (own.closed != 1 || uv_loop_close(&own.loop) != 0) return 5;
  return none_alive() ? 0 : 6;
}

void child_of_fork_has_threads_of_its_own(void**) {
  assert_int_equal(bench->mailbox->submit(new_job(true)), 0);
  wait_begun(1);
  int report[2];
  assert_int_equal(pipe(report), 0);
  const pid_t child = fork();
  if (child == 0) {
    const auto result = static_cast<char>(child_main());
    (void)!write(report[1], &result, 1);
    kill(getpid(), SIGKILL);  // no exit, at which valgrind would count the parent's memory as lost
  }
  assert_true(child > 0);
  close(report[1]);
  char result = -1;
  assert_int_equal(read(report[0], &result, 1), 1);
  assert_int_equal(result, 0);
  close(report[0]);
  assert_int_equal(waitpid(child, nullptr, 0), child);
  open_gate(1);
  run_until_told(1);
  close_mailbox(bench);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(job_runs_elsewhere_and_is_told_here, set_up, tear_down),
      cmocka_unit_test_setup_teardown(many_jobs_share_four_threads, set_up, tear_down),
      cmocka_unit_test_setup_teardown(each_job_gets_a_thread_while_there_are_any, set_up, tear_down),
      cmocka_unit_test_setup_teardown(pending_job_does_not_keep_the_loop_unless_asked, set_up,
                                      tear_down),
      cmocka_unit_test_setup_teardown(close_does_not_wait_for_a_hung_job, set_up, tear_down),
      cmocka_unit_test_setup_teardown(close_discards_what_waits_behind_hung_jobs, set_up, tear_down),
      cmocka_unit_test_setup_teardown(abandoned_jobs_are_discarded_and_not_told, set_up, tear_down),
      cmocka_unit_test_setup_teardown(job_abandoned_before_its_turn_is_not_run, set_up, tear_down),
      cmocka_unit_test_setup_teardown(done_may_abandon_another_of_the_same_mail, set_up, tear_down),
      cmocka_unit_test_setup_teardown(close_inside_done_silences_the_rest, set_up, tear_down),
      cmocka_unit_test_setup_teardown(submit_after_close_discards, set_up, tear_down),
      cmocka_unit_test_setup_teardown(thread_left_behind_serves_the_next_mailbox, set_up, tear_down),
      cmocka_unit_test_setup_teardown(threads_end_with_the_last_mailbox_only, set_up, tear_down),
      cmocka_unit_test_setup_teardown(child_of_fork_has_threads_of_its_own, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
