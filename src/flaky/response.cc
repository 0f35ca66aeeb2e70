// SPDX-License-Identifier: MIT
// Heads are formatted once; bodies are texts or lines that spell their own offset, so that a lost,
// doubled or displaced byte shows at once.
#include "flaky/response.h"

#include <strings.h>

#include <algorithm>
#include <charconv>
#include <utility>

namespace pester::flaky {
namespace {

constexpr size_t kPieceBytes = 64 * 1024;
constexpr size_t kChunkBytes = 8 * 1024;
constexpr size_t kLineBytes = 16;  // 15 hexadecimal digits of the line's offset and a newline

struct Reason {
  unsigned status;
  std::string_view text;
};

// RFC 9110 section 15 and RFC 6585, what tests ask for most.
constexpr Reason kReasons[] = {
    {100, "Continue"},
    {101, "Switching Protocols"},
    {103, "Early Hints"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {203, "Non-Authoritative Information"},
    {204, "No Content"},
    {205, "Reset Content"},
    {206, "Partial Content"},
    {300, "Multiple Choices"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {407, "Proxy Authentication Required"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {418, "I'm a teapot"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {425, "Too Early"},
    {426, "Upgrade Required"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
    {507, "Insufficient Storage"},
};

void add_number(std::string* out, uint64_t number, int base = 10) {
  char digits[24];
  const auto [end, error] = std::to_chars(digits, digits + sizeof digits, number, base);
  (void)error;
  out->append(digits, end);
}

void add_generated(std::string* out, uint64_t offset, size_t n) {
  static constexpr char kDigits[] = "0123456789abcdef";
  while (n > 0) {
    char line[kLineBytes];
    const uint64_t start = offset / kLineBytes * kLineBytes;
    for (size_t i = 0; i < kLineBytes - 1; ++i)
      line[i] = kDigits[(start >> (4 * (kLineBytes - 2 - i))) & 15];
    line[kLineBytes - 1] = '\n';
    const auto skip = static_cast<size_t>(offset - start);
    const size_t take = std::min(n, kLineBytes - skip);
    out->append(line + skip, take);
    offset += take;
    n -= take;
  }
}

bool has_header(const Reply& reply, std::string_view name) {
  return std::any_of(reply.headers.begin(), reply.headers.end(), [name](const std::string& line) {
    return line.size() > name.size() && line[name.size()] == ':' &&
           strncasecmp(line.data(), name.data(), name.size()) == 0;
  });
}

bool has_no_body(unsigned status) {
  return status < 200 || status == 204 || status == 304;
}

}  // namespace

std::string_view reason_of(unsigned status) {
  for (const Reason& reason : kReasons) {
    if (reason.status == status) return reason.text;
  }
  return "Unknown";
}

void Response::start(const Reply& reply, const ResponseTo& to, const std::string* echoed) {
  piece_.clear();
  rest_ = {};
  prepared_ = shown_ = generated_ = chunked_ = last_chunk_due_ = false;
  body_at_ = body_size_ = head_bytes_ = 0;
  text_ = {};
  if (reply.raw) {
    text_ = *reply.raw;
    body_size_ = text_.size();
    return;
  }
  if (echoed != nullptr) {
    text_ = *echoed;
  } else if (!reply.body) {
    own_text_ = reply.status == 200 ? "ok" : reason_of(reply.status);
    own_text_ += '\n';
    text_ = own_text_;
  } else if (reply.body->size) {
    generated_ = true;
  } else {
    text_ = reply.body->text;
  }
  body_size_ = generated_ ? *reply.body->size : text_.size();
  const bool bodiless = has_no_body(reply.status);
  chunked_ = reply.chunked && !to.http_1_0 && !bodiless;
  add_head(reply, to);
  head_bytes_ = piece_.size();
  if (bodiless || to.head_only) {
    body_size_ = 0;
  } else {
    last_chunk_due_ = chunked_;
  }
}

void Response::add_head(const Reply& reply, const ResponseTo& to) {
  std::string& out = piece_;
  out += "HTTP/1.1 ";
  add_number(&out, reply.status);
  out += ' ';
  out += reason_of(reply.status);
  out += "\r\n";
  if (!has_header(reply, "Content-Type") && !has_no_body(reply.status)) {
    out += reply.echo == Echo::none ? "Content-Type: text/plain\r\n"
                                    : "Content-Type: application/octet-stream\r\n";
  }
  if (reply.length ||
      (!chunked_ && !has_no_body(reply.status) && !has_header(reply, "Content-Length"))) {
    out += "Content-Length: ";
    add_number(&out, reply.length ? *reply.length : body_size_);
    out += "\r\n";
  }
  if (chunked_ && !has_header(reply, "Transfer-Encoding")) out += "Transfer-Encoding: chunked\r\n";
  for (const std::string& line : reply.headers) {
    out += line;
    out += "\r\n";
  }
  if (!to.keep) {
    out += "Connection: close\r\n";
  } else if (to.http_1_0) {
    out += "Connection: keep-alive\r\n";
  }
  out += "\r\n";
}

void Response::add_body_bytes(size_t n) {
  if (generated_) {
    add_generated(&piece_, body_at_, n);
  } else {
    piece_ += text_.substr(static_cast<size_t>(body_at_), n);
  }
  body_at_ += n;
}

void Response::add_body() {
  while (body_at_ < body_size_ && piece_.size() < kPieceBytes) {
    const size_t room = chunked_ ? kChunkBytes : kPieceBytes - piece_.size();
    const auto n = static_cast<size_t>(std::min<uint64_t>(room, body_size_ - body_at_));
    if (chunked_) {
      add_number(&piece_, n, 16);
      piece_ += "\r\n";
    }
    add_body_bytes(n);
    if (chunked_) piece_ += "\r\n";
  }
  if (last_chunk_due_ && body_at_ == body_size_) {
    piece_ += "0\r\n\r\n";
    last_chunk_due_ = false;
  }
}

std::string_view Response::peek() {
  if (!rest_.empty() || prepared_) return rest_;
  if (shown_) piece_.clear();  // else the head stands there
  add_body();
  shown_ = true;
  rest_ = piece_;
  return rest_;
}

void prepare(Reply* reply) {
  const bool varies = reply->echo != Echo::none || reply->raw || reply->drip_bytes != 0;
  const bool ends = reply->refuse_keepalive || reply->cut != Cut::none;
  if (varies || ends) return;
  Response response;
  response.start(*reply, {}, nullptr);
  std::string all(response.peek());
  response.consume(all.size());
  if (response.peek().empty()) reply->prepared = std::move(all);
}

}  // namespace pester::flaky
