/* SPDX-License-Identifier: MIT
 * Takes a body in slowly: after each 8 MiB it pauses for a while, and each eighth time for longer. Says
 * how many bytes it was told, their Adler-32, how often it paused, and how much memory it took beyond
 * what it had after the first 16 MiB.
 */
#include <pester.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "growth.h"

static const uint64_t kSettled = 16u << 20, kPortion = 8u << 20;
static const uint64_t kRestMs = 10, kLongRestMs = 60; /* each eighth, for a server on a busy machine */
static const uint32_t kAdler = 65521;

struct download {
  pester_client_t* client;
  uv_timer_t rest;
  pester_request_id_t id;
  uint64_t taken, portion;
  uint32_t low, high; /* of the Adler-32 */
  int pauses;
  long settled_kib;
  int exit_code;
};

/* As RFC 1950 has it: 5,552 bytes are what 32 bits can sum up before the remainder is taken. */
static void add_up(struct download* download, const unsigned char* bytes, size_t len) {
  while (len > 0) {
    const size_t count = len < 5552 ? len : 5552;
    for (size_t i = 0; i < count; i++) {
      download->low += bytes[i];
      download->high += download->low;
    }
    download->low %= kAdler;
    download->high %= kAdler;
    bytes += count;
    len -= count;
  }
}

static void on_rested(uv_timer_t* timer) {
  struct download* download = timer->data;
  pester_resume(download->client, download->id);
}

static void on_head(const pester_result_t* result, void* data) {
  (void)result;
  (void)data;
}

static void on_body(const pester_result_t* result, const char* bytes, size_t len, void* data) {
  struct download* download = data;
  (void)result;
  add_up(download, (const unsigned char*)bytes, len);
  download->taken += len;
  download->portion += len;
  if (download->settled_kib == 0 && download->taken >= kSettled) {
    forget_peak();
    download->settled_kib = memory_kib("VmRSS:");
  }
  if (download->portion < kPortion) return;
  download->portion -= kPortion;
  download->pauses++;
  pester_pause(download->client, download->id);
  uv_timer_start(&download->rest, on_rested, download->pauses % 8 == 0 ? kLongRestMs : kRestMs, 0);
}

static void on_done(const pester_result_t* result, void* data) {
  struct download* download = data;
  const int error = pester_result_error(result);
  download->exit_code = error != 0;
  if (error != 0) fprintf(stderr, "%s\n", pester_result_detail(result));
  printf("%d %llu %u %d %ld\n", pester_result_status(result), (unsigned long long)download->taken,
         download->high << 16 | download->low, download->pauses,
         memory_kib("VmHWM:") - download->settled_kib);
  uv_close((uv_handle_t*)&download->rest, NULL);
  pester_client_close(download->client, NULL, NULL);
}

int main(int argc, char** argv) {
  struct download download = {0};
  pester_client_options_t options;
  pester_request_t request;
  if (argc != 2 && argc != 3) return 2;
  pester_client_options_init(&options);
  options.decode = argc == 3; /* any second argument */
  options.max_decode_ratio = PESTER_NONE;
  download.low = 1;
  download.rest.data = &download;
  if (uv_timer_init(uv_default_loop(), &download.rest) != 0) return 3;
  if (pester_client_new(&download.client, uv_default_loop(), &options) != 0) return 3;
  pester_request_init(&request);
  request.url = argv[1];
  request.on_head = on_head;
  request.on_body = on_body;
  request.on_done = on_done;
  request.data = &download;
  if (pester_send(download.client, &request, &download.id) != 0) return 2;
  uv_run(uv_default_loop(), UV_RUN_DEFAULT);
  return uv_loop_close(uv_default_loop()) != 0 ? 3 : download.exit_code;
}
