/* SPDX-License-Identifier: MIT
 * A file of any length, written as it comes: each span of the body goes to the disk by uv_fs_write, and
 * until it is there nothing more is read, so that memory stays flat however slow the disk. A body that
 * breaks off goes on where it broke. What is under FILE is whole or is not there.
 *
 *   ./download https://mirror.example/image.iso image.iso */
#include <fcntl.h>
#include <pester.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct download {
  pester_client_t* client;
  pester_request_id_t id;
  const char* path; /* in the end */
  char part[4096];  /* until then */
  uv_file file;
  uv_fs_t write;
  char* span; /* a copy of what is being written */
  size_t len, room;
  int writing, ended;
  int64_t bytes; /* written */
  int exit_code;
};

static void fail(struct download* download, const char* what) {
  fprintf(stderr, "%s\n", what);
  download->exit_code = 1;
}

/* The request has ended, and nothing is being written any more. */
static void finish(struct download* download) {
  uv_loop_t* loop = pester_client_loop(download->client);
  uv_fs_t fs;
  if (uv_fs_close(loop, &fs, download->file, NULL) < 0) fail(download, "close failed");
  if (download->exit_code == 0 && uv_fs_rename(loop, &fs, download->part, download->path, NULL) < 0) {
    fail(download, "rename failed");
  }
  if (download->exit_code != 0) uv_fs_unlink(loop, &fs, download->part, NULL);
  free(download->span);
  pester_client_close(download->client, NULL, NULL);
}

static void write_rest(struct download* download);

static void on_written(uv_fs_t* write) {
  struct download* download = write->data;
  ssize_t count = write->result;
  uv_fs_req_cleanup(write);
  download->writing = 0;
  if (count < 0) {
    fail(download, pester_strerror((int)count));
    download->len = 0;
    pester_cancel(download->client, download->id);
  } else {
    download->bytes += count;
    download->len -= (size_t)count;
    memmove(download->span, download->span + count, download->len);
  }
  if (download->len > 0) {
    write_rest(download);
  } else if (download->ended) {
    finish(download);
  } else {
    pester_resume(download->client, download->id);
  }
}

static void write_rest(struct download* download) {
  uv_buf_t buffer = uv_buf_init(download->span, (unsigned)download->len);
  download->write.data = download;
  download->writing = 1;
  uv_fs_write(pester_client_loop(download->client), &download->write, download->file, &buffer, 1,
              download->bytes, on_written);
}

static void on_head(const pester_result_t* result, void* data) {
  struct download* download = data;
  if (pester_result_status(result) == 200) return;
  fail(download, pester_result_reason(result));
  pester_cancel(download->client, pester_result_id(result)); /* no on_body comes, but on_done */
}

static void on_body(const pester_result_t* result, const char* bytes, size_t len, void* data) {
  struct download* download = data;
  if (len > download->room) {
    char* larger = realloc(download->span, len);
    if (larger == NULL) {
      fail(download, "out of memory");
      pester_cancel(download->client, pester_result_id(result));
      return;
    }
    download->span = larger;
    download->room = len;
  }
  memcpy(download->span, bytes, len); /* which are valid during this call */
  download->len = len;
  pester_pause(download->client, pester_result_id(result)); /* until it is written */
  write_rest(download);
}

static void on_done(const pester_result_t* result, void* data) {
  struct download* download = data;
  int resumes = 0;
  download->ended = 1;
  if (pester_result_error(result) != 0 && download->exit_code == 0) {
    fail(download, pester_result_detail(result));
  }
  for (size_t i = 0; i < pester_result_exchange_count(result); ++i) {
    pester_exchange_t exchange;
    pester_result_exchange(result, i, &exchange);
    if (exchange.kind == PESTER_KIND_RESUME) ++resumes;
  }
  if (download->exit_code == 0) {
    printf("%llu bytes, resumed %d times\n", (unsigned long long)pester_result_body_bytes(result),
           resumes);
  }
  if (!download->writing) finish(download);
}

static int start(struct download* download, uv_loop_t* loop, const char* url) {
  pester_policy_t policy;
  pester_policy_init(&policy, PESTER_POLICY_STANDARD);
  policy.max_resumes = 10;
  policy.backoff.base_ms = 50;
  policy.attempt_timeout_ms = PESTER_NONE; /* a long file takes long ... */
  policy.total_timeout_ms = PESTER_NONE;
  policy.body_gap_timeout_ms = 10000; /* ... but not without a sign of life */

  pester_client_options_t options;
  pester_client_options_init(&options);
  options.policy = &policy;
  int rc = pester_client_new(&download->client, loop, &options);
  if (rc != 0) return rc;

  pester_request_t request;
  pester_request_init(&request);
  request.url = url;
  request.on_head = on_head;
  request.on_body = on_body;
  request.on_done = on_done;
  request.data = download;
  rc = pester_send(download->client, &request, &download->id);
  if (rc != 0) pester_client_close(download->client, NULL, NULL);
  return rc;
}

int main(int argc, char** argv) {
  struct download download = {0};
  uv_loop_t* loop = uv_default_loop();
  uv_fs_t fs;
  if (argc != 3) {
    fprintf(stderr, "usage: %s URL FILE\n", argv[0]);
    return 2;
  }
  download.path = argv[2];
  snprintf(download.part, sizeof download.part, "%s.part", argv[2]);
  download.file = uv_fs_open(loop, &fs, download.part, O_WRONLY | O_CREAT | O_TRUNC, 0666, NULL);
  if (download.file < 0) {
    fprintf(stderr, "%s: %s\n", download.part, pester_strerror((int)download.file));
    return 2;
  }
  int rc = start(&download, loop, argv[1]);
  if (rc != 0) {
    fprintf(stderr, "%s: %s\n", argv[1], pester_strerror(rc));
    download.exit_code = 2;
    uv_fs_close(loop, &fs, download.file, NULL);
    uv_fs_unlink(loop, &fs, download.part, NULL);
  }
  uv_run(loop, UV_RUN_DEFAULT);
  return uv_loop_close(loop) != 0 ? 3 : download.exit_code;
}
