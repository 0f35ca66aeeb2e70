/* SPDX-License-Identifier: MIT
 * Sends as many bytes as it is told from a source of no known length, in a pattern whose checksum is
 * known, and says how much memory it took beyond what it had after the first 16 MiB. */
#include <pester.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "growth.h"

static const uint64_t kSettled = 16u << 20;

struct upload {
  pester_client_t* client;
  uint64_t given, total;
  long settled_kib;
  int exit_code;
};

static int64_t give(pester_request_id_t id, char* buffer, size_t capacity, void* data) {
  struct upload* upload = data;
  const uint64_t left = upload->total - upload->given;
  const size_t count = left < capacity ? (size_t)left : capacity;
  (void)id;
  memset(buffer, (int)(upload->given % 251), count);
  upload->given += count;
  if (upload->settled_kib == 0 && upload->given >= kSettled) {
    forget_peak();
    upload->settled_kib = memory_kib("VmRSS:");
  }
  return (int64_t)count;
}

static void on_done(const pester_result_t* result, void* data) {
  struct upload* upload = data;
  upload->exit_code = pester_result_error(result) != 0;
  printf("%d %s %ld\n", pester_result_status(result),
         upload->exit_code ? pester_result_detail(result) : pester_result_body(result).data,
         memory_kib("VmHWM:") - upload->settled_kib);
  pester_client_close(upload->client, NULL, NULL);
}

int main(int argc, char** argv) {
  struct upload upload = {0};
  pester_body_source_t source;
  pester_request_t request;
  if (argc != 3) return 2;
  upload.total = strtoull(argv[2], NULL, 10);
  if (pester_client_new(&upload.client, uv_default_loop(), NULL) != 0) return 3;
  pester_body_source_init(&source);
  source.read = give;
  source.data = &upload;
  pester_request_init(&request);
  request.url = argv[1];
  request.source = &source;
  request.on_done = on_done;
  request.data = &upload;
  if (pester_send(upload.client, &request, NULL) != 0) return 2;
  uv_run(uv_default_loop(), UV_RUN_DEFAULT);
  return uv_loop_close(uv_default_loop()) != 0 ? 3 : upload.exit_code;
}
