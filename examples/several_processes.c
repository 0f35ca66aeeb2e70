/* SPDX-License-Identifier: MIT
 * Workers that are forked, and share one budget and one breaker for each origin: however many they are,
 * a server that fails sees no more extra attempts than one process would send. The parent waits for
 * them and prints what they came to.
 *
 *   ./several_processes /tmp/shared http://127.0.0.1:8080/ 4 */
#include <pester.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { kRequests = 40, kWorkersMost = 64 };

static char why[256];

static int complain(const char* what, int rc) {
  fprintf(stderr, "%s\n", why[0] != '\0' ? why : rc != 0 ? pester_strerror(rc) : what);
  return 2;
}

static int open_shared(const char* file, pester_shared_t** shared) {
  pester_shared_options_t shared_options;
  pester_shared_options_init(&shared_options);
  shared_options.path = file; /* made by the first, for this user alone */
  shared_options.error_text = why;
  shared_options.error_text_size = sizeof why;
  int rc;
  if ((rc = pester_shared_open(shared, &shared_options)) != 0) {
    complain(file, rc);
  }
  return rc;
}

static void on_done(const pester_result_t* result, void* data) {
  int* left = data;
  if (--*left == 0) pester_client_close(pester_result_client(result), NULL, NULL);
}

/* A worker: a loop, a client, its requests. */
static int work(pester_shared_t* shared, const char* url) {
  uv_loop_t* loop = uv_default_loop();
  pester_policy_t policy;
  pester_policy_init(&policy, PESTER_POLICY_STANDARD);
  policy.backoff.base_ms = 5;

  pester_client_options_t options;
  pester_client_options_init(&options);
  options.policy = &policy; /* one with budget and breaker */
  options.shared = shared;
  options.error_text = why;
  options.error_text_size = sizeof why;

  pester_client_t* client;
  int rc = pester_client_new(&client, loop, &options);
  if (rc != 0) return complain("client", rc);
  int left = kRequests;
  for (int i = 0; i < kRequests; ++i) {
    if ((rc = pester_client_get(client, url, on_done, &left, NULL)) != 0) return complain(url, rc);
  }
  uv_run(loop, UV_RUN_DEFAULT);
  return uv_loop_close(loop) != 0 || left != 0;
}

int main(int argc, char** argv) {
  const int workers = argc == 4 ? atoi(argv[3]) : 0;
  if (workers < 1 || workers > kWorkersMost) {
    fprintf(stderr, "usage: %s FILE URL WORKERS\n", argv[0]);
    return 2;
  }
  pester_shared_t* shared; /* the children have it, too */
  if (open_shared(argv[1], &shared) != 0) return 2;
  for (int i = 0; i < workers; ++i) {
    const pid_t pid = fork();
    if (pid < 0) return complain("fork", UV_EAGAIN);
    if (pid == 0) {
      const int status = work(shared, argv[2]);
      pester_shared_close(shared);
      return status;
    }
  }
  int failed = 0, status;
  while (wait(&status) > 0) failed += status != 0;

  pester_shared_stats_t stats;
  pester_shared_stats(shared, &stats);
  printf("%llu requests, %llu extra attempts, %llu that were not paid for\n",
         (unsigned long long)stats.requests, (unsigned long long)(stats.reserved - stats.refunded),
         (unsigned long long)stats.refused);
  pester_shared_close(shared); /* the file stays, for whoever comes next */
  return failed != 0;
}
