// SPDX-License-Identifier: MIT
// Claims about bodies decoded as they come: the same text however the bytes arrive and however little is
// asked for, an error for what is cut or damaged, and bounds that no bomb passes, in bounded memory. The
// coded bodies were made by other programs (content/make.py).
#include "wire/content_decoder.h"

#include <zlib.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "pester/errors.h"

#include "support/cmocka.h"

using namespace pester::wire;
using pester::core::Why;

namespace {

// ---- memory that counts, and fails when told to

struct Account {
  std::map<void*, size_t> blocks;
  size_t now = 0, peak = 0;
  long calls = 0, fail_at = 0;

  void add(void* block, size_t size) {
    blocks[block] = size;
    now += size;
    peak = std::max(peak, now);
  }
  void remove(void* block) {
    now -= blocks.at(block);
    blocks.erase(block);
  }
};
Account account;

void* alloc(size_t size, void*) {
  if (++account.calls == account.fail_at) return nullptr;
  void* block = std::malloc(size);
  account.add(block, size);
  return block;
}
void* resize(void* block, size_t size, void* data) {
  if (block != nullptr) account.remove(block);
  if (block != nullptr) std::free(block);  // nothing here needs what was in it
  return alloc(size, data);
}
void release(void* block, void*) {
  account.remove(block);
  std::free(block);
}
constexpr Allocator kAllocator = {alloc, resize, release, nullptr};

// ---- one body, decoded

struct Decoded {
  std::string text;
  int error = 0;  // of next() or finish()
  std::string why;
};

class Body {
 public:
  explicit Body(std::vector<Coding> codings, const DecodeLimits& limits = {}) {
    Codings given;
    for (const Coding coding : codings) given.at[given.count++] = coding;
    if (!decoder_.open(given, pool_, limits)) decoded.error = -ENOMEM;
  }
  ~Body() {
    decoder_.close(pool_);
    pool_.trim();
  }
  Body(const Body&) = delete;
  Body& operator=(const Body&) = delete;

  // `keep`: the text; else it is only counted.
  bool feed(std::string_view coded, size_t room = 16384, bool keep = true) {
    std::string out(room, '\0');
    Why why;
    for (bool more = true; more && decoded.error == 0;) {
      const auto piece = decoder_.next(&coded, out.data(), room, &why);
      if (piece.bytes > room) std::abort();
      if (keep) decoded.text.append(out.data(), piece.bytes);
      bytes += piece.bytes;
      decoded.error = piece.error;
      decoded.why = why.c_str();
      more = piece.more || !coded.empty();
      if (!piece.more && !coded.empty() && piece.error == 0) std::abort();  // it stood still
    }
    return decoded.error == 0;
  }
  Decoded end() {
    Why why;
    if (decoded.error == 0) decoded.error = decoder_.finish(&why);
    if (!why.empty()) decoded.why = why.c_str();
    return decoded;
  }
  Decoded decoded;
  uint64_t bytes = 0;

