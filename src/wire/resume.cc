// SPDX-License-Identifier: MIT
#include "wire/resume.h"

#include <algorithm>
#include <cstring>

#include "core/assert.h"
#include "core/text.h"
#include "pester/errors.h"
#include "wire/text_scan.h"

namespace pester::wire {

namespace {

constexpr std::string_view kRange = "Range: bytes=";
constexpr std::string_view kIfRange = "-\r\nIf-Range: ";
constexpr std::string_view kLineEnd = "\r\n";

// The fields of one name, as they came: the user may see a decoded body's head without some.
struct Found {
  size_t count = 0;
  std::string_view value;  // of the last one
};

Found find_all(const ResponseHead& head, std::string_view lower_name) {
  Found found;
  for (size_t i = 0; i < head.received_count(); ++i) {
    if (!equals_ignoring_case(head.received_name(i), lower_name)) continue;
    ++found.count;
    found.value = head.received_value(i);
  }
  return found;
}

bool any_is(const ResponseHead& head, std::string_view lower_name, std::string_view lower_value) {
  for (size_t i = 0; i < head.field_count; ++i) {
    if (equals_ignoring_case(head.name(i), lower_name) &&
        equals_ignoring_case(head.value(i), lower_value)) {
      return true;
    }
  }
  return false;
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

// Names of codings know no case (RFC 9110 §8.4.1).
bool is_same_coding(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

// "identity" is what no coding is called; a server should not send it.
std::string_view coding_of(std::string_view value) {
  return equals_ignoring_case(value, "identity") ? std::string_view() : value;
}

bool is_multipart(const ResponseHead& head) {
  constexpr std::string_view kType = "multipart/byteranges";
  for (size_t i = 0; i < head.field_count; ++i) {
    if (!equals_ignoring_case(head.name(i), "content-type")) continue;
    const std::string_view value = head.value(i);
    if (!equals_ignoring_case(core::part(value, 0, kType.size()), kType)) continue;
    if (value.size() == kType.size() || !is_token_byte(value[kType.size()])) return true;
  }
  return false;
}

// False: it is not one number. Not there: `number` stays.
bool read_length(const ResponseHead& head, uint64_t* number) {
  const Found found = find_all(head, "content-length");
  if (found.count == 0) return true;
  if (found.count != 1 || found.value.empty()) return false;
  uint64_t length = 0;
  for (const char c : found.value) {
    if (c < '0' || c > '9') return false;
    const auto digit = static_cast<uint64_t>(c - '0');
    if (length > (ContentRange::kUnknown - 1 - digit) / 10) return false;
    length = length * 10 + digit;
  }
  *number = length;
  return true;
}

core::Why& add_count(core::Why* why, uint64_t count) {
  return why->add(static_cast<int64_t>(std::min<uint64_t>(count, INT64_MAX)));
}

bool refuse(core::Why* why, std::string_view reason) {
  why->clear();
  why->add(reason);
  return false;
}

bool check_status(const ResponseHead& head, const ResumePoint& point, core::Why* why) {
  if (head.status == 206) return true;
  why->clear();
  add_count(why, head.status).add(" in place of 206");
  if (head.status == 200) why->add(": all of it anew, for it has changed or ranges are not served");
  if (head.status == 412) why->add(": it has changed");
  ContentRange range;
  const Found found = find_all(head, "content-range");
  if (head.status == 416 && found.count == 1 && parse_content_range(found.value, &range) &&
      !range.satisfied) {
    add_count(&why->add(": from byte "), point.first());
    add_count(&why->add(" of "), range.total);
  }
  return false;
}

// It is from point.first() to the end. The end must be known: else a second loss would be taken for it.
bool check_range(const ResponseHead& head, const ResumePoint& point, ContentRange* range,
                 core::Why* why) {
  if (is_multipart(head)) return refuse(why, "multipart/byteranges in place of one range");
  const Found found = find_all(head, "content-range");
  if (found.count == 0) return refuse(why, "206 without Content-Range");
  if (found.count != 1) return refuse(why, "206 with more than one Content-Range");
  if (!parse_content_range(found.value, range) || !range->satisfied) {
    refuse(why, "bad Content-Range: ");
    why->add(found.value);
    return false;
  }
  if (range->first != point.first()) {
    refuse(why, "the rest begins at byte ");
    add_count(why, range->first).add(" in place of ");
    add_count(why, point.first());
    return false;
  }
  const uint64_t total = point.total != ContentRange::kUnknown ? point.total : range->total;
  if (total == ContentRange::kUnknown) return refuse(why, "nobody says how long the whole is");
  if (range->total != ContentRange::kUnknown && range->total != total) {
    refuse(why, "the whole is now ");
    add_count(why, range->total).add(" bytes in place of ");
    add_count(why, total);
    return false;
  }
  if (range->last != total - 1) {
    refuse(why, "the rest ends at byte ");
    add_count(why, range->last).add(" in place of ");
    add_count(why, total - 1);
    return false;
  }
  if (total < point.offset) return refuse(why, "the whole is shorter than what came of it");
  return true;
}

bool check_validator(const ResponseHead& head, const ResumePoint& point, core::Why* why) {
  const Found etag = find_all(head, "etag");
  if (etag.count > 1) return refuse(why, "206 with more than one ETag");
  if (etag.count == 1 && etag.value != point.etag) {
    refuse(why, "it has changed: ETag ");
    why->add(etag.value).add(" in place of ").add(point.etag);
    return false;
  }
  const Found coding = find_all(head, "content-encoding");
  // A 206 to If-Range need not say the coding again (RFC 9110 §15.3.7), but must the ETag, which is
  // another in another coding.
  if (coding.count == 0 && etag.count == 1) return true;
  if (coding.count > 1) return refuse(why, "206 with more than one Content-Encoding");
  if (is_same_coding(coding_of(coding.value), point.coding)) return true;
  refuse(why, "Content-Encoding ");
  why->add(coding.count == 0 ? "none" : coding.value).add(" in place of ");
  why->add(point.coding.empty() ? "none" : point.coding);
  return false;
}

size_t count_digits(uint64_t number) {
  size_t digits = 1;
  while (number >= 10) {
    number /= 10;
    ++digits;
  }
  return digits;
}

char* put(char* out, std::string_view text) {
  std::memcpy(out, text.data(), text.size());
  return out + text.size();
}

}  // namespace

bool is_strong_etag(std::string_view text) {
  if (text.size() < 2 || text.size() > kResumeEtagMax) return false;
  if (text.front() != '"' || text.back() != '"') return false;
  for (const char c : core::part(text, 1, text.size() - 2)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= 0x20 || byte == '"' || byte == 0x7f) return false;
  }
  return true;
}

bool can_resume(const ResponseHead& head, std::string_view method, ResumePoint* point, core::Why* why) {
  if (method != "GET") return refuse(why, "only a GET goes on where it broke off");
  if (head.status != 200) return refuse(why, "only a 200 goes on where it broke off");
  if (any_is(head, "accept-ranges", "none"))
    return refuse(why, "the server says that it serves no ranges");
  const Found etag = find_all(head, "etag");
  if (etag.count == 0) return refuse(why, "no ETag");
  if (etag.count != 1) return refuse(why, "more than one ETag");
  if (!is_strong_etag(etag.value)) return refuse(why, "no strong ETag");
  const Found coding = find_all(head, "content-encoding");
  if (coding.count > 1) return refuse(why, "more than one Content-Encoding");
  uint64_t total = ContentRange::kUnknown;
  if (!read_length(head, &total)) return refuse(why, "no plain Content-Length");
  point->etag = etag.value;
  point->coding = coding_of(coding.value);
  point->total = total;
  return true;
}

size_t resume_fields_bytes(const ResumePoint& point) {
  return kRange.size() + count_digits(point.first()) + kIfRange.size() + point.etag.size() +
         kLineEnd.size();
}

void write_resume_fields(const ResumePoint& point, char* out) {
  PESTER_ASSERT(is_strong_etag(point.etag));
  out = put(out, kRange);
  uint64_t number = point.first();
  const size_t digits = count_digits(number);
  for (size_t i = digits; i > 0; --i) {
    out[i - 1] = static_cast<char>('0' + number % 10);
    number /= 10;
  }
  out = put(out + digits, kIfRange);
  put(put(out, point.etag), kLineEnd);
}

int check_resume(const ResponseHead& head, const ResumePoint& point, uint64_t* body_bytes,
                 core::Why* why) {
  ContentRange range;
  if (!check_status(head, point, why) || !check_range(head, point, &range, why) ||
      !check_validator(head, point, why)) {
    return PESTER_ERESUME;
  }
  const uint64_t bytes = range.last - range.first + 1;
  uint64_t length = bytes;
  if (!read_length(head, &length) || length != bytes) {
    refuse(why, "Content-Length ");
    why->add(head.find("content-length")).add(" of a range of ");
    add_count(why, bytes).add(" bytes");
    return PESTER_ERESUME;
  }
  *body_bytes = bytes;
  return 0;
}

bool Overlap::take(std::string_view* span) {
  const size_t count = std::min(left_.size(), span->size());
  if (count != 0 && std::memcmp(left_.data(), span->data(), count) != 0) return false;
  left_.remove_prefix(count);
  span->remove_prefix(count);
  return true;
}

}  // namespace pester::wire
