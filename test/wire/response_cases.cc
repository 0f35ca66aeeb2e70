// SPDX-License-Identifier: MIT
// Runs the cases of response/*.md: each whole, byte by byte, cut at every offset and into random pieces;
// the outcome must be the one written down every time, to the word. Then each cut short at every byte.
//   response_cases FILE.md            run
//   response_cases --accept FILE.md   write down what the parser does now, for a human to judge
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "pester/errors.h"
#include "response_case.h"

#include "support/cmocka.h"

namespace pester::test {

namespace {

std::vector<ResponseCase>* cases;

bool same(const ResponseCase& one, const std::vector<size_t>& cuts, const char* how) {
  const Outcome outcome = parse(one, one.bytes, cuts);
  if (outcome.text == one.outcome) return true;
  std::printf("%s, %s%zu:\n--- expected\n%s--- came\n%s", one.name.c_str(), how,
              cuts.empty() ? size_t{0} : cuts.front(), one.outcome.c_str(), outcome.text.c_str());
  return false;
}

bool is_long(std::string_view bytes) {
  return bytes.size() > 2000;
}

// Every offset of a short response; the ends and some in between of a long one.
std::vector<size_t> offsets(std::string_view bytes) {
  std::vector<size_t> all;
  const size_t stride = is_long(bytes) ? bytes.size() / 20 : 1;
  for (size_t at = 0; at < bytes.size();) {
    all.push_back(at);
    const bool edge = at < 60 || bytes.size() - at <= 60;
    at = edge ? at + 1 : std::min(at + stride, bytes.size() - 60);
  }
  return all;
}

bool every_cut_is_the_same(const ResponseCase& one) {
  if (!same(one, {}, "whole ")) return false;
  std::vector<size_t> bytewise;
  for (size_t at = 1; at < one.bytes.size(); ++at) bytewise.push_back(at);
  if (!same(one, bytewise, "byte by byte ")) return false;
  for (const size_t at : offsets(one.bytes)) {
    if (!same(one, {at}, "cut at ")) return false;
  }
  unsigned seed = 1;
  for (int round = 0; round < (is_long(one.bytes) ? 3 : 50); ++round) {
    std::vector<size_t> cuts;
    for (size_t at = 0; at < one.bytes.size(); cuts.push_back(at)) {
      seed = seed * 1103515245 + 12345;
      at = std::min(one.bytes.size(), at + (seed >> 16) % 40);
    }
    if (!same(one, cuts, "random pieces, the first ends at ")) return false;
  }
  return true;
}

bool is_cut(int error) {
  return error == PESTER_EEMPTY || error == PESTER_EHEADCUT || error == PESTER_EBODYCUT;
}

// A response cut short is never taken for a whole one, unless nothing tells its length; what is wrong
// with it is wrong whatever follows.
bool no_prefix_passes_for_the_whole(const ResponseCase& one) {
  const Outcome whole = parse(one, one.bytes, {});
  const std::string_view bytes =
      std::string_view(one.bytes).substr(0, whole.error == 0 ? whole.consumed : std::string_view::npos);
  bool failed = false;
  for (const size_t at : offsets(bytes)) {
    const Outcome cut = parse(one, bytes.substr(0, at), {});
    const bool allowed = cut.error == 0 ? !cut.framed && !one.unclean && whole.error == 0
                                        : is_cut(cut.error) || cut.error == whole.error;
    const bool stays = !failed || cut.error == whole.error;
    if (!allowed || !stays) {
      std::printf("%s, the first %zu bytes: %s", one.name.c_str(), at, cut.text.c_str());
      return false;
    }
    failed = cut.error != 0 && !is_cut(cut.error);
  }
  return true;
}

void run_case(void** state) {
  const auto* one = static_cast<const ResponseCase*>(*state);
  assert_true(every_cut_is_the_same(*one));
  assert_true(no_prefix_passes_for_the_whole(*one));
}

int run(const char* path) {
  std::vector<CMUnitTest> tests;
  for (ResponseCase& one : *cases) {
    tests.push_back({one.name.c_str(), run_case, nullptr, nullptr, &one});
  }
  return _cmocka_run_group_tests(path, tests.data(), tests.size(), nullptr, nullptr);
}

}  // namespace

}  // namespace pester::test

int main(int argc, char** argv) {
  const bool accept = argc == 3 && std::strcmp(argv[1], "--accept") == 0;
  if (argc != 2 && !accept) return 2;
  std::vector<pester::test::ResponseCase> read = pester::test::read_cases(argv[argc - 1]);
  if (read.empty()) {
    std::fprintf(stderr, "%s: no cases\n", argv[argc - 1]);
    return 2;
  }
  pester::test::cases = &read;
  if (!accept) return pester::test::run(argv[1]) != 0;
  for (pester::test::ResponseCase& one : read)
    one.outcome = pester::test::parse(one, one.bytes, {}).text;
  pester::test::write_outcomes(argv[2], read);
  return 0;
}
