// SPDX-License-Identifier: MIT
// The lines of a head and of trailers: stored once, cut and checked in place. llhttp is shown the status
// line, Content-Length, Transfer-Encoding and the empty line, whole lines only and none behind the empty
// one, so that no callback has to stop it; the other fields it would walk over at twelve instructions a
// byte, to no effect on the framing.
#include <algorithm>
#include <cstring>

#include "wire/response_parser.h"

#include "core/text.h"
#include "wire/text_scan.h"
#include "wire/trailer_rule.h"

namespace pester::wire {

namespace {

constexpr std::string_view kVersion = "HTTP/1.";
constexpr size_t kWindow = 512;  // bytes stored before it is known whether the section ends among them
constexpr uint64_t kKnownLengths = 1 << 10 | 1 << 14 | 1 << 16 | 1 << 17;  // of names

bool is_crlf(const char* at) {
  return at[0] == '\r' && at[1] == '\n';
}

// The next element of a comma list, without the white space around it; false when there is none.
bool next_element(std::string_view* list, std::string_view* element) {
  if (list->empty()) return false;
  const size_t comma = std::min(list->find(','), list->size());
  *element = core::part(*list, 0, comma);
  list->remove_prefix(std::min(comma + 1, list->size()));
  while (!element->empty() && is_blank(element->front())) element->remove_prefix(1);
  while (!element->empty() && is_blank(element->back())) element->remove_suffix(1);
  return true;
}

// The number behind "timeout=" of a Keep-Alive field; 0 when there is none.
uint32_t timeout_of(std::string_view value) {
  constexpr std::string_view kName = "timeout=";
  for (std::string_view element; next_element(&value, &element);) {
    if (!equals_ignoring_case(core::part(element, 0, kName.size()), kName)) continue;
    uint64_t seconds = 0;
    for (const char c : core::part(element, kName.size())) {
      if (c < '0' || c > '9') return 0;
      seconds = std::min<uint64_t>(seconds * 10 + static_cast<uint64_t>(c - '0'), UINT32_MAX);
    }
    return static_cast<uint32_t>(seconds);
  }
  return 0;
}

}  // namespace

// Appends input to the head's text, up to and with the line that decides. `more` with bytes left over
// means the limit.
ResponseParser::Scan ResponseParser::store(std::string_view input, uint64_t limit, size_t* taken) {
  Bytes& text = head_->text();
  uint64_t room = std::min<uint64_t>(limit - section_bytes_, UINT32_MAX - text.size());
  Scan scan = Scan::more;
  size_t at = 0;
  while (scan == Scan::more && at < input.size() && room != 0) {
    size_t count = std::min(input.size() - at, kWindow);
    if (count > room) count = static_cast<size_t>(room);
    const size_t before = text.size();
    if (!text.reserve(*pool_, count + kScanPadding)) return Scan::no_memory;
    std::memcpy(text.data() + before, input.data() + at, count);
    std::memset(text.data() + before + count, 0, kScanPadding);
    text.set_size(before + count);
    scan = scan_lines();
    if (scan == Scan::no_memory) return scan;
    if (scan != Scan::more) {
      count = line_at_ - before;
      text.set_size(line_at_);
    }
    at += count;
    room -= count;
  }
  section_bytes_ += at;
  *taken = at;
  return scan;
}

// A line is judged when its LF is there, so that the cuts between reads make no difference; only what
// cannot become a status line is refused at once.
ResponseParser::Scan ResponseParser::scan_lines() {
  const char* const text = head_->text().data();
  const size_t size = head_->text().size();
  if (scanned_ != line_at_ && std::memchr(text + scanned_, '\n', size - scanned_) == nullptr) {
    scanned_ = size;
    return Scan::more;
  }
  if (phase_ == Phase::head && line_at_ == 0) {
    Scan scan = take_status_line(text);
    if (scan == Scan::malformed) scan = take_relaxed(text, true);
    if (scan == Scan::malformed) return judge_line(text, true);
    if (scan != Scan::more) return scan;
  }
  while (true) {
    const char* const line = text + line_at_;
    if (is_crlf(line)) return take_empty_line();
    Scan scan = take_field(line);
    if (scan == Scan::malformed) scan = take_relaxed(line, false);
    if (scan == Scan::malformed) return judge_line(line, false);
    if (scan != Scan::more) return scan;
  }
}

// A line that could not be taken: is it malformed, or not complete yet?
ResponseParser::Scan ResponseParser::judge_line(const char* line, bool first) {
  const Bytes& text = head_->text();
  scanned_ = text.size();
  const std::string_view rest = core::part(text.view(), static_cast<size_t>(line - text.data()));
  const size_t lf = rest.find('\n');
  line_at_ = static_cast<size_t>(line - text.data());
  if (lf != std::string_view::npos) {
    line_at_ += lf + 1;
    return Scan::malformed;
  }
  if (!first || core::part(rest, 0, kVersion.size()) == core::part(kVersion, 0, rest.size()))
    return Scan::more;
  line_at_ = scanned_;
  return Scan::malformed;
}

ResponseParser::Scan ResponseParser::take_status_line(const char* line) {
  constexpr size_t kDigitsEnd = 12;
  if (head_->text().size() <= kDigitsEnd) return Scan::malformed;
  const auto minor = static_cast<unsigned>(line[7] - '0');
  const auto hundreds = static_cast<unsigned>(line[9] - '0');
  const auto tens = static_cast<unsigned>(line[10] - '0');
  const auto ones = static_cast<unsigned>(line[11] - '0');
  if (std::memcmp(line, kVersion.data(), kVersion.size()) != 0 || minor > 1 || line[8] != ' ' ||
      hundreds < 1 || hundreds > 5 || tens > 9 || ones > 9) {
    return Scan::malformed;
  }
  const char* reason = line + kDigitsEnd;
  const char* reason_end = reason;
  if (*reason == ' ') reason_end = skip_text(++reason);
  if (!is_crlf(reason_end)) return Scan::malformed;

  const auto status = static_cast<uint16_t>(hundreds * 100 + tens * 10 + ones);
  if (status == 101 && switching_ != Switching::upgrade) return Scan::malformed;
  head_->minor_version = static_cast<uint8_t>(minor);
  head_->status = status;
  head_->reason_at = static_cast<uint32_t>(reason - line);
  head_->reason_bytes = static_cast<uint32_t>(reason_end - reason);
  line_at_ = static_cast<size_t>(reason_end - line) + 2;
  if (status < 200 && status != 101 && ++informational_ > limits_->informational) {
    return Scan::informational_limit;
  }
  return show({line, line_at_}) ? Scan::more : Scan::malformed;
}

ResponseParser::Scan ResponseParser::take_field(const char* line) {
  const char* const name_end = skip_token(line);
  if (*name_end != ':' || name_end == line) return Scan::malformed;
  const char* value = name_end + 1;
  while (is_blank(*value)) ++value;
  const char* value_end = skip_text(value);
  if (!is_crlf(value_end)) return Scan::malformed;
  const size_t next = line_at_ + static_cast<size_t>(value_end - line) + 2;
  while (value_end != value && is_blank(value_end[-1])) --value_end;

  const std::string_view name(line, static_cast<size_t>(name_end - line));
  const std::string_view text(value, static_cast<size_t>(value_end - value));
  const auto at = static_cast<uint32_t>(line_at_);
  const Field field = {at, static_cast<uint32_t>(name.size()), at + static_cast<uint32_t>(value - line),
                       static_cast<uint32_t>(text.size())};
  if (phase_ == Phase::trailers) return take_trailer(name, field, next);
  if (name.size() < 18 && (kKnownLengths >> name.size() & 1) != 0 &&
      !take_known_field(name, text, next)) {
    return Scan::malformed;
  }
  line_at_ = next;
  return keep(field, head_->field_count);
}

ResponseParser::Scan ResponseParser::take_copied_line(const char* line, bool first) {
  return first ? take_status_line(line) : take_field(line);
}

ResponseParser::Scan ResponseParser::take_trailer(std::string_view name, const Field& field,
                                                  size_t next) {
  const TrailerRule rule = rule_of_trailer(name);
  if (rule == TrailerRule::refuse) return Scan::malformed;
  line_at_ = next;
  if (rule == TrailerRule::keep) return keep(field, head_->trailer_count);
  if (rule == TrailerRule::close) persistent_ = false;
  return Scan::more;
}

// False for a field that makes the framing doubtful.
bool ResponseParser::take_known_field(std::string_view name, std::string_view value, size_t next) {
  const std::string_view line(name.data(), next - line_at_);
  if (is_word(name, "content-length")) {
    if (length_seen_ || coding_seen_) return false;
    length_seen_ = true;
    return show(line);
  }
  if (is_word(name, "transfer-encoding")) {
    if (length_seen_ || coding_seen_ || head_->minor_version == 0) return false;
    coding_seen_ = true;
    return equals_ignoring_case(value, "chunked") && show(line);
  }
  if (is_word(name, "connection") || is_word(name, "proxy-connection")) take_connection(value);
  if (is_word(name, "keep-alive")) keep_alive_timeout_s_ = timeout_of(value);
  return true;
}

void ResponseParser::take_connection(std::string_view value) {
  if (is_word(value, "keep-alive")) {  // nearly always
    keep_alive_seen_ = true;
    return;
  }
  for (std::string_view element; next_element(&value, &element);) {
    if (is_word(element, "close")) close_seen_ = true;
    if (is_word(element, "keep-alive")) keep_alive_seen_ = true;
  }
}

ResponseParser::Scan ResponseParser::take_empty_line() {
  line_at_ += 2;
  return show("\r\n") && flush_shown() ? Scan::complete : Scan::malformed;
}

// Lines are gathered for llhttp: entering it costs more than copying a line.
bool ResponseParser::show(std::string_view line) {
  if (line.size() > sizeof shown_ - shown_bytes_) {
    if (!flush_shown()) return false;
    if (line.size() > sizeof shown_) return run_llhttp(line);
  }
  std::memcpy(shown_ + shown_bytes_, line.data(), line.size());
  shown_bytes_ += line.size();
  return true;
}

bool ResponseParser::flush_shown() {
  const std::string_view shown(shown_, shown_bytes_);
  shown_bytes_ = 0;
  return run_llhttp(shown);
}

}  // namespace pester::wire
