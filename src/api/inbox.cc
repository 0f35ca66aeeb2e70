// SPDX-License-Identifier: MIT
// Posts of other threads: copied where they are made, sent where the loop runs.
#include <algorithm>
#include <cstring>
#include <new>

#include "api/objects.h"
#include "api/request_copy.h"
#include "api/send.h"
#include "uv/inbox.h"

namespace pester::api {

namespace {

// From the post to its one callback.
struct Post : uv::Letter {
  RequestCopy* copy = nullptr;  // until it is sent
  pester_refused_cb on_refused = nullptr;
  pester_done_cb on_done = nullptr;  // the request's own
  void* data = nullptr;
};

void discard(uv::Letter* letter) {
  auto* post = static_cast<Post*>(letter);
  const wire::Allocator memory = wire::Allocator::system();
  free_request_copy(post->copy);
  memory.release(post, memory.data);
}

void on_done(const pester_result_t* result, void* data) {
  auto* post = static_cast<Post*>(result->rare->letter);
  post->on_done(result, data);
  post->inbox->end(post);
}

int send_letter(uv::Client& shell, uv::Letter& letter) {
  auto& post = static_cast<Post&>(letter);
  const int rc = send(owner_of(shell), &post.copy->request, Call::plain, &post.request);
  if (rc != 0) return rc;
  auto& result = result_of(*static_cast<uv::Request*>(shell.slots.find(post.request)));
  if (uv::request_rare(result, shell.pool) == nullptr) {
    post.inbox->end(&post);  // it goes on, though no thread can cancel it
    return 0;
  }
  free_request_copy(post.copy);
  post.copy = nullptr;
  post.on_done = result.on_done;
  result.rare->letter = &post;
  result.on_done = on_done;
  return 0;
}

void tell_refused(uv::Letter& letter) {
  auto& post = static_cast<Post&>(letter);
  const char* why = post.copy->why;
  post.on_refused(post.error, *why != '\0' ? why : pester_strerror(post.error), post.data);
}

bool read_limits(const pester_inbox_options_t& given, uv::InboxLimits* limits) {
  if (given.max_posts < 0 || given.max_bytes < 0) return false;
  if (given.keep_loop != 0 && given.keep_loop != PESTER_NONE) return false;
  if (given.max_posts > 0) limits->letters = static_cast<size_t>(given.max_posts);
  if (given.max_bytes > 0) limits->bytes = static_cast<size_t>(given.max_bytes);
  return true;
}

uv::Inbox* inbox_of(pester_inbox_t* inbox) {
  return reinterpret_cast<uv::Inbox*>(inbox);
}

}  // namespace

}  // namespace pester::api

namespace api = pester::api;
namespace uv = pester::uv;

void pester_inbox_options_init_sized(pester_inbox_options_t* options, size_t struct_size) {
  std::memset(options, 0, struct_size);
  options->struct_size = struct_size;
}

int pester_inbox_new(pester_inbox_t** inbox, pester_client_t* client,
                     const pester_inbox_options_t* options) {
  if (inbox == nullptr || client == nullptr) return UV_EINVAL;
  pester_inbox_options_t given{};
  if (options != nullptr && !api::read_sized(&given, options)) return UV_EINVAL;
  uv::InboxLimits limits;
  if (!api::read_limits(given, &limits)) return PESTER_EOPTION;
  uv::Inbox* made = nullptr;
  const int rc = uv::Inbox::create(&made, *client->client, limits,
                                   {api::send_letter, api::tell_refused, api::discard},
                                   given.keep_loop != PESTER_NONE);
  if (rc == 0) *inbox = reinterpret_cast<pester_inbox_t*>(made);
  return rc;
}

pester_inbox_t* pester_inbox_ref(pester_inbox_t* inbox) {
  if (inbox != nullptr) api::inbox_of(inbox)->add_owner();
  return inbox;
}

void pester_inbox_free(pester_inbox_t* inbox) {
  if (inbox != nullptr) api::inbox_of(inbox)->release_owner();
}

int pester_inbox_post(pester_inbox_t* inbox, const pester_request_t* request,
                      pester_refused_cb on_refused, pester_post_id_t* id) {
  if (inbox == nullptr || request == nullptr || on_refused == nullptr) return UV_EINVAL;
  api::RequestCopy* copy = nullptr;
  if (const int rc = api::copy_request(request, &copy); rc != 0) return rc;
  const auto memory = pester::wire::Allocator::system();
  void* at = memory.alloc(sizeof(api::Post), memory.data);
  if (at == nullptr) {
    api::free_request_copy(copy);
    return UV_ENOMEM;
  }
  auto* post = ::new (at) api::Post;
  post->copy = copy;
  post->on_refused = on_refused;
  post->data = copy->request.data;
  post->bytes = sizeof *post + copy->bytes;
  const int rc = api::inbox_of(inbox)->post(post, id);
  if (rc != 0) api::discard(post);
  return rc;
}

int pester_inbox_cancel(pester_inbox_t* inbox, pester_post_id_t id) {
  return inbox == nullptr ? UV_EINVAL : api::inbox_of(inbox)->cancel(id);
}
