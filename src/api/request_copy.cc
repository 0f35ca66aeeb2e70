// SPDX-License-Identifier: MIT
#include "api/request_copy.h"

#include <cstring>
#include <new>

#include "api/objects.h"
#include "wire/memory.h"

namespace pester::api {

// Whoever adds a field to one of these sees here whether it must be copied, and names it as the last. A
// request's stand in no order: they are counted.
static_assert(sizeof(void*) != 8 || sizeof(pester_request_t) == 39 * 8);
#define PESTER_ENDS_IN(type, field)                                                           \
  static_assert(sizeof(type) - offsetof(type, field) - sizeof(type::field) < alignof(type) && \
                sizeof(type) % alignof(type) == 0)
PESTER_ENDS_IN(pester_route_t, address_family);
PESTER_ENDS_IN(pester_proxy_t, tunnel);
PESTER_ENDS_IN(pester_tls_options_t, keylog_data);
PESTER_ENDS_IN(pester_body_source_t, data);
PESTER_ENDS_IN(pester_redirects_t, data);
PESTER_ENDS_IN(pester_auth_t, token);
PESTER_ENDS_IN(pester_policy_t, endpoint_ejection);
PESTER_ENDS_IN(pester_fallback_t, body_len);
#undef PESTER_ENDS_IN

namespace {

// Goes over all that a request points to, twice: to count what it takes, and to move it there. Arrays
// come before texts, so that they are aligned.
class Mover {
 public:
  explicit Mover(char* room) : room_(room) {}
  [[nodiscard]] size_t bytes() const { return arrays_ + texts_; }
  // Where the texts begin, known after the first time.
  void set_texts_at(size_t at) { texts_at_ = at; }
  [[nodiscard]] size_t array_bytes() const { return arrays_; }

  void bytes_of(const void** at, size_t count) {
    if (*at == nullptr) return;
    if (room_ != nullptr) {
      char* const to = room_ + texts_at_ + texts_;
      if (count != 0) std::memcpy(to, *at, count);
      *at = to;
    }
    texts_ += count;
  }
  void text(const char** at) {
    if (*at == nullptr) return;
    const void* bytes = *at;
    bytes_of(&bytes, std::strlen(*at) + 1);
    *at = static_cast<const char*>(bytes);
  }
  // Calls `each` with every element, of the copy once there is one.
  template <class T, class Each>
  void array(const T** at, size_t count, Each each) {
    if (count == 0) return;
    auto* const to = reinterpret_cast<T*>(room_ == nullptr ? nullptr : room_ + arrays_);
    arrays_ += count * sizeof(T);
    for (size_t i = 0; i < count; ++i) {
      T one = (*at)[i];
      each(one);
      if (to != nullptr) to[i] = one;
    }
    if (to != nullptr) *at = to;
  }

