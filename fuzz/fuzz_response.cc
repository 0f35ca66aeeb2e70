// SPDX-License-Identifier: MIT
// Any bytes as a response. The claims: whole, cut anywhere and byte by byte give the same items, the
// same body and the same error to the word; leniency changes nothing that is right, and lets no
// connection go on after what is not; nothing of what is accepted breaks the grammar (an assertion of
// the parser's own); llhttp is never the only one to find a fault, so that its version makes no
// difference.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include "pester/errors.h"
#include "wire/head_grammar.h"
#include "wire/response_parser.h"

namespace {

using namespace pester::wire;

// The first byte of the input.
struct Options {
  explicit Options(uint8_t byte)
      : no_body(byte % 4 == 1), upgrade(byte % 4 == 2), tunnel(byte % 4 == 3), clean((byte & 4) != 0) {
    if ((byte & 8) != 0) limits = {100, 4, 2, 30, 8};
    lenient = (byte >> 4) & lenient::kAll;
  }
  bool no_body, upgrade, tunnel, clean;
  uint8_t lenient;
  ParserLimits limits;
};

[[noreturn]] void wrong(const char* what) {
  std::fprintf(stderr, "%s\n", what);
  std::abort();
}

// Where the next piece ends: cuts come from the bytes of a seed, a zero means the rest.
struct Cuts {
  uint32_t seed;
  bool bytewise;
  size_t next(size_t left) {
    if (bytewise) return 1;
    if (seed == 0) return left;
    seed = seed * 1664525 + 1013904223;
    const size_t size = (seed >> 24) % 48;
    return size < left ? size : left;
  }
};

void note_head(const ResponseHead& head, std::string* record) {
  *record += " " + std::to_string(head.status) + std::string(head.reason()) + "\n";
  for (size_t i = 0; i < size_t{head.field_count} + head.trailer_count; ++i) {
    const bool ended = *(head.name(i).data() + head.name(i).size()) == '\0' &&
                       *(head.value(i).data() + head.value(i).size()) == '\0';
    if (!ended) wrong("a text without its NUL");
    *record += std::string(head.name(i)) + ":" + std::string(head.value(i)) + "\n";
  }
}

class Run {
 public:
  explicit Run(const Options& options) : options_(options) {
    parser_.start(&head_, &pool_, &options_.limits, options_.no_body);
    if (options_.upgrade) parser_.expect_upgrade();
    if (options_.tunnel) parser_.expect_tunnel();
    parser_.relax(options_.lenient);
  }
  ~Run() {
    head_.release(pool_);
    pool_.trim();
  }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  [[nodiscard]] bool failed() const { return parser_.error() != 0; }
  [[nodiscard]] bool persistent() const { return parser_.persistent(); }
  std::string all(std::string_view input, Cuts cuts) {
    bool over = false;
    while (!input.empty() && !over) {
      const size_t size = cuts.next(input.size());
      const std::string piece(input.substr(0, size));  // memory of its own
      over = feed(piece);
      input.remove_prefix(size);
    }
    const Item last = over ? last_ : parser_.finish(options_.clean);
    note(last);
    record_ += "body " + body_ + "\n";
    if (last == Item::end || last == Item::switched) note_head(head_, &record_);
    record_ += parser_.why().view();
    if (parser_.why().view().find("llhttp") != std::string_view::npos) wrong(parser_.why().c_str());
    if ((last == Item::error) != (parser_.error() != 0)) wrong("an error without a code");
    if (parser_.error() != 0 && parser_.why().empty()) wrong("an error without a text");
    return record_ + std::to_string(parser_.error()) +
           (parser_.persistent() ? " persistent" : " close") +
           std::to_string(parser_.keep_alive_timeout_s());
  }

 private:
  void note(Item item) {
    if (item == Item::need_more || item == Item::body) return;
    record_ += std::to_string(static_cast<int>(item));
    if (item == Item::head || item == Item::informational) note_head(head_, &record_);
  }
  bool feed(std::string_view piece) {
    while (true) {
      const Parsed parsed = parser_.feed(piece);
      if (parsed.consumed > piece.size()) wrong("consumed more than there was");
      piece.remove_prefix(parsed.consumed);
      body_ += parsed.body;
      last_ = parsed.item;
      if (last_ == Item::need_more && !piece.empty()) wrong("need_more with input left");
      if (last_ == Item::need_more) return false;
      if (last_ == Item::end || last_ == Item::switched || last_ == Item::error) return true;
      note(last_);
    }
  }

  Options options_;
  BlockPool pool_{Allocator::system()};
  ResponseHead head_;
  ResponseParser parser_;
  Item last_ = Item::need_more;
  std::string record_;
  std::string body_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const Options options(data[0]);
  const std::string_view input(reinterpret_cast<const char*>(data) + 2, size - 2);
  const std::string whole = Run(options).all(input, {0, false});
  const std::string bytewise = Run(options).all(input, {0, true});
  const std::string cut = Run(options).all(input, {data[1] + uint32_t{1}, false});
  if (whole != bytewise || whole != cut) {
    std::fprintf(stderr, "--- whole\n%s\n--- byte by byte\n%s\n--- cut\n%s\n", whole.c_str(),
                 bytewise.c_str(), cut.c_str());
    std::abort();
  }
  if (options.lenient == 0) return 0;
  // What is right stays as it is; what was put right is not followed by anything.
  Options strict_options = options;
  strict_options.lenient = 0;
  Run strict(strict_options);
  Run relaxed(options);
  const std::string by_the_book = strict.all(input, {0, false});
  const std::string passed = relaxed.all(input, {0, false});
  if (!strict.failed() && passed != by_the_book) wrong("leniency changed what was right");
  if (strict.failed() && !relaxed.failed() && relaxed.persistent()) {
    wrong("a message that was put right is followed by another one");
  }
  return 0;
}
