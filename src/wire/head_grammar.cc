// SPDX-License-Identifier: MIT
#include "wire/head_grammar.h"

#include "core/text.h"

#include "wire/response_head.h"
#include "wire/text_scan.h"

namespace pester::wire {

namespace {

constexpr uint64_t kLengthMax = INT64_MAX;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// Walks the bytes once. Every step returns false when the walk is over: a fault, or no more bytes.
class Grammar {
 public:
  Grammar(std::string_view raw, HeadSection section, uint8_t lenient_set)
      : raw_(raw), section_(section), lenient_(section == HeadSection::trailers ? 0 : lenient_set) {}

  Fault find() {
    if (section_ != HeadSection::trailers && !status_line()) return fault_;
    while (field_line()) {
    }
    return fault_;
  }

 private:
  [[nodiscard]] bool more() const { return at_ < raw_.size(); }
  [[nodiscard]] char byte() const { return raw_[at_]; }
  [[nodiscard]] bool may(uint8_t relaxation) const { return (lenient_ & relaxation) != 0; }

  bool wrong_at(size_t at, const char* reason) {
    fault_ = {at, reason};
    return false;
  }
  bool wrong(const char* reason) { return wrong_at(at_, reason); }

  bool status_line();
  bool status_digits();
  bool field_line();
  bool field_name();
  bool framing_name(std::string_view name);
  bool content_length();
  bool folded_line();
  bool line_end();