 private:
  char* room_;  // nullptr: only counting
  size_t texts_at_ = 0;
  size_t arrays_ = 0, texts_ = 0;
};

void move_headers(Mover& mover, const pester_header_t** headers, size_t count) {
  mover.array(headers, count, [&mover](pester_header_t& header) {
    mover.text(&header.name);
    mover.text(&header.value);
  });
}

void move_all(Mover& mover, RequestCopy& copy) {
  pester_request_t& request = copy.request;
  move_headers(mover, &request.headers, request.header_count);
  mover.array(&request.base_urls, request.base_url_count,
              [&mover](pester_base_url_t& base) { mover.text(&base.url); });
  if (request.fixed_fallback != nullptr) {
    move_headers(mover, &copy.fallback.headers, copy.fallback.header_count);
    mover.bytes_of(&copy.fallback.body, copy.fallback.body_len);
  }
  if (request.policy != nullptr) mover.text(&copy.policy.retry_on);
  if (request.redirects != nullptr) {
    mover.array(&copy.redirects.strip, copy.redirects.strip_count,
                [&mover](const char*& name) { mover.text(&name); });
  }
  if (request.auth != nullptr) {
    mover.text(&copy.auth.user);
    mover.text(&copy.auth.password);
    mover.text(&copy.auth.token);
  }
  if (request.route != nullptr) {
    mover.text(&copy.route.unix_socket);
    mover.text(&copy.route.interface_name);
    mover.text(&copy.route.local_address);
  }
  if (request.proxy != nullptr) {
    mover.text(&copy.proxy.url);
    mover.text(&copy.proxy.no_proxy);
  }
  if (request.tls != nullptr) {
    for (const char** text : {&copy.tls.ca_file, &copy.tls.ca_dir, &copy.tls.ca_pem, &copy.tls.cert_file,
                              &copy.tls.key_file, &copy.tls.key_password, &copy.tls.pinned_spki}) {
      mover.text(text);
    }
  }
  if (request.source != nullptr) {
    move_headers(mover, &copy.source.trailers, copy.source.trailer_count);
  }
  mover.text(&request.method);
  mover.text(&request.url);
  mover.text(&request.upgrade);
  mover.text(&request.connect_target);
  mover.bytes_of(&request.body, request.body_len);
}

// What is read here must be there; whether it can be sent is for pester_send to say.
bool is_readable(const RequestCopy& copy) {
  const pester_request_t& request = copy.request;
  const bool arrays = (request.headers != nullptr || request.header_count == 0) &&
                      (request.base_urls != nullptr || request.base_url_count == 0) &&
                      (request.body != nullptr || request.body_len == 0);
  const bool fallback = request.fixed_fallback == nullptr ||
                        ((copy.fallback.headers != nullptr || copy.fallback.header_count == 0) &&
                         (copy.fallback.body != nullptr || copy.fallback.body_len == 0));
  const bool redirects =
      request.redirects == nullptr || copy.redirects.strip != nullptr || copy.redirects.strip_count == 0;
  const bool source =
      request.source == nullptr || copy.source.trailers != nullptr || copy.source.trailer_count == 0;
  return request.url != nullptr && request.on_done != nullptr && arrays && fallback && redirects &&
         source;
}

// One of the structs that a request points to, of this version's size. True when there is none, too.
template <class T>
bool read_part(T* part, const T* given) {
  if (given == nullptr) return true;
  const bool read = read_sized(part, given);
  part->struct_size = sizeof(T);
  return read;
}

}  // namespace

int copy_request(const pester_request_t* from, RequestCopy** out) {
  RequestCopy head{};
  if (!read_sized(&head.request, from)) return UV_EINVAL;
  pester_request_t& request = head.request;
  if (!read_part(&head.policy, request.policy) || !read_part(&head.fallback, request.fixed_fallback) ||
      !read_part(&head.redirects, request.redirects) || !read_part(&head.auth, request.auth) ||
      !read_part(&head.source, request.source) || !read_part(&head.route, request.route) ||
      !read_part(&head.proxy, request.proxy) || !read_part(&head.tls, request.tls)) {
    return UV_EINVAL;
  }
  if (!is_readable(head)) return UV_EINVAL;
  request.struct_size = sizeof request;

  Mover counter(nullptr);
  RequestCopy counted = head;
  move_all(counter, counted);
  head.bytes = sizeof(RequestCopy) + counter.bytes();
  const wire::Allocator memory = wire::Allocator::system();
  void* at = memory.alloc(head.bytes, memory.data);
  if (at == nullptr) return UV_ENOMEM;
  auto* copy = ::new (at) RequestCopy(head);
  Mover mover(reinterpret_cast<char*>(copy + 1));
  mover.set_texts_at(counter.array_bytes());
  move_all(mover, *copy);
  if (request.policy != nullptr) copy->request.policy = &copy->policy;
  if (request.fixed_fallback != nullptr) copy->request.fixed_fallback = &copy->fallback;
  if (request.redirects != nullptr) copy->request.redirects = &copy->redirects;
  if (request.auth != nullptr) copy->request.auth = &copy->auth;
  if (request.source != nullptr) copy->request.source = &copy->source;
  if (request.route != nullptr) copy->request.route = &copy->route;
  if (request.proxy != nullptr) copy->request.proxy = &copy->proxy;
  if (request.tls != nullptr) copy->request.tls = &copy->tls;
  copy->request.error_text = copy->why;
  copy->request.error_text_size = sizeof copy->why;
  *out = copy;
  return 0;
}

void free_request_copy(RequestCopy* copy) {
  const wire::Allocator memory = wire::Allocator::system();
  if (copy == nullptr) return;
  if (copy->request.tls != nullptr) explicit_bzero(copy, copy->bytes);  // its key's password
  memory.release(copy, memory.data);
}

}  // namespace pester::api
