// SPDX-License-Identifier: MIT
#include "response_case.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <sstream>

#include "core/assert.h"
#include "pester/errors.h"
#include "wire/head_grammar.h"

namespace pester::test {

namespace {

constexpr std::string_view kFence = "```";

[[noreturn]] void give_up(const std::string& what) {
  std::fprintf(stderr, "%s\n", what.c_str());
  std::exit(2);
}

// \r \n \t \\ \xNN, and \N*{text} for N times the text. Line breaks of the file mean nothing.
std::string unescape(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '\n') continue;
    if (c != '\\') {
      out += c;
      continue;
    }
    if (++at == text.size()) give_up("a backslash at the end of a fence");
    if (text[at] >= '0' && text[at] <= '9') {
      const size_t open = text.find("*{", at);
      const size_t close = text.find('}', at);
      if (open == text.npos || close == text.npos) give_up("a repetition without *{...}");
      const unsigned long times =
          std::strtoul(std::string(text.substr(at, open - at)).c_str(), nullptr, 10);
      const std::string once = unescape(text.substr(open + 2, close - open - 2));
      for (unsigned long i = 0; i < times; ++i) out += once;
      at = close;
    } else if (text[at] == 'x' && at + 2 < text.size()) {
      out += static_cast<char>(std::strtoul(std::string(text.substr(at + 1, 2)).c_str(), nullptr, 16));
      at += 2;
    } else {
      const char* found = std::strchr("r\rn\nt\t\\\\", text[at]);
      if (found == nullptr) give_up("an unknown escape");
      out += found[1];
    }
  }
  return out;
}

std::string escape(std::string_view text) {
  if (text.size() > 100) {
    char bytes[40];
    std::snprintf(bytes, sizeof bytes, "(%zu bytes)", text.size());
    return bytes;
  }
  std::string out;
  for (const char c : text) {
    char hex[8];
    std::snprintf(hex, sizeof hex, "\\x%02x", static_cast<unsigned>(static_cast<unsigned char>(c)));
    if (c == '\r') {
      out += "\\r";
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c == '\\') {
      out += "\\\\";
    } else if (c >= 0x20 && c < 0x7f) {
      out += c;
    } else {
      out += hex;
    }
  }
  return out;
}

void take_option(const std::string& word, ResponseCase* into) {
  const auto number = [&](const char* name, uint32_t* value) {
    const size_t size = std::strlen(name);
    if (word.compare(0, size, name) != 0) return false;
    *value = static_cast<uint32_t>(std::strtoul(word.c_str() + size, nullptr, 10));
    return true;
  };
  const auto relaxation = [&](const char* name, uint8_t bit) {
    if (word != name) return false;
    into->lenient |= bit;
    return true;
  };
  const bool known =
      relaxation("duplicate_length", wire::lenient::kDuplicateLength) ||
      relaxation("obs_fold", wire::lenient::kFold) || relaxation("bare_lf", wire::lenient::kBareLf) ||
      (word == "head" && (into->head = true)) || (word == "connect" && (into->connect = true)) ||
      (word == "upgrade" && (into->upgrade = true)) || (word == "unclean" && (into->unclean = true)) ||
      number("head_bytes=", &into->limits.head_bytes) || number("fields=", &into->limits.fields) ||
      number("informational=", &into->limits.informational) ||
      number("trailer_bytes=", &into->limits.trailer_bytes) ||
      number("chunk_extension_bytes=", &into->limits.chunk_extension_bytes);
  if (!known) give_up("unknown option: " + word);
}

