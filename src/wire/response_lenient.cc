// SPDX-License-Identifier: MIT
// Lines of a head that are wrong, and that the request lets pass (RFC 9112 §2.2, §5.2, §6.3): each is
// put right before anybody else sees it, so that llhttp, strict as ever, agrees. The message is whole
// then, its connection is not used again. Trailers and chunks are never relaxed.
#include <cstring>

#include "wire/response_parser.h"

#include "core/text.h"
#include "wire/head_grammar.h"
#include "wire/text_scan.h"

namespace pester::wire {

namespace {

// Up to 2^63-1, of digits only; false for anything else.
bool read_length(std::string_view text, uint64_t* length) {
  *length = 0;
  for (const char c : text) {
    if (c < '0' || c > '9' || *length > (uint64_t{INT64_MAX} - static_cast<uint64_t>(c - '0')) / 10) {
      return false;
    }
    *length = *length * 10 + static_cast<uint64_t>(c - '0');
  }
  return !text.empty();
}

std::string_view trimmed(const char* begin, const char* end) {
  while (begin != end && is_blank(*begin)) ++begin;
  while (end != begin && is_blank(end[-1])) --end;
  return {begin, static_cast<size_t>(end - begin)};
}

}  // namespace

// A line that the strict way did not take. `malformed` when this way does not either, or its LF is not
// there yet.
ResponseParser::Scan ResponseParser::take_relaxed(const char* line, bool first) {
  if (lenient_ == 0 || phase_ != Phase::head) return Scan::malformed;
  const std::string_view text = head_->text().view();
  const std::string_view rest = core::part(text, static_cast<size_t>(line - text.data()));
  const size_t lf = rest.find('\n');
  if (lf == std::string_view::npos) return Scan::malformed;
  Scan scan = Scan::malformed;
  if (lf != 0 && rest[lf - 1] == '\r') {
    if (!first) scan = take_odd_field(line);
  } else if ((lenient_ & lenient::kBareLf) != 0) {
    const size_t next = line_at_ + lf + 1;
    scan = take_bare_line(line, lf, first);
    if (scan != Scan::malformed) line_at_ = next;
  }
  if (scan == Scan::more || scan == Scan::complete) relaxed_ = close_seen_ = true;
  return scan;
}

// A copy of the line, with the CR that it lacks, goes the strict way. What that notes are distances from
// the line's beginning, which are the same.
ResponseParser::Scan ResponseParser::take_bare_line(const char* line, size_t bytes, bool first) {
  if (bytes == 0) return first ? Scan::malformed : take_empty_line();
  const Block block = pool_->take(bytes + 2 + kScanPadding);
  if (block.at == nullptr) return Scan::no_memory;
  auto* const copy = static_cast<char*>(block.at);
  std::memcpy(copy, line, bytes);
  copy[bytes] = '\r';
  copy[bytes + 1] = '\n';
  std::memset(copy + bytes + 2, 0, kScanPadding);
  Scan scan = take_copied_line(copy, first);
  if (scan == Scan::malformed && !first) scan = take_odd_field(copy);
  pool_->give(block);
  return scan;
}

// `line` ends in CR LF.
ResponseParser::Scan ResponseParser::take_odd_field(const char* line) {
  return is_blank(*line) ? take_fold(line) : take_equal_length(line);
}

// It becomes a part of the field before: what lay between them, blanks. What it adds to Connection is of
// no weight, since that is over anyway.
ResponseParser::Scan ResponseParser::take_fold(const char* line) {
  if ((lenient_ & lenient::kFold) == 0 || head_->field_count == 0) return Scan::malformed;
  const size_t last = head_->field_count - size_t{1};
  const std::string_view name = head_->name(last);
  if (is_word(name, "content-length") || is_word(name, "transfer-encoding")) return Scan::malformed;
  const char* const end = skip_text(line);
  const std::string_view more = trimmed(line, end);
  if (more.empty() || end[0] != '\r' || end[1] != '\n') return Scan::malformed;

  Field& field = reinterpret_cast<Field*>(head_->fields().data())[last];
  char* const text = head_->text().data();
  const size_t more_at = line_at_ + static_cast<size_t>(more.data() - line);
  const size_t gap_at = size_t{field.value_at} + field.value_bytes;
  std::memset(text + gap_at, ' ', more_at - gap_at);
  if (field.value_bytes == 0) field.value_at = static_cast<uint32_t>(more_at);
  field.value_bytes = static_cast<uint32_t>(more_at + more.size() - field.value_at);
  line_at_ += static_cast<size_t>(end - line) + 2;
  return Scan::more;
}

// Another Content-Length that says the same. llhttp, which takes one only, is not shown it.
ResponseParser::Scan ResponseParser::take_equal_length(const char* line) {
  if ((lenient_ & lenient::kDuplicateLength) == 0 || !length_seen_ || coding_seen_) {
    return Scan::malformed;
  }
  const char* const name_end = skip_token(line);
  const std::string_view name(line, static_cast<size_t>(name_end - line));
  if (*name_end != ':' || !is_word(name, "content-length")) return Scan::malformed;
  const char* const end = skip_text(name_end + 1);
  if (end[0] != '\r' || end[1] != '\n') return Scan::malformed;
  const std::string_view value = trimmed(name_end + 1, end);
  const char* behind = value.data() + value.size();
  while (*behind == ' ') ++behind;  // no tabs there, like in the first one
  uint64_t first = 0;
  uint64_t second = 0;
  if (behind != end || !read_length(head_->find("content-length"), &first) ||
      !read_length(value, &second) || first != second) {
    return Scan::malformed;
  }
  const auto at = static_cast<uint32_t>(line_at_);
  const Field field = {at, static_cast<uint32_t>(name.size()),
                       at + static_cast<uint32_t>(value.data() - line),
                       static_cast<uint32_t>(value.size())};
  line_at_ += static_cast<size_t>(end - line) + 2;
  return keep(field, head_->field_count);
}

}  // namespace pester::wire