 private:
  BlockPool pool_{kAllocator};
  ContentDecoder decoder_;
};

Decoded decode(const std::vector<Coding>& codings, std::string_view coded,
               const DecodeLimits& limits = {}) {
  Body body(codings, limits);
  body.feed(coded);
  return body.end();
}

// ---- what there is to decode

std::string read(const std::string& name) {
  std::ifstream file(std::string(PESTER_TEST_CONTENT_DIR "/") + name, std::ios::binary);
  if (!file) std::abort();
  return {std::istreambuf_iterator<char>(file), {}};
}

struct Sample {
  std::string name;
  std::vector<Coding> codings;
  bool may_end_early = false;  // between two streams
  std::string coded;
};
std::vector<Sample> samples;
std::string text;

void add(const char* name, std::vector<Coding> codings, bool may_end_early = false) {
  samples.push_back({name, std::move(codings), may_end_early, read(name)});
}

int load(void**) {
  text = read("text");
  add("text.gz", {Coding::gzip});
  add("header.gz", {Coding::gzip});
  add("members.gz", {Coding::gzip}, true);
  add("text.zlib", {Coding::deflate});
  add("text.deflate", {Coding::deflate});
#ifdef PESTER_HAVE_BROTLI
  add("text.br", {Coding::brotli});
  add("text.gz.br", {Coding::gzip, Coding::brotli});
#endif
#ifdef PESTER_HAVE_ZSTD
  add("text.zst", {Coding::zstd});
  add("frames.zst", {Coding::zstd}, true);
  add("text.zst.gz", {Coding::zstd, Coding::gzip});
#endif
#if defined(PESTER_HAVE_BROTLI) && defined(PESTER_HAVE_ZSTD)
  add("five", {Coding::gzip, Coding::zstd, Coding::brotli, Coding::deflate, Coding::gzip});
#endif
  return 0;
}

void must_be_the_text(const Sample& sample, const Decoded& decoded, const char* how, size_t at) {
  if (decoded.error == 0 && decoded.text == text) return;
  fail_msg("%s, %s %zu: error %d %s, %zu bytes", sample.name.c_str(), how, at, decoded.error,
           decoded.why.c_str(), decoded.text.size());
}

// By zlib itself, told what to make bit by bit.
std::string deflate_by(int window_bits, const std::function<void(z_stream&, std::string*)>& write) {
  z_stream stream{};
  std::string out;
  if (deflateInit2(&stream, 9, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY) != Z_OK) std::abort();
  write(stream, &out);
  deflateEnd(&stream);
  return out;
}
void push(z_stream& stream, std::string* out, std::string_view bytes, int flush) {
  char room[4096];
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  do {
    stream.next_out = reinterpret_cast<Bytef*>(room);
    stream.avail_out = sizeof room;
    if (deflate(&stream, flush) == Z_STREAM_ERROR) std::abort();
    out->append(room, sizeof room - stream.avail_out);
  } while (stream.avail_out == 0);
}
std::string gzip(std::string_view bytes) {
  return deflate_by(31, [&](z_stream& stream, std::string* out) { push(stream, out, bytes, Z_FINISH); });
}

// ---- claims

void each_coding_gives_the_text(void**) {
  for (const Sample& sample : samples) {
    must_be_the_text(sample, decode(sample.codings, sample.coded), "whole", 0);
  }
}

void it_is_the_same_wherever_the_bytes_are_split(void**) {
  for (const Sample& sample : samples) {
    const std::string_view coded = sample.coded;
    for (size_t at = 0; at <= coded.size(); ++at) {
      Body body(sample.codings);
      body.feed(coded.substr(0, at));
      body.feed(coded.substr(at));
      must_be_the_text(sample, body.end(), "split at", at);
    }
  }
}

void it_is_the_same_byte_by_byte_and_in_pieces_of_any_size(void**) {
  for (const Sample& sample : samples) {
    for (const size_t room : {size_t{1}, size_t{2}, size_t{7}, size_t{4096}}) {
      for (const size_t step : {size_t{1}, size_t{3}, sample.coded.size()}) {
        Body body(sample.codings);
        for (size_t at = 0; at < sample.coded.size(); at += step) {
          body.feed(std::string_view(sample.coded).substr(at, step), room);
        }
        must_be_the_text(sample, body.end(), "room", room);
      }
    }
  }
}

void a_body_cut_at_any_byte_is_an_error(void**) {
  for (const Sample& sample : samples) {
    size_t ends = 0;
    for (size_t at = 1; at < sample.coded.size(); ++at) {
      const Decoded decoded = decode(sample.codings, sample.coded.substr(0, at));
      assert_true(text.starts_with(decoded.text));
      if (decoded.error == 0) {
        ++ends;
      } else if (decoded.error != PESTER_EENCODING ||
                 decoded.why.find("too early") == std::string::npos) {
        fail_msg("%s cut at %zu: %s", sample.name.c_str(), at, decoded.why.c_str());
      }
    }
    assert_int_equal(ends, sample.may_end_early ? 2 : 0);
  }
}

void the_error_names_the_coding_and_the_byte(void**) {
  const std::string coded = read("text.gz");
  assert_string_equal(decode({Coding::gzip}, coded.substr(0, 300)).why.c_str(),
                      "gzip, coding 1 of 1, at byte 300: it ends too early");
  std::string damaged = coded;
  damaged[coded.size() - 6] ^= 1;  // the check value
  assert_string_equal(decode({Coding::gzip}, damaged).why.c_str(),
                      "gzip, coding 1 of 1, at byte 386: incorrect data check");
  const Decoded inner = decode({Coding::deflate, Coding::gzip}, gzip("not deflated"));
  assert_int_equal(inner.error, PESTER_EENCODING);
  assert_true(inner.why.starts_with("deflate, coding 1 of 2, at byte "));
}

// Whatever byte is another one: an end, and nothing that the sanitizers see.
void a_damaged_body_ends(void**) {
  for (const Sample& sample : samples) {
    size_t errors = 0;
    for (size_t at = 0; at < sample.coded.size(); ++at) {
      std::string damaged = sample.coded;
      damaged[at] ^= static_cast<char>(1 << at % 8);
      const Decoded decoded = decode(sample.codings, damaged, {65536, 0});
      errors += decoded.error == PESTER_EENCODING || decoded.error == PESTER_EBODYSIZE;
    }
    assert_true(errors > sample.coded.size() / 4);
  }
}

void no_bytes_at_all_are_an_empty_body(void**) {
  for (const Sample& sample : samples) {
    const Decoded decoded = decode(sample.codings, "");
    assert_int_equal(decoded.error, 0);
    assert_int_equal(decoded.text.size(), 0);
  }
  assert_int_equal(decode({Coding::gzip, Coding::gzip}, gzip("")).error, PESTER_EENCODING);
}

void zeros_behind_the_end_are_padding_and_other_bytes_an_error(void**) {
  for (const Sample& sample : samples) {
    must_be_the_text(sample, decode(sample.codings, sample.coded + std::string(700, '\0')), "padded", 0);
    for (const std::string& junk : {std::string("x"), std::string("\0\0x", 3), std::string("\x1f")}) {
      Body body(sample.codings);
      body.feed(sample.coded);
      body.feed(junk);
      assert_int_equal(body.end().error, PESTER_EENCODING);
    }
  }
  // Behind zeros not even another stream.
  const std::string one = gzip("one");
  assert_int_equal(decode({Coding::gzip}, one + one).error, 0);
  assert_string_equal(decode({Coding::gzip}, one + '\0' + one).why.c_str(),
                      "gzip, coding 1 of 1, at byte 24: bytes behind the end of the stream");
}

void deflate_with_and_without_a_header_is_told_apart(void**) {
  for (const int window_bits : {9, 12, 15, -15}) {
    for (const int level : {0, 1, 9}) {
      const std::string coded = deflate_by(window_bits, [&](z_stream& stream, std::string* out) {
        deflateParams(&stream, level, Z_DEFAULT_STRATEGY);
        push(stream, out, text, Z_FINISH);
      });
      assert_true(decode({Coding::deflate}, coded).text == text);
    }
  }
  assert_int_equal(decode({Coding::deflate}, std::string_view("\x03\x00", 2)).error, 0);  // bare, empty
  assert_int_equal(decode({Coding::deflate}, "\x78").error, PESTER_EENCODING);
}

void a_dictionary_is_not_to_be_had(void**) {
  const std::string coded = deflate_by(15, [](z_stream& stream, std::string* out) {
    deflateSetDictionary(&stream, reinterpret_cast<const Bytef*>("secret"), 6);
    push(stream, out, "secret", Z_FINISH);
  });
  const Decoded decoded = decode({Coding::deflate}, coded);
  assert_int_equal(decoded.error, PESTER_EENCODING);
  assert_true(decoded.why.ends_with("it needs a dictionary"));
}

// ---- bounds

// Zeros without end, deflated as they are asked for: 64 KiB of them are some 80 bytes.
struct Bomb {
  z_stream stream{};
  std::string zeros = std::string(1 << 20, '\0');
  Bomb() { (void)deflateInit2(&stream, 9, Z_DEFLATED, 31, 9, Z_DEFAULT_STRATEGY); }
  ~Bomb() { deflateEnd(&stream); }
  Bomb(const Bomb&) = delete;
  Bomb& operator=(const Bomb&) = delete;
  std::string next() {
    std::string out;
    push(stream, &out, zeros, Z_NO_FLUSH);
    return out;
  }
};

void a_bomb_of_a_gibibyte_is_stopped_by_its_ratio(void**) {
  account = {};
  Bomb bomb;
  Body body({Coding::gzip});
  uint64_t fed = 0;
  for (int i = 0; i < 1024 && body.decoded.error == 0; ++i) {
    const std::string part = bomb.next();
    fed += part.size();
    body.feed(part, 16384, false);
  }
  assert_int_equal(body.decoded.error, PESTER_EBODYSIZE);
  assert_true(body.decoded.why.ends_with("beyond the ratio that is allowed"));
  assert_in_range(body.bytes, kRatioFrom - 16384, kRatioFrom + 32768);
  assert_true(fed < 16384);
  assert_true(account.peak < 65536);
}

void a_bomb_without_a_ratio_is_stopped_by_its_size(void**) {
  for (const uint64_t size : {uint64_t{1}, uint64_t{100'000}, uint64_t{8} << 20}) {
    Bomb bomb;
    Body body({Coding::gzip}, {size, 0});
    for (int i = 0; i < 1024 && body.decoded.error == 0; ++i) body.feed(bomb.next(), 16384, false);
    assert_int_equal(body.decoded.error, PESTER_EBODYSIZE);
    assert_true(body.decoded.why.ends_with("beyond the size that is allowed"));
    assert_true(body.bytes <= size && body.bytes + 16384 >= size);
  }
}

void what_just_fits_is_no_bomb(void**) {
  assert_int_equal(decode({Coding::gzip}, read("text.gz"), {text.size(), 0}).error, 0);
  assert_int_equal(decode({Coding::gzip}, read("text.gz"), {text.size() - 1, 0}).error,
                   PESTER_EBODYSIZE);
  const std::string zeros(kRatioFrom, '\0');  // a thousand to one, but small
  assert_int_equal(decode({Coding::gzip}, gzip(zeros)).error, 0);
  assert_int_equal(decode({Coding::gzip}, gzip(zeros + '\0')).error, PESTER_EBODYSIZE);
  std::string noise(3 << 20, '\0');
  uint32_t dice = 1;
  for (char& byte : noise) byte = static_cast<char>((dice = dice * 1664525 + 1013904223) >> 24);
  assert_int_equal(decode({Coding::gzip}, gzip(noise), {noise.size(), 1}).error, 0);
}

// Each layer multiplies, though little comes out in the end, or nothing.
void a_layer_between_is_bounded_as_well(void**) {
  account = {};
  const std::string zeros(64 << 20, '\0');
  const std::string twice = gzip(gzip(zeros));
  assert_true(twice.size() < 1024);
  const Decoded decoded = decode({Coding::gzip, Coding::gzip}, twice);
  assert_int_equal(decoded.error, PESTER_EBODYSIZE);
  assert_true(decoded.text.size() <= kRatioFrom);
  std::string nothing;  // stored blocks of no bytes
  for (int i = 0; i < 4 << 20; ++i) nothing.append("\0\0\0\xff\xff", 5);
  const std::string coded = gzip(nothing);
  const Decoded hollow = decode({Coding::deflate, Coding::gzip}, coded);
  assert_int_equal(hollow.error, PESTER_EBODYSIZE);
  assert_true(hollow.why.starts_with("gzip, coding 2 of 2"));
  const Decoded by_size = decode({Coding::deflate, Coding::gzip}, coded, {1000, 0});
  assert_int_equal(by_size.error, PESTER_EBODYSIZE);
  assert_true(account.peak < 262144);
}

// Of a body of a limited size, what comes is limited, though nothing comes out.
void a_body_that_never_says_anything_is_stopped(void**) {
  std::string nothing("\x78\x9c");
  for (int i = 0; i < 20'000; ++i) nothing.append("\0\0\0\xff\xff", 5);
  assert_int_equal(decode({Coding::deflate}, nothing, {1000, 100}).error, PESTER_EBODYSIZE);
  assert_int_equal(decode({Coding::deflate}, nothing).error, PESTER_EENCODING);  // no limit, but cut
}

#ifdef PESTER_HAVE_ZSTD
// Its header asks for a window of 2^(10 + exponent) bytes; an empty block follows.
std::string zstd_frame(int exponent) {
  return std::string("\x28\xb5\x2f\xfd\x00", 5) + static_cast<char>(exponent << 3) +
         std::string("\x01\x00\x00", 3);
}
void a_window_beyond_8_mib_is_refused(void**) {
  account = {};
  assert_int_equal(decode({Coding::zstd}, zstd_frame(13)).error, 0);
  assert_true(account.peak < size_t{10} << 20);
  const Decoded decoded = decode({Coding::zstd}, zstd_frame(14));
  assert_int_equal(decoded.error, PESTER_EENCODING);
  assert_true(account.peak < size_t{10} << 20);
}
void frames_of_before_the_standard_are_refused(void**) {
  for (const char* magic : {"\x27\xb5\x2f\xfd", "\x22\xb5\x2f\xfd", "\x1e\xb5\x2f\xfd"}) {
    const Decoded decoded = decode({Coding::zstd}, std::string(magic) + std::string(20, '\0'));
    assert_int_equal(decoded.error, PESTER_EENCODING);
    assert_true(decoded.why.ends_with("no frame begins so"));
  }
  assert_int_equal(decode({Coding::zstd}, std::string("\x5f\x2a\x4d\x18\0\0\0\0", 8)).error, 0);
}
// A frame of no bytes whose one block is a byte repeated no times: libzstd 1.5.4 by itself takes it
// when it has it whole, and not when it comes in parts.
void a_frame_is_read_by_the_same_rules_whole_and_in_parts(void**) {
  const std::string coded("\x28\xb5\x2f\xfd\x30\x00\x03\x00\x00\x00", 10);
  const int error = decode({Coding::zstd}, coded).error;
  for (size_t cut = 1; cut < coded.size(); ++cut) {
    Body body({Coding::zstd}, {});
    body.feed(coded.substr(0, cut));
    body.feed(coded.substr(cut));
    assert_int_equal(body.end().error, error);
  }
}
// A block of one byte, 128 KiB long: repeated.
void a_bomb_of_zstd_is_stopped(void**) {
  std::string coded("\x28\xb5\x2f\xfd\x00\x58", 6);
  for (int i = 0; i < 8192; ++i) coded += std::string("\x02\x00\x10\x00", 4);
  const Decoded decoded = decode({Coding::zstd}, coded);
  assert_int_equal(decoded.error, PESTER_EBODYSIZE);
  assert_true(decoded.text.size() <= kRatioFrom);
}
#endif

#ifdef PESTER_HAVE_BROTLI
void a_large_window_of_brotli_is_refused(void**) {
  assert_int_equal(decode({Coding::brotli}, "\x11\x1e\x3b\x03").error, PESTER_EENCODING);
}
// 64 MiB of zeros.
void a_bomb_of_brotli_is_stopped(void**) {
  account = {};
  const std::string coded = read("zeros.br");
  assert_true(coded.size() < 1024);
  const Decoded decoded = decode({Coding::brotli}, coded);
  assert_int_equal(decoded.error, PESTER_EBODYSIZE);
  assert_true(decoded.text.size() <= kRatioFrom);
  assert_true(account.peak < size_t{20} << 20);
}
#endif

// ---- memory

void any_allocation_may_fail(void**) {
  for (const Sample& sample : samples) {
    for (long nth = 1;; ++nth) {
      account = {};
      account.fail_at = nth;
      const Decoded decoded = [&] {
        Body body(sample.codings);
        if (body.decoded.error == 0) body.feed(sample.coded);
        return body.end();
      }();
      assert_int_equal(account.blocks.size(), 0);
      if (account.calls < nth) break;
      if (decoded.error != -ENOMEM)
        fail_msg("%s, allocation %ld: %d", sample.name.c_str(), nth, decoded.error);
    }
    account = {};
  }
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(each_coding_gives_the_text),
      cmocka_unit_test(it_is_the_same_wherever_the_bytes_are_split),
      cmocka_unit_test(it_is_the_same_byte_by_byte_and_in_pieces_of_any_size),
      cmocka_unit_test(a_body_cut_at_any_byte_is_an_error),
      cmocka_unit_test(the_error_names_the_coding_and_the_byte),
      cmocka_unit_test(a_damaged_body_ends),
      cmocka_unit_test(no_bytes_at_all_are_an_empty_body),
      cmocka_unit_test(zeros_behind_the_end_are_padding_and_other_bytes_an_error),
      cmocka_unit_test(deflate_with_and_without_a_header_is_told_apart),
      cmocka_unit_test(a_dictionary_is_not_to_be_had),
      cmocka_unit_test(a_bomb_of_a_gibibyte_is_stopped_by_its_ratio),
      cmocka_unit_test(a_bomb_without_a_ratio_is_stopped_by_its_size),
      cmocka_unit_test(what_just_fits_is_no_bomb),
      cmocka_unit_test(a_layer_between_is_bounded_as_well),
      cmocka_unit_test(a_body_that_never_says_anything_is_stopped),
#ifdef PESTER_HAVE_ZSTD
      cmocka_unit_test(a_window_beyond_8_mib_is_refused),
      cmocka_unit_test(frames_of_before_the_standard_are_refused),
      cmocka_unit_test(a_frame_is_read_by_the_same_rules_whole_and_in_parts),
      cmocka_unit_test(a_bomb_of_zstd_is_stopped),
#endif
#ifdef PESTER_HAVE_BROTLI
      cmocka_unit_test(a_large_window_of_brotli_is_refused),
      cmocka_unit_test(a_bomb_of_brotli_is_stopped),
#endif
      cmocka_unit_test(any_allocation_may_fail),
  };
  return cmocka_run_group_tests_name("content_decoder", tests, load, nullptr) != 0;
}