std::string slurp(const char* path) {
  std::ifstream file(path);
  if (!file) give_up(std::string("cannot read ") + path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string field(const wire::ResponseHead& head, size_t i) {
  const std::string value = escape(head.value(i));
  return escape(head.name(i)) + (value.empty() ? ":" : ": ") + value + "\n";
}

void write_head(const wire::ResponseHead& head, std::string* out) {
  *out += " HTTP/1." + std::to_string(head.minor_version) + " " + std::to_string(head.status) + " \"" +
          escape(head.reason()) + "\"\n";
  for (size_t i = 0; i < head.field_count; ++i) {
    *out += "  " + field(head, i);
  }
}

std::string error_name(int error) {
#define XX(name, number, message) \
  if (error == (number)) return #name;
  PESTER_ERRNO_MAP(XX)
#undef XX
  return std::to_string(error);
}

// Writes down items as they come.
class Scribe {
 public:
  Scribe(const wire::ResponseParser& parser, const wire::ResponseHead& head)
      : parser_(parser), head_(head) {}

  void take(wire::Item item, std::string_view body) {
    last_ = item;
    if (item == wire::Item::body) body_ += body;
    if (item == wire::Item::body || item == wire::Item::need_more) return;
    if (!body_.empty()) text_ += "body \"" + escape(body_) + "\"\n";
    body_.clear();
    if (item == wire::Item::informational) text_ += "informational";
    if (item == wire::Item::head) text_ += "head";
    if (item == wire::Item::informational || item == wire::Item::head) write_head(head_, &text_);
    if (item == wire::Item::error) {
      text_ += "error " + error_name(parser_.error()) + " " + std::string(parser_.why().view()) + "\n";
    }
  }
  void end(std::string_view left_over) {
    for (size_t i = head_.field_count; i < size_t{head_.field_count} + head_.trailer_count; ++i) {
      text_ += "trailer " + field(head_, i);
    }
    if (last_ == wire::Item::switched) {
      text_ += "switched";
    } else {
      text_ += parser_.persistent() ? "end, persistent" : "end, close";
    }
    if (parser_.keep_alive_timeout_s() != 0) {
      text_ += ", timeout " + std::to_string(parser_.keep_alive_timeout_s()) + " s";
    }
    if (!left_over.empty()) text_ += ", left over \"" + escape(left_over) + "\"";
    text_ += "\n";
  }
  std::string text() { return text_; }

 private:
  const wire::ResponseParser& parser_;
  const wire::ResponseHead& head_;
  std::string text_;
  std::string body_;
  wire::Item last_ = wire::Item::need_more;
};

// Feeds one piece as a connection would; true when the message is over.
bool feed_piece(wire::ResponseParser* parser, Scribe* scribe, std::string_view piece, size_t* consumed) {
  while (true) {
    const wire::Parsed parsed = parser->feed(piece);
    if (parsed.consumed > piece.size()) give_up("consumed more than there was");
    const char* const begin = piece.data();
    piece.remove_prefix(parsed.consumed);
    *consumed += parsed.consumed;
    if (parsed.item == wire::Item::body) {
      const bool inside = parsed.body.data() >= begin && !parsed.body.empty() &&
                          parsed.body.data() + parsed.body.size() == begin + parsed.consumed;
      if (!inside) give_up("a body span that is not the last of what was consumed");
    }
    scribe->take(parsed.item, parsed.body);
    if (parsed.item == wire::Item::need_more) {
      if (!piece.empty()) give_up("need_more before all input is consumed");
      return false;
    }
    if (parsed.item == wire::Item::end || parsed.item == wire::Item::switched ||
        parsed.item == wire::Item::error) {
      return true;
    }
  }
}

}  // namespace

std::vector<ResponseCase> read_cases(const char* path) {
  std::vector<ResponseCase> cases;
  std::istringstream file(slurp(path));
  std::string name;
  std::string fence;  // the info string while inside
  std::string text;
  for (std::string line; std::getline(file, line);) {
    if (line.compare(0, kFence.size(), kFence) != 0) {
      if (!fence.empty()) text += line + "\n";
      if (fence.empty() && line.compare(0, 3, "## ") == 0) name = line.substr(3);
      continue;
    }
    if (fence.empty()) {
      fence = line.substr(kFence.size());
      text.clear();
      if (fence.empty()) give_up(name + ": a fence that says nothing");
      continue;
    }
    std::istringstream words(fence);
    std::string kind;
    words >> kind;
    if (kind == "response") {
      cases.emplace_back();
      cases.back().name = name;
      cases.back().bytes = unescape(text);
      for (std::string word; words >> word;) take_option(word, &cases.back());
    } else if (kind == "outcome" && !cases.empty() && cases.back().outcome.empty()) {
      cases.back().outcome = text;
    } else {
      give_up(name + ": unexpected fence " + fence);
    }
    fence.clear();
  }
  for (const ResponseCase& one : cases) {
    if (one.outcome.empty()) give_up(one.name + ": no outcome");
  }
  return cases;
}

void write_outcomes(const char* path, const std::vector<ResponseCase>& cases) {
  std::istringstream file(slurp(path));
  std::string out;
  size_t next = 0;
  bool skipping = false;
  for (std::string line; std::getline(file, line);) {
    if (skipping && line == kFence) skipping = false;
    if (skipping) continue;
    out += line + "\n";
    if (line == "```outcome") {
      out += cases[next++].outcome;
      skipping = true;
    }
  }
  std::ofstream(path) << out;
}

Outcome parse(const ResponseCase& how, std::string_view bytes, const std::vector<size_t>& cuts) {
  wire::BlockPool pool(wire::Allocator::system());
  wire::ResponseHead head;
  wire::ResponseParser parser;
  parser.start(&head, &pool, &how.limits, how.head);
  if (how.connect) parser.expect_tunnel();
  if (how.upgrade) parser.expect_upgrade();
  if (how.lenient != 0) parser.relax(how.lenient);
  Scribe scribe(parser, head);
  Outcome outcome;
  size_t at = 0;
  bool over = false;
  for (size_t i = 0; i <= cuts.size() && !over; ++i) {
    const size_t end = i < cuts.size() ? cuts[i] : bytes.size();
    const std::unique_ptr<char[]> piece(new char[end - at]);
    std::memcpy(piece.get(), bytes.data() + at, end - at);
    over = feed_piece(&parser, &scribe, {piece.get(), end - at}, &outcome.consumed);
    at = end;
  }
  outcome.framed = over || parser.body_bytes_left() != UINT64_MAX ||
                   head.find("transfer-encoding").data() != nullptr || !parser.head_complete();
  if (!over) scribe.take(parser.finish(!how.unclean), {});
  outcome.error = parser.error();
  if (outcome.error == 0) scribe.end(bytes.substr(outcome.consumed));
  outcome.text = scribe.text();
  head.release(pool);
  pool.trim();
  return outcome;
}

}  // namespace pester::test
