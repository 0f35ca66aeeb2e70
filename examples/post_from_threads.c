/* SPDX-License-Identifier: MIT
 * Requests from worker threads: four of them post through an inbox and wait for their answers, while the
 * main thread runs the loop. The loop goes on as long as a thread may still post. */
#include <pester.h>
#include <stdio.h>
#include <string.h>

enum { THREADS = 4, POSTS = 5 };

/* What a worker shares with the loop's thread for one post. */
struct answer {
  uv_sem_t ready;
  int error, status;
  char why[128];
};

static pester_inbox_t* inbox;
static const char* url;
static int good[THREADS];

/* On the loop's thread, as every callback. */
static void on_done(const pester_result_t* result, void* data) {
  struct answer* answer = data;
  answer->error = pester_result_error(result);
  answer->status = pester_result_status(result);
  snprintf(answer->why, sizeof answer->why, "%s", pester_result_detail(result));
  uv_sem_post(&answer->ready);
}

/* Instead of on_done, when it could not be sent. */
static void on_refused(int error, const char* why, void* data) {
  struct answer* answer = data;
  answer->error = error;
  snprintf(answer->why, sizeof answer->why, "%s", why);
  uv_sem_post(&answer->ready);
}

static void work(void* argument) {
  int* mine = argument;
  for (int i = 0; i < POSTS; ++i) {
    struct answer answer = {0};
    char body[32];
    pester_request_t request;
    snprintf(body, sizeof body, "worker %d, %d", (int)(mine - good), i);
    pester_request_init(&request);
    request.method = "PUT";
    request.url = url;
    request.body = body; /* copied: it may change once this is posted */
    request.body_len = strlen(body);
    request.on_done = on_done;
    request.data = &answer;
    uv_sem_init(&answer.ready, 0);
    int rc = pester_inbox_post(inbox, &request, on_refused, NULL);
    if (rc == 0) uv_sem_wait(&answer.ready); /* exactly one of the two is called */
    uv_sem_destroy(&answer.ready);
    if (rc != 0 || answer.error != 0) {
      fprintf(stderr, "%s: %s\n", body, rc != 0 ? pester_strerror(rc) : answer.why);
    } else if (answer.status == 200) {
      ++*mine;
    }
  }
  pester_inbox_free(inbox); /* this thread posts no more */
}

int main(int argc, char** argv) {
  pester_client_t* client;
  uv_thread_t threads[THREADS];
  int sum = 0;
  if (argc != 2) {
    fprintf(stderr, "usage: %s URL\n", argv[0]);
    return 2;
  }
  url = argv[1];
  if (pester_client_new(&client, uv_default_loop(), NULL) != 0) return 3;
  if (pester_inbox_new(&inbox, client, NULL) != 0) return 3;
  for (int i = 0; i < THREADS; ++i) {
    pester_inbox_ref(inbox); /* one for each thread */
    if (uv_thread_create(&threads[i], work, &good[i]) != 0) return 3;
  }
  pester_inbox_free(inbox);
  uv_run(uv_default_loop(), UV_RUN_DEFAULT); /* returns when the last thread has freed it */
  for (int i = 0; i < THREADS; ++i) {
    uv_thread_join(&threads[i]);
    sum += good[i];
  }
  printf("%d of %d answered with 200\n", sum, THREADS * POSTS);
  pester_client_close(client, NULL, NULL);
  uv_run(uv_default_loop(), UV_RUN_DEFAULT);
  if (uv_loop_close(uv_default_loop()) != 0) return 3;
  return sum == THREADS * POSTS ? 0 : 1;
}
