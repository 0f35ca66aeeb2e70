// SPDX-License-Identifier: MIT
#include "cli/body_feed.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace pester::cli {

BodyFeed::~BodyFeed() {
  if (opened_ && !sent_) end();
}

bool BodyFeed::fail(const std::string& what, int error) {
  if (error_.empty()) error_ = "cannot read " + what + ": " + pester_strerror(error);
  return false;
}

bool BodyFeed::open(const RequestPlan& plan, pester_client_t* client) {
  client_ = client;
  pester_body_source_init(&source_);
  pester_body_source_init(&inner_);
  source_.read = on_read;
  source_.done = on_done;
  source_.data = this;
  if (!plan.form.empty()) {
    opened_ = open_form(plan, client);
  } else if (plan.upload_file) {
    opened_ = *plan.upload_file == "-" ? open_stdin(client) : open_file(*plan.upload_file, client);
  } else if (plan.chunked && plan.body) {
    opened_ = open_text(*plan.body);
  } else {
    return true;
  }
  if (inner_.rewind != nullptr || text_ != nullptr) source_.rewind = on_rewind;
  if (plan.chunked) source_.length = PESTER_NONE;
  return opened_;
}

bool BodyFeed::open_file(const std::string& path, pester_client_t* client) {
  name_ = path;
  const int rc = pester_file_source(client, path.c_str(), &inner_);
  source_.length = inner_.length;
  return rc == 0 || fail(path, rc);
}

bool BodyFeed::open_text(const std::string& text) {
  name_ = "the data";
  text_ = &text;
  return true;
}

int64_t BodyFeed::read_text(char* buffer, size_t capacity) {
  return static_cast<int64_t>(text_->copy(buffer, capacity, bytes_));
}

// Always in chunks, as curl has it: who reads from a pipe has no length, and what works for one works
// for the other.
bool BodyFeed::open_stdin(pester_client_t* client) {
  name_ = "standard input";
  struct stat facts {};
  if (::fstat(STDIN_FILENO, &facts) != 0) return fail(name_, -errno);
  if (!S_ISREG(facts.st_mode)) return watch_stdin(client);
  const int rc = pester_fd_source(client, STDIN_FILENO, &inner_);
  return rc == 0 || fail(name_, rc);
}

// A device that is always ready cannot be watched, and need not be.
bool BodyFeed::watch_stdin(pester_client_t* client) {
  flags_ = ::fcntl(STDIN_FILENO, F_GETFL);
  auto* poll = new uv_poll_t;
  const int rc = uv_poll_init(pester_client_loop(client), poll, STDIN_FILENO);
  if (rc == 0) {
    poll->data = this;
    poll_ = poll;
    return true;
  }
  delete poll;
  return rc == UV_EPERM || fail(name_, rc);
}

bool BodyFeed::open_form(const RequestPlan& plan, pester_client_t* client) {
  pester_multipart_t* form = nullptr;
  name_ = "a file of the form";
  int rc = pester_multipart_new(&form, client);
  const auto text_or_null = [](const std::optional<std::string>& text) {
    return text ? text->c_str() : nullptr;
  };
  for (const FormPart& part : plan.form) {
    if (rc != 0) break;
    if (part.file) {
      name_ = *part.file;
      rc = pester_multipart_file(form, part.name.c_str(), part.file->c_str(),
                                 text_or_null(part.filename), text_or_null(part.type));
      continue;
    }
    pester_part_t given;
    pester_part_init(&given);
    given.name = part.name.c_str();
    given.filename = text_or_null(part.filename);
    given.content_type = text_or_null(part.type);
    given.value = part.value.data();
    given.value_len = part.value.size();
    rc = pester_multipart_add(form, &given);
  }
  if (rc == 0) rc = pester_multipart_source(form, &inner_);
  if (rc == 0) {
    content_type_ = pester_multipart_content_type(form);
    source_.length = inner_.length;
    return true;
  }
  pester_multipart_free(form);
  return fail(name_, rc);
}

int64_t BodyFeed::on_read(pester_request_id_t id, char* buffer, size_t capacity, void* data) {
  auto& feed = *static_cast<BodyFeed*>(data);
  const int64_t count = feed.inner_.read != nullptr
                            ? feed.inner_.read(id, buffer, capacity, feed.inner_.data)
                        : feed.text_ != nullptr ? feed.read_text(buffer, capacity)
                                                : feed.read_stdin(id, buffer, capacity);
  if (count > 0) feed.bytes_ += static_cast<uint64_t>(count);
  if (count < 0 && count != PESTER_NOT_NOW) feed.fail(feed.name_, static_cast<int>(count));
  return count;
}

int64_t BodyFeed::read_stdin(pester_request_id_t id, char* buffer, size_t capacity) {
  ssize_t count = 0;
  do {
    count = ::read(STDIN_FILENO, buffer, capacity);
  } while (count < 0 && errno == EINTR);
  if (count >= 0) return count;
  if (errno != EAGAIN || poll_ == nullptr) return -errno;
  id_ = id;
  const int rc = uv_poll_start(poll_, UV_READABLE, on_readable);
  return rc == 0 ? int64_t{PESTER_NOT_NOW} : rc;
}

// Whatever it is, the next read tells.
void BodyFeed::on_readable(uv_poll_t* poll, int, int) {
  auto& feed = *static_cast<BodyFeed*>(poll->data);
  uv_poll_stop(poll);
  static_cast<void>(pester_source_ready(feed.client_, feed.id_));
}

int BodyFeed::on_rewind(void* data) {
  auto& feed = *static_cast<BodyFeed*>(data);
  feed.bytes_ = 0;
  return feed.inner_.rewind != nullptr ? feed.inner_.rewind(feed.inner_.data) : 0;
}

void BodyFeed::on_done(void* data) {
  static_cast<BodyFeed*>(data)->end();
}

void BodyFeed::end() {
  opened_ = false;
  content_type_ = nullptr;
  if (inner_.done != nullptr) inner_.done(inner_.data);
  if (poll_ == nullptr) return;
  uv_close(reinterpret_cast<uv_handle_t*>(poll_),
           [](uv_handle_t* handle) { delete reinterpret_cast<uv_poll_t*>(handle); });
  poll_ = nullptr;
  // Others may have the same terminal, and have not asked for this.
  ::fcntl(STDIN_FILENO, F_SETFL, flags_);
}

}  // namespace pester::cli