  std::string_view raw_;
  HeadSection section_;
  uint8_t lenient_;
  size_t at_ = 0;
  uint64_t length_ = 0;
  bool old_version_ = false;
  bool length_seen_ = false;
  bool coding_seen_ = false;
  bool first_field_ = true;
  bool may_go_on_ = false;  // the last field, in a folded line
  Fault fault_;
};

// CR LF at at_.
bool Grammar::line_end() {
  if (byte() == '\n' && may(lenient::kBareLf)) {
    ++at_;
    return true;
  }
  if (byte() == '\n') return wrong("a line that ends in LF without CR");
  if (at_ + 1 == raw_.size()) return false;
  if (raw_[at_ + 1] != '\n') return wrong("a CR without LF");
  at_ += 2;
  return true;
}

bool Grammar::status_digits() {
  for (size_t i = 0; i < 3; ++i, ++at_) {
    if (!more()) return false;
    if (!is_digit(byte())) return wrong("a status that is not three digits");
    if (i == 0 && (byte() < '1' || byte() > '5')) return wrong("a status outside 100 to 599");
  }
  const bool switching = core::part(raw_, at_ - 3, 3) == "101";
  if (switching && section_ != HeadSection::head_may_switch) {
    return wrong_at(at_ - 3, "status 101, which was not asked for");
  }
  return true;
}

bool Grammar::status_line() {
  constexpr std::string_view kVersion = "HTTP/1.";
  for (; at_ < kVersion.size(); ++at_) {
    if (!more()) return false;
    if (byte() == kVersion[at_]) continue;
    return wrong(at_ < 5 ? "no HTTP status line" : "a version other than HTTP/1.0 and HTTP/1.1");
  }
  if (!more()) return false;
  if (byte() != '0' && byte() != '1') return wrong("a version other than HTTP/1.0 and HTTP/1.1");
  old_version_ = byte() == '0';
  if (++at_; !more()) return false;
  if (byte() != ' ') return wrong("no space behind the version");
  ++at_;
  if (!status_digits() || !more()) return false;
  if (byte() == ' ') {
    ++at_;
    while (more() && is_text_byte(byte())) ++at_;
    if (!more()) return false;
    if (byte() != '\r' && byte() != '\n') return wrong("a control byte in the reason phrase");
  } else if (byte() != '\r' && byte() != '\n') {
    return wrong("a status that is not three digits");
  }
  return line_end();
}

bool Grammar::framing_name(std::string_view name) {
  const size_t name_at = at_ - name.size();
  const bool is_length = equals_ignoring_case(name, "content-length");
  const bool is_coding = equals_ignoring_case(name, "transfer-encoding");
  if (!is_length && !is_coding) return true;
  if (section_ == HeadSection::trailers) return wrong_at(name_at, "a framing field in the trailers");
  if (is_length && length_seen_ && !may(lenient::kDuplicateLength)) {
    return wrong_at(name_at, "a second Content-Length");
  }
  if (is_coding && coding_seen_) return wrong_at(name_at, "a second Transfer-Encoding");
  coding_seen_ = coding_seen_ || is_coding;
  if ((length_seen_ || is_length) && coding_seen_) {
    return wrong_at(name_at, "both Content-Length and Transfer-Encoding");
  }
  if (is_coding && old_version_) return wrong_at(name_at, "Transfer-Encoding in HTTP/1.0");
  return true;
}

// Up to the ':'.
bool Grammar::field_name() {
  if (byte() == ' ' || byte() == '\t') {
    return wrong(first_field_ ? "white space before the first field" : "a folded field line");
  }
  if (byte() == ':') return wrong("a field without a name");
  const size_t start = at_;
  while (more() && is_token_byte(byte())) ++at_;
  if (!more()) return false;
  if (byte() == '\r' || byte() == '\n') return wrong("a field line without a colon");
  if (byte() == ' ' || byte() == '\t') return wrong("white space in a field name");
  if (byte() != ':') return wrong("a byte that no field name may hold");
  return framing_name(core::part(raw_, start, at_ - start));
}

// 1*DIGIT up to 2^63-1, then spaces.
bool Grammar::content_length() {
  if (!more()) return false;
  if (byte() == '\r' || byte() == '\n') return wrong("an empty Content-Length");
  uint64_t length = 0;
  const size_t start = at_;
  for (; more() && is_digit(byte()); ++at_) {
    const auto digit = static_cast<uint64_t>(byte() - '0');
    if (length > (kLengthMax - digit) / 10) return wrong("a Content-Length over 2^63-1");
    length = length * 10 + digit;
  }
  if (more() && at_ == start) return wrong("a Content-Length that is not a number");
  while (more() && byte() == ' ') ++at_;
  if (!more()) return false;
  if (byte() != '\r' && byte() != '\n') return wrong("a Content-Length that is not a number");
  if (length_seen_ && length != length_) return wrong_at(start, "a second Content-Length, another one");
  length_seen_ = true;
  length_ = length;
  return true;
}

// More of the field before (RFC 9112 §5.2), never of one that frames the message, and never of blanks
// alone, which others take for the end of the head.
bool Grammar::folded_line() {
  const size_t start = at_;
  if (!may_go_on_) return wrong("a folded framing field");
  while (more() && (byte() == ' ' || byte() == '\t')) ++at_;
  if (!more()) return false;
  if (byte() == '\r' || byte() == '\n') return wrong_at(start, "a line of blanks");
  while (more() && is_text_byte(byte())) ++at_;
  if (!more()) return false;
  if (byte() != '\r' && byte() != '\n') return wrong("a control byte in a field value");
  return line_end();
}

bool Grammar::field_line() {
  if (!more()) return false;
  if (byte() == '\r' || byte() == '\n') {
    (void)line_end();
    return false;  // the empty line: the section is over
  }
  const size_t start = at_;
  const bool is_blank_first = byte() == ' ' || byte() == '\t';
  if (is_blank_first && !first_field_ && may(lenient::kFold)) return folded_line();
  if (!field_name()) return false;
  const std::string_view name = core::part(raw_, start, at_ - start);
  ++at_;
  while (more() && (byte() == ' ' || byte() == '\t')) ++at_;
  const size_t value_at = at_;
  const bool is_length = equals_ignoring_case(name, "content-length");
  const bool is_coding = equals_ignoring_case(name, "transfer-encoding");
  if (is_length && !content_length()) return false;
  while (more() && is_text_byte(byte())) ++at_;
  if (!more()) return false;
  if (byte() != '\r' && byte() != '\n') return wrong("a control byte in a field value");
  std::string_view value = core::part(raw_, value_at, at_ - value_at);
  while (!value.empty() && value.back() == ' ') value.remove_suffix(1);
  if (!line_end()) return false;
  if (is_coding && !equals_ignoring_case(value, "chunked")) {
    return wrong_at(value_at, "a Transfer-Encoding other than chunked");
  }
  first_field_ = false;
  may_go_on_ = !is_length && !is_coding;
  return true;
}

}  // namespace

Fault find_fault(std::string_view raw, HeadSection section, uint8_t lenient_set) {
  return Grammar(raw, section, lenient_set).find();
}

}  // namespace pester::wire
