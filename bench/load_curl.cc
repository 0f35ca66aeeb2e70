// SPDX-License-Identifier: MIT
// The same load as load_pester, through libcurl's multi_socket interface on the same kind of uv loop:
// handles are reused, bodies and headers are looked at.
#include <curl/curl.h>
#include <uv.h>

#include <cstdio>
#include <cstdlib>
#include <vector>

#include "load_options.h"

namespace {

struct Load {
  LoadOptions options;
  CURLM* multi = nullptr;
  curl_slist* close_header = nullptr;
  uv_loop_t loop;
  uv_timer_t timer;
  long started = 0, done = 0, failed = 0;
  unsigned long long bytes = 0, headers = 0;
};

struct Socket {
  uv_poll_t poll;
  Load* load;
  curl_socket_t fd;
};

size_t on_body(char*, size_t size, size_t count, void* data) {
  static_cast<Load*>(data)->bytes += size * count;
  return size * count;
}
size_t on_header(char*, size_t size, size_t count, void* data) {
  ++static_cast<Load*>(data)->headers;
  return size * count;
}

void start(Load& load, CURL* easy) {
  ++load.started;
  curl_easy_setopt(easy, CURLOPT_URL, load.options.url);
  curl_multi_add_handle(load.multi, easy);
}

void take_finished(Load& load) {
  int left = 0;
  while (CURLMsg* message = curl_multi_info_read(load.multi, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    CURL* easy = message->easy_handle;
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    if (message->data.result != CURLE_OK || status != 200) ++load.failed;
    ++load.done;
    curl_multi_remove_handle(load.multi, easy);
    if (load.started < load.options.requests) {
      start(load, easy);
    } else {
      curl_easy_cleanup(easy);
    }
  }
  if (load.done == load.options.requests) uv_timer_stop(&load.timer);
}

void on_poll(uv_poll_t* poll, int status, int events) {
  auto& socket = *reinterpret_cast<Socket*>(poll);
  int flags = status < 0 ? CURL_CSELECT_ERR : 0;
  if ((events & UV_READABLE) != 0) flags |= CURL_CSELECT_IN;
  if ((events & UV_WRITABLE) != 0) flags |= CURL_CSELECT_OUT;
  int running = 0;
  Load& load = *socket.load;
  curl_multi_socket_action(load.multi, socket.fd, flags, &running);
  take_finished(load);
}

void on_closed(uv_handle_t* handle) {
  delete reinterpret_cast<Socket*>(handle);
}

int on_socket(CURL*, curl_socket_t fd, int what, void* data, void* known) {
  auto& load = *static_cast<Load*>(data);
  auto* socket = static_cast<Socket*>(known);
  if (what == CURL_POLL_REMOVE) {
    if (socket == nullptr) return 0;
    uv_poll_stop(&socket->poll);
    uv_close(reinterpret_cast<uv_handle_t*>(&socket->poll), on_closed);
    curl_multi_assign(load.multi, fd, nullptr);
    return 0;
  }
  if (socket == nullptr) {
    socket = new Socket{{}, &load, fd};
    uv_poll_init_socket(&load.loop, &socket->poll, fd);
    curl_multi_assign(load.multi, fd, socket);
  }
  const int events =
      ((what & CURL_POLL_IN) != 0 ? UV_READABLE : 0) | ((what & CURL_POLL_OUT) != 0 ? UV_WRITABLE : 0);
  uv_poll_start(&socket->poll, events, on_poll);
  return 0;
}

void on_timeout(uv_timer_t* timer) {
  auto& load = *static_cast<Load*>(timer->data);
  int running = 0;
  curl_multi_socket_action(load.multi, CURL_SOCKET_TIMEOUT, 0, &running);
  take_finished(load);
}

int on_timer(CURLM*, long ms, void* data) {
  auto& load = *static_cast<Load*>(data);
  if (ms < 0) {
    uv_timer_stop(&load.timer);
  } else {
    uv_timer_start(&load.timer, on_timeout, static_cast<uint64_t>(ms), 0);
  }
  return 0;
}

CURL* make_easy(Load& load) {
  CURL* easy = curl_easy_init();
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &load);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, &load);
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, 60'000L);
  if (!load.options.small_buffer) curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, 262'144L);
  if (load.options.new_connections) curl_easy_setopt(easy, CURLOPT_HTTPHEADER, load.close_header);
  if (load.options.ca_file != nullptr) curl_easy_setopt(easy, CURLOPT_CAINFO, load.options.ca_file);
  return easy;
}

}  // namespace

int main(int argc, char** argv) {
  Load load;
  if (!read_load_options(argc, argv, &load.options)) return 2;
  curl_global_init(CURL_GLOBAL_ALL);
  uv_loop_init(&load.loop);
  uv_timer_init(&load.loop, &load.timer);
  load.timer.data = &load;
  load.multi = curl_multi_init();
  load.close_header = curl_slist_append(nullptr, "Connection: close");
  curl_multi_setopt(load.multi, CURLMOPT_SOCKETFUNCTION, on_socket);
  curl_multi_setopt(load.multi, CURLMOPT_SOCKETDATA, &load);
  curl_multi_setopt(load.multi, CURLMOPT_TIMERFUNCTION, on_timer);
  curl_multi_setopt(load.multi, CURLMOPT_TIMERDATA, &load);
  curl_multi_setopt(load.multi, CURLMOPT_MAXCONNECTS, static_cast<long>(load.options.parallel));
  for (int i = 0; i < load.options.parallel && load.started < load.options.requests; ++i)
    start(load, make_easy(load));
  while (load.done < load.options.requests) uv_run(&load.loop, UV_RUN_ONCE);
  curl_slist_free_all(load.close_header);
  print_load_result("libcurl", load.done, load.failed, load.bytes);
  return load.failed == 0 ? 0 : 1;
}
