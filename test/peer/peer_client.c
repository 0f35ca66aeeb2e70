/* SPDX-License-Identifier: MIT
 * The client of the peer tests: a line of standard input is a deed, a line of standard output is what
 * became of a request. It can hold up its loop, which the command cannot, so that servers do things
 * unseen. */
#include <pester.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { kLineMax = 4096 };

struct program {
  pester_client_t* client;
  uv_pipe_t input;
  char line[kLineMax];
  size_t used;
  char taken[kLineMax];
  int broken;
};

static void print_exchange(const pester_exchange_t* exchange, const char* gap) {
  printf(
      "%s{\"kind\": \"%s\", \"outcome\": \"%s\", \"delivery\": \"%s\", \"status\": %d, \"error\": "
      "\"%s\", "
      "\"reused\": %d, \"resumed\": %d, \"tls\": \"%s\", \"remote\": \"%s\"}",
      gap, pester_kind_name(exchange->kind), pester_outcome_name(exchange->outcome),
      pester_delivery_name(exchange->delivery), exchange->status,
      exchange->error != 0 ? pester_err_name(exchange->error) : "", exchange->reused,
      exchange->tls_resumed, exchange->tls_version, exchange->remote);
}

static void on_done(const pester_result_t* result, void* data) {
  int error = pester_result_error(result);
  (void)data;
  printf("{\"status\": %d, \"error\": \"%s\", \"stop\": \"%s\", \"bytes\": %llu, \"exchanges\": [",
         pester_result_status(result), error != 0 ? pester_err_name(error) : "",
         pester_stop_name(pester_result_stop(result)),
         (unsigned long long)pester_result_body_bytes(result));
  for (size_t i = 0; i < pester_result_exchange_count(result); ++i) {
    pester_exchange_t exchange;
    pester_result_exchange(result, i, &exchange);
    print_exchange(&exchange, i > 0 ? ", " : "");
  }
  printf("]}\n");
  fflush(stdout);
}

static void hold_up(long ms) {
  struct timespec time = {ms / 1000, ms % 1000 * 1000000};
  while (nanosleep(&time, &time) != 0) {
  }
}

/* METHOD URL [BODY-SIZE] */
static void send_request(struct program* program, const char* method, const char* url, size_t body_len) {
  pester_request_t request;
  char why[200] = "";
  char* body = body_len > 0 ? calloc(1, body_len) : NULL;
  pester_request_init(&request);
  request.method = method;
  request.url = url;
  request.body = body;
  request.body_len = body_len;
  request.on_done = on_done;
  request.error_text = why;
  request.error_text_size = sizeof why;
  if (pester_send(program->client, &request, NULL) != 0) {
    fprintf(stderr, "refused: %s\n", why);
    program->broken = 1;
  }
  free(body);
}

static void print_stats(struct program* program) {
  pester_client_stats_t stats = {0};
  stats.struct_size = sizeof stats;
  pester_client_stats(program->client, &stats);
  printf("{\"idle\": %u, \"open\": %u, \"opened\": %llu, \"resends\": %llu}\n", stats.connections_idle,
         stats.connections_open, (unsigned long long)stats.connections_opened,
         (unsigned long long)stats.resends);
  fflush(stdout);
}

static void obey(struct program* program, char* line) {
  char* rest = NULL;
  const char* word = strtok_r(line, " ", &rest);
  const char* second = strtok_r(NULL, " ", &rest);
  const char* third = strtok_r(NULL, " ", &rest);
  if (word == NULL) return;
  if (strcmp(word, "stats") == 0) {
    print_stats(program);
  } else if (strcmp(word, "hold-up") == 0 && second != NULL) {
    hold_up(atol(second));
  } else if (second != NULL) {
    send_request(program, word, second, third != NULL ? strtoul(third, NULL, 10) : 0);
  } else {
    fprintf(stderr, "unknown deed: %s\n", word);
    program->broken = 1;
  }
}

static void on_alloc(uv_handle_t* handle, size_t suggested, uv_buf_t* buffer) {
  struct program* program = handle->data;
  (void)suggested;
  *buffer = uv_buf_init(program->taken, sizeof program->taken);
}

static void on_read(uv_stream_t* stream, ssize_t count, const uv_buf_t* buffer) {
  struct program* program = stream->data;
  if (count < 0) {
    uv_close((uv_handle_t*)stream, NULL);
    pester_client_close(program->client, NULL, NULL);
    return;
  }
  for (ssize_t i = 0; i < count; ++i) {
    if (buffer->base[i] != '\n') {
      if (program->used + 1 < sizeof program->line) program->line[program->used++] = buffer->base[i];
      continue;
    }
    program->line[program->used] = '\0';
    program->used = 0;
    obey(program, program->line);
  }
}

/* --attempts N, --gap MS, --first-byte MS, --ca FILE, --resolve HOST:PORT:ADDR */
static int read_options(int argc, char** argv, pester_policy_t* policy, pester_tls_options_t* tls,
                        pester_client_options_t* options, const char** resolve) {
  for (int i = 1; i + 1 < argc; i += 2) {
    const char* value = argv[i + 1];
    if (strcmp(argv[i], "--attempts") == 0) {
      policy->max_attempts = atoi(value);
    } else if (strcmp(argv[i], "--gap") == 0) {
      policy->body_gap_timeout_ms = atol(value);
    } else if (strcmp(argv[i], "--first-byte") == 0) {
      policy->first_byte_timeout_ms = atol(value);
    } else if (strcmp(argv[i], "--ca") == 0) {
      tls->ca_file = value;
    } else if (strcmp(argv[i], "--resolve") == 0) {
      *resolve = value;
      options->resolve = resolve;
      options->resolve_count = 1;
    } else {
      return -1;
    }
  }
  return argc % 2 == 1 ? 0 : -1;
}

int main(int argc, char** argv) {
  static struct program program;
  uv_loop_t* loop = uv_default_loop();
  const char* resolve = NULL;
  pester_policy_t policy;
  pester_tls_options_t tls;
  pester_client_options_t options;
  pester_policy_init(&policy, PESTER_POLICY_PESTER);
  policy.backoff.base_ms = 20;
  pester_tls_options_init(&tls);
  pester_client_options_init(&options);
  options.policy = &policy;
  options.tls = &tls;
  if (read_options(argc, argv, &policy, &tls, &options, &resolve) != 0) return 2;
  if (pester_client_new(&program.client, loop, &options) != 0) return 3;
  uv_pipe_init(loop, &program.input, 0);
  program.input.data = &program;
  if (uv_pipe_open(&program.input, 0) != 0) return 3;
  uv_read_start((uv_stream_t*)&program.input, on_alloc, on_read);
  uv_run(loop, UV_RUN_DEFAULT);
  if (uv_loop_close(loop) != 0) return 4;
  return program.broken;
}
