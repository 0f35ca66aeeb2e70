// SPDX-License-Identifier: MIT
// Any bytes as Content-Range, and any response as the rest of a body that broke off. The claims: what is
// taken for a range means the same when it is written anew; what is taken for the rest begins and ends
// where it must, by an account of its own; what a server's tag makes of the next request is two lines;
// the rest that was asked for is taken.
//
// The input: a value, LF, "OFFSET TOTAL" (0: not known), LF, a response's head.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "wire/response_parser.h"
#include "wire/resume.h"

namespace {

using namespace pester::wire;

void must(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "not so: %s\n", what);
  std::abort();
}

std::string write(const ContentRange& range) {
  const std::string total = range.total == ContentRange::kUnknown ? "*" : std::to_string(range.total);
  if (!range.satisfied) return "bytes */" + total;
  return "bytes " + std::to_string(range.first) + "-" + std::to_string(range.last) + "/" + total;
}

bool is_same(const ContentRange& a, const ContentRange& b) {
  return a.satisfied == b.satisfied && a.first == b.first && a.last == b.last && a.total == b.total;
}

void check_value(std::string_view value) {
  ContentRange range;
  if (!parse_content_range(value, &range)) return;
  must(range.satisfied || range.total != ContentRange::kUnknown, "a 416 says how much there is");
  must(range.first <= range.last, "it begins before it ends");
  must(!range.satisfied || range.last < range.total, "it ends within the whole");
  ContentRange again;
  must(parse_content_range(write(range), &again) && is_same(range, again),
       "written anew it is the same");
}

// A head, from bytes; freed with it.
class Head {
 public:
  explicit Head(std::string_view text) {
    parser_.start(&head_, &pool_, &limits_, false);
    Parsed parsed = parser_.feed(text);
    while (parsed.item == Item::informational) {
      text.remove_prefix(parsed.consumed);
      parsed = parser_.feed(text);
    }
    complete_ = parsed.item == Item::head;
  }
  ~Head() {
    head_.release(pool_);
    pool_.trim();
  }
  Head(const Head&) = delete;
  Head& operator=(const Head&) = delete;

  [[nodiscard]] bool complete() const { return complete_; }
  [[nodiscard]] const ResponseHead& get() const { return head_; }

 private:
  BlockPool pool_{Allocator::system()};
  ParserLimits limits_;
  ResponseHead head_;
  ResponseParser parser_;
  bool complete_ = false;
};

std::string fields_of(const ResumePoint& point) {
  std::string text(resume_fields_bytes(point) + 1, '#');
  write_resume_fields(point, text.data());
  must(text.back() == '#', "no more is written than measured");
  text.pop_back();
  return text;
}

// What is asked for is two fields, and a server that does what it is asked is believed.
void check_asking(const ResponseHead& first, uint64_t offset) {
  ResumePoint point;
  pester::core::Why why;
  if (!can_resume(first, "GET", &point, &why)) {
    must(!why.empty(), "who refuses says why");
    return;
  }
  must(first.status == 200 && is_strong_etag(point.etag), "only a 200 with a strong tag");
  if (point.total == ContentRange::kUnknown) point.total = offset + 1;
  if (point.total <= offset) return;
  point.break_off(offset);
  must(point.overlap <= kResumeOverlapMax && point.overlap <= offset, "the overlap is what has come");
  const std::string etag(point.etag);
  const std::string coding(point.coding);
  must(fields_of(point) ==
           "Range: bytes=" + std::to_string(point.first()) + "-\r\nIf-Range: " + etag + "\r\n",
       "two fields are written");
  for (const char c : etag) must(static_cast<unsigned char>(c) > 0x20, "a tag ends no line");
  const Head rest("HTTP/1.1 206 x\r\nContent-Range: bytes " + std::to_string(point.first()) + "-" +
                  std::to_string(point.total - 1) + "/" + std::to_string(point.total) + "\r\nETag: " +
                  etag + "\r\nContent-Encoding: " + (coding.empty() ? "identity" : coding) + "\r\n\r\n");
  must(rest.complete(), "what was read can be written");
  uint64_t bytes = 0;
  must(check_resume(rest.get(), point, &bytes, &why) == 0, "the rest is taken");
  must(bytes == point.total - point.first(), "and is as long as it must be");
}

void check_answer(const ResponseHead& head, uint64_t offset, uint64_t total) {
  ResumePoint point;
  point.etag = "\"tag\"";
  point.total = total == 0 ? ContentRange::kUnknown : total;
  point.break_off(offset);
  uint64_t bytes = 0;
  pester::core::Why why;
  if (check_resume(head, point, &bytes, &why) != 0) {
    must(!why.empty(), "who refuses says why");
    return;
  }
  must(head.status == 206, "only a 206");
  ContentRange range;
  must(parse_content_range(head.find("content-range"), &range) && range.satisfied, "it has a range");
  must(range.first + kResumeOverlapMax >= offset && range.first <= offset, "it begins where asked");
  must(range.last + 1 == range.first + bytes, "its length is its range's");
  must(total == 0 ? range.last + 1 == range.total : range.last + 1 == total, "it ends with the whole");
  must(range.first + bytes >= offset, "it does not end before the overlap does");
  for (const char* name : {"etag", "content-encoding", "content-length"}) {
    const std::string_view value = head.find(name);
    if (value.data() == nullptr) continue;
    const std::string_view lower(name);
    if (lower == "etag") must(value == point.etag, "nothing changed");
    if (lower == "content-encoding") must(value.empty() || value.size() == 8, "nothing is coded");
    if (lower == "content-length") must(std::stoull(std::string(value)) == bytes, "the lengths agree");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  std::string_view lines[2];
  for (std::string_view& line : lines) {
    const size_t cut = rest.find('\n');
    line = rest.substr(0, cut);
    rest = cut == std::string_view::npos ? std::string_view() : rest.substr(cut + 1);
  }
  check_value(lines[0]);
  unsigned long long offset = 0;
  unsigned long long total = 0;
  std::sscanf(std::string(lines[1]).c_str(), "%19llu %19llu", &offset, &total);
  offset %= uint64_t{1} << 62;  // "-2" is read as one near the end of 64 bits, where no body gets to
  total %= uint64_t{1} << 62;
  const Head head(rest);
  if (!head.complete()) return 0;
  check_asking(head.get(), offset);
  check_answer(head.get(), offset, total);
  return 0;
}
