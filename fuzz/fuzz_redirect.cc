// SPDX-License-Identifier: MIT
// Any URL, any Location, any challenge. The claims: where a redirect leads is a URL that parses again to
// the same; what it leads to is http or https; the next head has one Host, that of the new URL, and none
// of the fields that must stay behind; a challenge is chosen only among those that may be answered, and
// its answer is a line.
//
// The input: a URL, LF, a response's head.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "wire/digest_auth.h"
#include "wire/redirect.h"
#include "wire/request_writer.h"
#include "wire/response_parser.h"

namespace {

using namespace pester::wire;

constexpr size_t kInputMax = 4096;

void must(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "not so: %s\n", what);
  std::abort();
}

size_t count_of(std::string_view text, std::string_view part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string_view::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

void check_next_head(const Url& from, const Url& to, uint16_t status) {
  const std::string head =
      "POST /x HTTP/1.1\r\nHost: old\r\nAuthorization: a\r\nCookie: b\r\nX-Secret: c\r\n"
      "Content-Type: d\r\nContent-Length: 3\r\nX-Plain: e\r\n\r\n";
  NextHead next;
  next.previous = head;
  next.url = &to;
  next.method = "POST";
  next.drop_credentials = !is_same_origin(from, to);
  next.strip = std::string_view("x-secret\0", 9);
  next.drop_body = next_method(status, "POST").to_get;
  if (next.drop_body) next.method = "GET";
  std::string out(write_next_head(next, nullptr), '#');
  must(write_next_head(next, out.data()) == out.size(), "it is as long as it was measured");
  const std::string host = "\r\nHost: " + std::string(to.authority) + "\r\n";
  must(count_of(out, "\r\nHost: ") == 1 && count_of(out, host) == 1, "one host, the new one");
  must(out.ends_with("\r\n\r\n") && count_of(out, "\r\n\r\n") == 1, "one head");
  must(head_has_field(out, "authorization") == !next.drop_credentials, "credentials");
  must(head_has_field(out, "x-secret") == !next.drop_credentials, "secrets");
  must(head_has_field(out, "content-type") == !next.drop_body, "what tells of the body");
  must(head_has_field(out, "x-plain"), "the rest");
}

void check_redirect(const Url& from, const ResponseHead& head, BlockPool& pool) {
  Block block;
  Url to;
  pester::core::Why why;
  const int error = resolve_location(from, head, pool, &block, &to, &why);
  if (error != 0) {
    must(!why.view().empty(), "a refusal says why");
  } else {
    std::string storage(url_storage_bytes(to.text), '\0');
    const std::string text(to.text);
    Url again;
    must(parse_url(text, storage.data(), &again, &why) == 0 && again.text == to.text,
         "it parses again to the same");
    must(to.target.starts_with('/'), "its target is a path");
    check_next_head(from, to, head.status);
  }
  pool.give(block);
}

void check_challenge(const ResponseHead& head, BlockPool& pool) {
  for (const Willing willing : {Willing{true, true}, Willing{false, true}, Willing{true, false}}) {
    Challenge challenge;
    find_challenge(head, willing, &challenge);
    must(challenge.scheme != Challenge::Scheme::basic || willing.basic, "Basic only where it is wanted");
    must(challenge.scheme != Challenge::Scheme::digest || willing.digest, "Digest likewise");
    if (challenge.scheme != Challenge::Scheme::digest) continue;
    Bytes value;
    must(add_digest_credentials(challenge, {"u\"ser", "pass"}, "GET", "/x", 1, 2, pool, &value),
         "it is answered");
    must(is_field("Authorization", std::string(value.view())), "the answer is a header's value");
    value.release(pool);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const size_t line = input.find('\n');
  if (line == std::string_view::npos || size > kInputMax) return 0;
  const std::string url(input.substr(0, line));
  std::string storage(url_storage_bytes(url), '\0');
  Url from;
  pester::core::Why why;
  if (parse_url(url, storage.data(), &from, &why) != 0) return 0;
  BlockPool pool(Allocator::system());
  const ParserLimits limits;
  ResponseHead head;
  ResponseParser parser;
  parser.start(&head, &pool, &limits, false);
  if (parser.feed(input.substr(line + 1)).item == Item::head) {
    if (is_redirect(head)) check_redirect(from, head, pool);
    check_challenge(head, pool);
  }
  head.release(pool);
  pool.trim();
  return 0;
}
