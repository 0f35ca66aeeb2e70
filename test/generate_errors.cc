// SPDX-License-Identifier: MIT
// Prints docs/errors.md from the one list of codes, with what each is to a retry rule. The tests compare
// it with the committed file: `build/test/generate_errors > docs/errors.md` mends a difference.
#include <cstdio>

#include "core/types.h"

namespace {

const char* class_name(pester::core::FailureClass failure) {
  using pester::core::FailureClass;
  switch (failure) {
    case FailureClass::none:
      return "-";
    case FailureClass::connect:
      return "connect";
    case FailureClass::dns:
      return "dns";
    case FailureClass::timeout:
      return "timeout";
    case FailureClass::reset:
      return "reset";
    case FailureClass::body:
      return "body";
    case FailureClass::tls:
      return "tls";
    case FailureClass::protocol:
      return "protocol";
    case FailureClass::final:
      return "never";
  }
  return "-";
}

void print_row(const char* name, int number, const char* message) {
  std::printf("| `PESTER_%s` | %d | %s | %s | %s |\n", name, number, message,
              class_name(pester::core::class_of(number, false)),
              class_name(pester::core::class_of(number, true)));
}

}  // namespace

int main() {
  std::puts("# Errors\n");
  std::puts(
      "A failing call or request carries a negative int: a libuv errno, which is what the system said, "
      "or one");
  std::puts("of the codes below. `pester_strerror` gives the message, `pester_err_name` the name, and");
  std::puts(
      "`pester_result_detail` what is known beyond: the verify reason, the parser's reason and byte, "
      "the bytes");
  std::puts(
      "missing. A status is never an error: when tries run out, the last 503 is delivered as a "
      "response.\n");
  std::puts(
      "The class is what a retry rule names (`retry_on`); by default `connect`, `dns`, `timeout`, "
      "`reset` and");
  std::puts("`body` are tried again. It depends on whether the response's head was complete.\n");
  std::puts("| name | number | message | class before the head | class after it |");
  std::puts("| --- | --- | --- | --- | --- |");
#define XX(name, number, message) print_row(#name, number, message);
  PESTER_ERRNO_MAP(XX)
#undef XX
  std::puts(
      "\nOf libuv's: `UV_EAI_*` are class `dns` (a name that does not exist is asked for three times at "
      "most);");
  std::puts(
      "`UV_ECONNRESET` and `UV_EPIPE` are `reset`, or `body` after the head; `UV_ETIMEDOUT` is "
      "`timeout`; the");
  std::puts("others are `connect`.");
  return 0;
}
