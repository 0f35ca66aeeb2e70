// SPDX-License-Identifier: MIT
// The one-liners: a client per loop, made on first use, which closes itself after its last request.
#include <pthread.h>

#include "api/objects.h"

namespace {

struct Entry {
  Entry* next;
  pester_client_t* client;
};

pthread_mutex_t registry_mutex = PTHREAD_MUTEX_INITIALIZER;
Entry* registry = nullptr;  // one per loop with live one-liners; each loop touches only its own

pester_client_t* find(uv_loop_t* loop) {
  pester_client_t* found = nullptr;
  pthread_mutex_lock(&registry_mutex);
  for (Entry* entry = registry; entry != nullptr; entry = entry->next) {
    if (pester_client_loop(entry->client) == loop) found = entry->client;
  }
  pthread_mutex_unlock(&registry_mutex);
  return found;
}

int find_or_make(uv_loop_t* loop, pester_client_t** client) {
  if (loop == nullptr) return UV_EINVAL;
  *client = find(loop);
  if (*client != nullptr) return 0;
  const auto memory = pester::wire::Allocator::system();
  auto* entry = static_cast<Entry*>(memory.alloc(sizeof(Entry), memory.data));
  if (entry == nullptr) return UV_ENOMEM;
  if (const int rc = pester_client_new(client, loop, nullptr); rc != 0) {
    memory.release(entry, memory.data);
    return rc;
  }
  (*client)->is_default = true;
  entry->client = *client;
  pthread_mutex_lock(&registry_mutex);
  entry->next = registry;
  registry = entry;
  pthread_mutex_unlock(&registry_mutex);
  return 0;
}

// What `send` gives; a client that was made for a refused request goes again.
template <class Send>
int with_default(uv_loop_t* loop, Send send) {
  pester_client_t* client = nullptr;
  if (const int rc = find_or_make(loop, &client); rc != 0) return rc;
  const int rc = send(client);
  if (rc != 0 && client->client->live == nullptr && !client->client->inside) {
    (void)pester_client_close(client, nullptr, nullptr);
  }
  return rc;
}

}  // namespace

namespace pester::api {

void forget_default(pester_client_s& client) {
  Entry* gone = nullptr;
  pthread_mutex_lock(&registry_mutex);
  for (Entry** link = &registry; *link != nullptr; link = &(*link)->next) {
    if ((*link)->client != &client) continue;
    gone = *link;
    *link = gone->next;
    break;
  }
  pthread_mutex_unlock(&registry_mutex);
  const auto memory = wire::Allocator::system();
  if (gone != nullptr) memory.release(gone, memory.data);
}

}  // namespace pester::api

int pester_get(uv_loop_t* loop, const char* url, pester_done_cb on_done, void* data) {
  return with_default(
      loop, [&](pester_client_t* c) { return pester_client_get(c, url, on_done, data, nullptr); });
}
int pester_head(uv_loop_t* loop, const char* url, pester_done_cb on_done, void* data) {
  return with_default(
      loop, [&](pester_client_t* c) { return pester_client_head(c, url, on_done, data, nullptr); });
}
int pester_post(uv_loop_t* loop, const char* url, const char* content_type, const void* body,
                size_t body_len, pester_done_cb on_done, void* data) {
  return with_default(loop, [&](pester_client_t* c) {
    return pester_client_post(c, url, content_type, body, body_len, on_done, data, nullptr);
  });
}
int pester_post_form(uv_loop_t* loop, const char* url, const pester_header_t* fields, size_t field_count,
                     pester_done_cb on_done, void* data) {
  return with_default(loop, [&](pester_client_t* c) {
    return pester_client_post_form(c, url, fields, field_count, on_done, data, nullptr);
  });
}
int pester_do(uv_loop_t* loop, const pester_request_t* request) {
  return with_default(loop, [&](pester_client_t* c) { return pester_send(c, request, nullptr); });
}
